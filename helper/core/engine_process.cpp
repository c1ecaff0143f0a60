// SPDX-License-Identifier: Apache-2.0
#include "core/engine_process.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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

// Where /proc isn't mounted, as in a bare root directory: what the kernel was asked to start. With raised privileges those are
// somebody else's words.
Result<std::string> own_path() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length > 0) return std::string(path.data(), static_cast<std::size_t>(length));
  const int error = errno;
  const auto* started = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (getauxval(AT_SECURE) == 0 && started != nullptr && realpath(started, path.data()) != nullptr)
    return std::string(path.data());
  return fail(Category::bug, "cannot read /proc/self/exe: " + errno_text(error), "mount /proc");
}

// A limit on file sizes counts memory files too, and who passes it gets SIGXFSZ.
bool may_write(std::size_t size) {
  rlimit limit{};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= size;
}

// A memory file, so that nobody has to stay behind to feed a pipe.
Result<Fd> request_file(const EngineRequest& request) {
  const Secret secret(write_request(request));
  const std::string_view text = secret.view();
  Fd fd;
  if (may_write(text.size())) fd = Fd(memfd_create("wif-request", MFD_CLOEXEC));
  if (fd && write_all(fd.get(), text) == 0) {
    lseek(fd.get(), 0, SEEK_SET);
    return fd;
  }
  // A pipe holds what fits into its buffer, and no request is larger.
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
    // A watching wif has signals blocked; its engine must stay killable. Who ignores SIGCHLD can't wait for children.
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&m_attributes, &signals);
    sigaddset(&signals, SIGCHLD);
    posix_spawnattr_setsigdefault(&m_attributes, &signals);
    posix_spawnattr_setflags(&m_attributes, k_flags);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&m_actions);
    posix_spawnattr_destroy(&m_attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void place(int from, int to) { posix_spawn_file_actions_adddup2(&m_actions, from, to); }
  void close_from(int first) { posix_spawn_file_actions_addclosefrom_np(&m_actions, first); }
  void own_session() { posix_spawnattr_setflags(&m_attributes, k_flags | POSIX_SPAWN_SETSID); }

  Result<pid_t> start(const std::string& path) {
    std::string name = "wif-engine";
    std::array<char*, 2> arguments{name.data(), nullptr};
    pid_t pid = -1;
    const int error = posix_spawn(&pid, path.c_str(), &m_actions, &m_attributes, arguments.data(), environ);
    if (error != 0) return not_started(path, error);
    return pid;
  }

  // Through a process that ends at once: a program that isn't ours would never wait for the engine as its child.
  Status start_orphan(const std::string& path) {
    std::string name = "wif-engine";
    std::array<char*, 2> arguments{name.data(), nullptr};
    // The process in between has our memory: no handler of the program may run there.
    sigset_t all;
    sigset_t former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    const pid_t between = vfork();
    if (between == 0) {
      pid_t pid = -1;
      _exit(posix_spawn(&pid, path.c_str(), &m_actions, &m_attributes, arguments.data(), environ));
    }
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &former, nullptr);
    if (between < 0) return not_started(path, error);
    int status = 0;
    while (waitpid(between, &status, 0) < 0)
      if (errno != EINTR) return {};  // the program has waited for it, or ignores its children
    if (status != 0) return not_started(path, WEXITSTATUS(status));
    return {};
  }

 private:
  static constexpr short k_flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;

  static tl::unexpected<Error> not_started(const std::string& path, int error) {
    return fail(Category::bug, "cannot start " + path + ": " + errno_text(error),
                "install the whole package: wif needs wif-engine in ../libexec/wif");
  }

  posix_spawn_file_actions_t m_actions{};
  posix_spawnattr_t m_attributes{};
};

// The plan's dup2s happen in order: no source may lie where an earlier one was placed.
Fd above_standard(const Fd& fd) { return Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 10)); }

// Our child, by a descriptor of its own: a program that waits for any child may have taken ours, and its number may be
// another's by then. Linux before 5.4 has the number only.
class Child {
 public:
  explicit Child(pid_t pid) : m_pid(pid), m_fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

  // Readable once the child has ended; -1 where there is none.
  int descriptor() const { return m_fd.get(); }
  void end() const {
    if (!m_fd)
      kill(m_pid, SIGKILL);
    else
      syscall(SYS_pidfd_send_signal, m_fd.get(), SIGKILL, nullptr, 0);
  }
  // Its status as waitpid(2) has it; nothing if that was taken.
  std::optional<int> wait() const {
    siginfo_t info{};
    while (waitid(m_fd ? P_PIDFD : P_PID, static_cast<id_t>(m_fd ? m_fd.get() : m_pid), &info, WEXITED) != 0)
      if (errno != EINTR) return {};
    return info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : info.si_status;
  }

