// SPDX-License-Identifier: Apache-2.0
#include "core/engine_process.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/lock.hpp"
#include "util/fd.hpp"
#include "util/secret.hpp"

namespace wif {
namespace {

// How long an engine may overstay its deadline: its own watchdog tells more than we can.
constexpr std::int64_t k_grace_ms = 250;
constexpr std::size_t k_answer_limit = 4 << 20;
constexpr int k_lock_descriptor = 3;

EngineAnswer failed(Category category, std::string message, std::string hint = {}) {
  EngineAnswer answer;
  EngineError failure;
  failure.error = Error{category, std::move(message), std::move(hint), {}};
  answer.outcome = tl::unexpected(std::move(failure));
  return answer;
}

// A memory file, so that nobody has to stay behind to feed a pipe.
Result<Fd> request_file(const EngineRequest& request) {
  const std::string text = write_request(request);
  Fd fd(memfd_create("wif-request", MFD_CLOEXEC));
  if (fd && write_all(fd.get(), text) == 0) {
    lseek(fd.get(), 0, SEEK_SET);
    return fd;
  }
  // A limit on file sizes counts memory files too; a pipe holds what fits into its buffer, and no request is larger.
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
    return fail(Category::bug, "cannot make a pipe: " + errno_text(errno));
  Fd reader(ends[0]);
  const Fd writer(ends[1]);
  if (const int error = write_all(writer.get(), text); error != 0)
    return fail(Category::bug, "cannot write the engine's request: " + errno_text(error));
  return reader;
}

class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&m_actions);
    posix_spawnattr_init(&m_attributes);
    // A watching wif has signals blocked; its engine must stay killable.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&m_attributes, &none);
    posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&m_actions);
    posix_spawnattr_destroy(&m_attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void place(int from, int to) { posix_spawn_file_actions_adddup2(&m_actions, from, to); }
  void place_null(int to) { posix_spawn_file_actions_addopen(&m_actions, to, "/dev/null", O_RDWR, 0); }
  void close_from(int first) { posix_spawn_file_actions_addclosefrom_np(&m_actions, first); }
  void own_session() { posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID); }

  Result<pid_t> start(const std::string& path) {
    std::string name = "wif-engine";
    std::array<char*, 2> arguments{name.data(), nullptr};
    pid_t pid = -1;
    const int error = posix_spawn(&pid, path.c_str(), &m_actions, &m_attributes, arguments.data(), environ);
    if (error != 0)
      return fail(Category::bug, "cannot start " + path + ": " + errno_text(error),
                  "install the whole package: wif needs wif-engine in ../libexec/wif");
    return pid;
  }

 private:
  posix_spawn_file_actions_t m_actions{};
  posix_spawnattr_t m_attributes{};
};

// The plan's dup2s happen in order: no source may lie where an earlier one was placed.
Fd above_standard(const Fd& fd) { return Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 10)); }

// What the pipe says until its end or `until_ms`; false if time was up.
bool read_until(int fd, std::int64_t until_ms, std::string& text) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const std::int64_t left = until_ms - monotonic_ms();
    if (left <= 0) return false;
    pollfd waiting{fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
    if (ready <= 0) continue;
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    append_wiping(text, {buffer.data(), static_cast<std::size_t>(count)});
    if (text.size() > k_answer_limit) break;
  }
  explicit_bzero(buffer.data(), buffer.size());
  return true;
}

std::string at_stage(const std::string& stage, const EngineRequest& request) {
  if (stage == "provider") return "while provider \"" + request.provider + "\" ran";
  if (stage == "exchange") return "during the exchange";
  return "before it began";
}

EngineAnswer read_outcome(const std::string& text, int status, bool in_time, const EngineRequest& request) {
  std::string stage;
  auto answer = read_answer(text, stage);
  if (answer) return std::move(*answer);
  if (!in_time)
    return failed(Category::unreachable, "no answer within the time allowed, " + at_stage(stage, request),
                  "give it more with --timeout, or see `wif doctor`");
  if (WIFSIGNALED(status))
    return failed(Category::bug,
                  "wif-engine was ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
                      strsignal(WTERMSIG(status)) + ") " + at_stage(stage, request),
                  stage == "provider"
                      ? "the module " + request.module + " is at fault: tell those who made it"
                      : "please report this");
  return failed(Category::bug,
                answer.error().message + ", " + at_stage(stage, request) + " (exit status " +
                    std::to_string(WEXITSTATUS(status)) + ")",
                "please report this");
}

}  // namespace

EngineAnswer EngineProcess::run(const EngineRequest& request, int lock) {
  const auto path = engine_path(m_system);
  if (!path) return failed(path.error().category, path.error().message, path.error().hint);
  auto input = request_file(request);
  if (!input) return failed(input.error().category, input.error().message);
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return failed(Category::bug, "cannot make a pipe: " + errno_text(errno));
  const Fd reader(ends[0]);
  Fd writer(ends[1]);

  SpawnPlan plan;
  const Fd high_input = above_standard(*input);
  Fd high_writer = above_standard(writer);
  const Fd high_lock = lock >= 0 ? Fd(fcntl(lock, F_DUPFD_CLOEXEC, 10)) : Fd();
  plan.place(high_input.get(), STDIN_FILENO);
  plan.place(high_writer.get(), STDOUT_FILENO);
  if (high_lock) plan.place(high_lock.get(), k_lock_descriptor);
  plan.close_from(high_lock ? k_lock_descriptor + 1 : k_lock_descriptor);
  const auto pid = plan.start(*path);
  if (!pid) return failed(pid.error().category, pid.error().message, pid.error().hint);
  writer.reset();
  high_writer.reset();

  std::string text;
  const bool in_time = read_until(reader.get(), request.deadline_ms + k_grace_ms, text);
  if (!in_time) kill(*pid, SIGKILL);
  int status = 0;
  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR) continue;
  EngineAnswer answer = read_outcome(text, status, in_time, request);
  wipe(text);
  return answer;
}

Status EngineProcess::detach(const EngineRequest& request, int lock) {
  TRY_ASSIGN(const std::string path, engine_path(m_system));
  TRY_ASSIGN(const Fd input, request_file(request));
  SpawnPlan plan;
  const Fd high_input = above_standard(input);
  const Fd high_lock(fcntl(lock, F_DUPFD_CLOEXEC, 10));
  plan.place(high_input.get(), STDIN_FILENO);
  plan.place_null(STDOUT_FILENO);
  plan.place_null(STDERR_FILENO);
  plan.place(high_lock.get(), k_lock_descriptor);
  plan.close_from(k_lock_descriptor + 1);
  plan.own_session();
  TRY(plan.start(path));
  return {};
}

Result<std::string> engine_path(const System& system) {
  if (auto path = system.trusted_variable("WIF_ENGINE")) return std::move(*path);
  std::string self(PATH_MAX, '\0');
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
  if (length <= 0)
    return fail(Category::bug, "cannot read /proc/self/exe: " + errno_text(errno), "mount /proc");
  self.resize(static_cast<std::size_t>(length));
  const std::string folder = self.substr(0, self.rfind('/'));
  return folder.substr(0, folder.rfind('/')) + "/libexec/wif/wif-engine";
}

}  // namespace wif