 private:
  pid_t m_pid;
  Fd m_fd;
};

// What the pipe says until its end, the child's end or `until_ms`; false if time was up. Its end alone isn't enough: a
// process that the program forked just now may hold the pipe open.
bool read_until(int fd, int child, std::int64_t until_ms, std::string& text) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const std::int64_t left = until_ms - monotonic_ms();
    if (left <= 0) return false;
    std::array waiting{pollfd{fd, POLLIN, 0}, pollfd{child, POLLIN, 0}};
    const int ready =
        poll(waiting.data(), waiting.size(), static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
    if (ready <= 0) continue;
    if (waiting[0].revents == 0) break;
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

EngineAnswer no_answer(const Error& error, const std::string& stage, std::optional<int> status, bool in_time,
                       const EngineRequest& request) {
  if (!in_time)
    return failed(Category::unreachable, "no answer within the time allowed, " + at_stage(stage, request),
                  "give it more with --timeout");
  if (!status)
    return failed(Category::bug,
                  error.message + ", " + at_stage(stage, request) +
                      " (this program takes its children's exit status, or ignores SIGCHLD)",
                  "please report this");
  if (WIFSIGNALED(*status))
    return failed(Category::bug,
                  "wif-engine was ended by signal " + std::to_string(WTERMSIG(*status)) + " (" +
                      strsignal(WTERMSIG(*status)) + ") " + at_stage(stage, request),
                  stage == "provider"
                      ? "the module " + request.module + " is at fault: tell those who made it"
                      : "please report this");
  return failed(Category::bug,
                error.message + ", " + at_stage(stage, request) + " (exit status " +
                    std::to_string(WEXITSTATUS(*status)) + ")",
                "please report this");
}

EngineAnswer read_outcome(const std::string& text, std::optional<int> status, bool in_time,
                          const EngineRequest& request) {
  std::string stage;
  auto answer = read_answer(text, stage);
  if (answer) return std::move(*answer);
  EngineAnswer failure = no_answer(answer.error(), stage, status, in_time, request);
  failure.outcome.error().stage = stage;
  return failure;
}

}  // namespace

EngineAnswer EngineProcess::run(const EngineRequest& request, int lock) {
  const auto path = m_host.find(m_system);
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
  if (!high_input || !high_writer || (lock >= 0 && !high_lock))
    return failed(Category::bug, "cannot start wif-engine: " + errno_text(errno));
  plan.place(high_input.get(), STDIN_FILENO);
  plan.place(high_writer.get(), STDOUT_FILENO);
  if (high_lock) plan.place(high_lock.get(), k_lock_descriptor);
  const Fd null = m_host.foreign ? above_standard(open_nowhere()) : Fd();
  if (null) plan.place(null.get(), STDERR_FILENO);
  plan.close_from(high_lock ? k_lock_descriptor + 1 : k_lock_descriptor);
  const auto pid = plan.start(*path);
  if (!pid) return failed(pid.error().category, pid.error().message, pid.error().hint);
  writer.reset();
  high_writer.reset();

  std::string text;
  const Child child(*pid);
  const bool in_time = read_until(reader.get(), child.descriptor(), request.deadline_ms + k_grace_ms, text);
  if (!in_time) child.end();
  EngineAnswer answer = read_outcome(text, child.wait(), in_time, request);
  if (request.diagnose) answer.steps = read_steps(text);
  wipe(text);
  return answer;
}

Status EngineProcess::detach(const EngineRequest& request, int lock) {
  TRY_ASSIGN(const std::string path, m_host.find(m_system));
  TRY_ASSIGN(const Fd input, request_file(request));
  SpawnPlan plan;
  const Fd high_input = above_standard(input);
  const Fd high_lock(fcntl(lock, F_DUPFD_CLOEXEC, 10));
  const Fd null = above_standard(open_nowhere());
  if (!high_input || !high_lock || !null)
    return fail(Category::bug, "cannot start wif-engine: " + errno_text(errno));
  plan.place(high_input.get(), STDIN_FILENO);
  plan.place(null.get(), STDOUT_FILENO);
  plan.place(null.get(), STDERR_FILENO);
  plan.place(high_lock.get(), k_lock_descriptor);
  plan.close_from(k_lock_descriptor + 1);
  plan.own_session();
  if (m_host.foreign) return plan.start_orphan(path);
  TRY(plan.start(path));
  return {};
}

Result<std::string> engine_path(const System& system) {
  if (auto path = system.trusted_variable("WIF_ENGINE")) return std::move(*path);
  TRY_ASSIGN(const std::string self, own_path());
  const std::string folder = self.substr(0, self.rfind('/'));
  return folder.substr(0, folder.rfind('/')) + "/libexec/wif/wif-engine";
}

}  // namespace wif
