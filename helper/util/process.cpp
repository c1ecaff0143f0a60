// SPDX-License-Identifier: Apache-2.0
// fork and exec rather than posix_spawn, which has no parent-death signal: without one, a program that hangs would live on
// after Ctrl-C ended who started it, since it is in another session.
#include "util/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>

#include "util/fd.hpp"

namespace wif {
namespace {

constexpr std::size_t k_errors_kept = 4096;
constexpr int k_slice_ms = 20;     // between looks at a process on a kernel without pidfd
constexpr int k_last_reads = 256;  // somebody else may still hold the other end, and write for ever
constexpr int k_report = 3;        // the descriptor on which exec's failure is told
constexpr int k_first_spare = 10;  // ours lie above those that the child places

std::int64_t monotonic_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

struct Pipe {
  Fd reader;
  Fd writer;
};

// No descriptors left is errno in the result, as exec's failure is.
bool open_pipe(Pipe& out) {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  out.reader = Fd(fcntl(reader.get(), F_DUPFD_CLOEXEC, k_first_spare));
  out.writer = Fd(fcntl(writer.get(), F_DUPFD_CLOEXEC, k_first_spare));
  return out.reader && out.writer;
}

// Who ignores SIGCHLD is never told how a child ended.
class ChildSignal {
 public:
  ChildSignal() : m_before(signal(SIGCHLD, SIG_DFL)) {}
  ChildSignal(const ChildSignal&) = delete;
  ChildSignal& operator=(const ChildSignal&) = delete;
  ~ChildSignal() { signal(SIGCHLD, m_before); }

 private:
  void (*m_before)(int);
};

struct Prepared {
  const char* path;
  char* const* args;
  char* const* environment;
  int input;
  int output;
  int errors;
  int report;
  pid_t parent;
};

// In the child of a process with threads: async-signal-safe calls only.
[[noreturn]] void become(const Prepared& plan) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(127);
  signal(SIGPIPE, SIG_DFL);  // whoever starts it ignores it, and exec would keep that
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(plan.input, STDIN_FILENO);
  dup2(plan.output, STDOUT_FILENO);
  dup2(plan.errors, STDERR_FILENO);
  dup3(plan.report, k_report, O_CLOEXEC);
#ifdef SYS_close_range
  syscall(SYS_close_range, k_report + 1, ~0U, 0);  // an older kernel is left with those that close on exec
#endif
  execve(plan.path, plan.args, plan.environment);
  const int error = errno;
  static_cast<void>(!write(k_report, &error, sizeof error));
  _exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// The last bytes that were written.
class Tail {
 public:
  Tail() { m_text.reserve(2 * k_errors_kept); }
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;
  ~Tail() { wipe(m_text); }

  void add(std::string_view text) {
    m_cut = m_cut || m_text.size() + text.size() > k_errors_kept;
    text.remove_prefix(text.size() - std::min(text.size(), k_errors_kept));
    m_text.erase(0, m_text.size() - std::min(m_text.size(), k_errors_kept - text.size()));
    m_text += text;
  }
  // Half of a token isn't known for one, so what was cut goes up to the next white space.
  Secret take() const {
    const std::string_view text = m_text;
    if (!m_cut) return Secret(text);
    return Secret(text.substr(std::min(text.find_first_of(" \t\r\n"), text.size())));
  }

 private:
  std::string m_text;
  bool m_cut = false;
};

class Run {
 public:
  Run(const Program& program, std::int64_t until, char* memory, std::size_t room)
      : m_program(program), m_input_left(program.input), m_until(until), m_memory(memory), m_room(room) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { explicit_bzero(m_buffer.data(), m_buffer.size()); }

  Ended all() {
    if (const int error = start(); error != 0) return result(Ended::How::unstarted, error);
    while (!m_overflow && !has_ended()) {
      const std::int64_t left = m_until - monotonic_ms();
      if (m_stopped || left <= 0) {
        end_group();
        return result(m_stopped ? Ended::How::stopped : Ended::How::overdue, 0);
      }
      wait(left);
    }
    if (m_overflow) {
      end_group();
      return result(Ended::How::too_long, 0);
    }
    return finish();
  }

 private:
  int start() {
    Pipe input;
    Pipe report;
    Pipe output;
    Pipe errors;
    if (!open_input(input) || !open_pipe(report) || !open_pipe(output) || !open_pipe(errors)) return errno;
    const auto args = pointers(m_program.args);
    const auto environment = pointers(m_program.environment);
    const Prepared plan = {
        m_program.path.c_str(), args.data(),         environment.data(),  input.reader.get(),
        output.writer.get(),    errors.writer.get(), report.writer.get(), getpid()};
    m_pid = fork();
    if (m_pid < 0) return errno;
    if (m_pid == 0) become(plan);
    report.writer.reset();
    if (const int error = exec_error(report.reader.get()); error != 0) return error;
    m_input = std::move(input.writer);
    m_output = std::move(output.reader);
    m_errors = std::move(errors.reader);
    for (const Fd* ours : {&m_input, &m_output, &m_errors}) fcntl(ours->get(), F_SETFL, O_NONBLOCK);
#ifdef SYS_pidfd_open
    m_process = Fd(static_cast<int>(syscall(SYS_pidfd_open, m_pid, 0)));
#endif
    return 0;
  }

  // No input has no writer.
  bool open_input(Pipe& input) const {
    if (!m_program.input.empty()) return open_pipe(input);
    input.reader = Fd(fcntl(open_nowhere().get(), F_DUPFD_CLOEXEC, k_first_spare));
    return static_cast<bool>(input.reader);
  }

  // 0 once exec has closed the pipe.
  int exec_error(int reader) {
    int error = 0;
    ssize_t count = 0;
    do count = read(reader, &error, sizeof error);
    while (count < 0 && errno == EINTR);
    if (count != sizeof error) return 0;
    reap();
    return error;
  }

  void wait(std::int64_t left) {
    std::array<pollfd, 5> waiting{{{m_output.get(), POLLIN, 0},
                                   {m_errors.get(), POLLIN, 0},
                                   {m_process.get(), POLLIN, 0},
                                   {m_input.get(), POLLOUT, 0},
                                   {m_program.stop, POLLIN, 0}}};
    const std::int64_t longest = m_process ? INT_MAX : k_slice_ms;
    if (poll(waiting.data(), waiting.size(), static_cast<int>(std::min(left, longest))) <= 0) return;
    if (waiting[0].revents != 0) read_output();
    if (waiting[1].revents != 0) read_errors();
    if (waiting[3].revents != 0) write_input();
    m_stopped = waiting[4].revents != 0;
  }

  // Its end of file is the pipe's; a program that doesn't read all of it is none the worse.
  void write_input() {
    const ssize_t count = write(m_input.get(), m_input_left.data(), m_input_left.size());
    if (count > 0) m_input_left.remove_prefix(static_cast<std::size_t>(count));
    if (m_input_left.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) m_input.reset();
  }

  // False when there is nothing to be had now, or ever; then the descriptor is closed.
  ssize_t read_some(Fd& from) {
    const ssize_t count = read(from.get(), m_buffer.data(), m_buffer.size());
    if (count > 0) return count;
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) from.reset();
    return 0;
  }
  bool read_output() {
    const auto count = static_cast<std::size_t>(read_some(m_output));
    m_overflow = m_overflow || count > m_room - m_size;
    if (m_overflow) return false;
    std::copy_n(m_buffer.data(), count, m_memory + m_size);
    m_size += count;
    return count != 0;
  }
  bool read_errors() {
    const auto count = static_cast<std::size_t>(read_some(m_errors));
    m_tail.add({m_buffer.data(), count});
    pass_on({m_buffer.data(), count});
    return count != 0;
  }
  // A reader that doesn't read holds the program up, as it would without us, but not past the deadline.
  void pass_on(std::string_view text) const {
    while (m_program.errors_to >= 0 && !text.empty()) {
      const std::int64_t left = std::clamp<std::int64_t>(m_until - monotonic_ms(), 0, INT_MAX);
      pollfd writable{m_program.errors_to, POLLOUT, 0};
      if (poll(&writable, 1, static_cast<int>(left)) <= 0) return;
      // POLLOUT promises room for that much.
      const std::string_view piece = text.substr(0, PIPE_BUF);
      if (write_all(m_program.errors_to, piece) != 0) return;
      text.remove_prefix(piece.size());
    }
  }

  // It stays a zombie, so that its number is nobody else's yet.
  bool has_ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(m_pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
  }
  int reap() const {
    int status = 0;
    while (waitpid(m_pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
  }
  void end_group() {
    kill(-m_pid, SIGKILL);
    reap();
    read_what_is_left();
  }
  void read_what_is_left() {
    for (int i = 0; i < k_last_reads && m_output && read_output(); ++i) continue;
    for (int i = 0; i < k_last_reads && m_errors && read_errors(); ++i) continue;
  }
  Ended finish() {
    const int status = reap();
    read_what_is_left();
    if (m_overflow) return result(Ended::How::too_long, 0);
    if (WIFSIGNALED(status)) return result(Ended::How::signalled, WTERMSIG(status));
    return result(Ended::How::exited, WEXITSTATUS(status));
  }
  Ended result(Ended::How how, int code) const { return {how, code, m_size, m_tail.take()}; }

  const Program& m_program;
  std::string_view m_input_left;
  std::int64_t m_until;
  char* m_memory;
  std::size_t m_room;
  std::size_t m_size = 0;
  bool m_overflow = false;
  bool m_stopped = false;
  pid_t m_pid = -1;
  Fd m_input;
  Fd m_output;
  Fd m_errors;
  Fd m_process;
  Tail m_tail;
  std::array<char, 16384> m_buffer{};
};

}  // namespace

Ended run_program(const Program& program, std::int64_t timeout_ms, char* memory, std::size_t room) {
  const ChildSignal told;
  return Run(program, monotonic_ms() + timeout_ms, memory, room).all();
}

}  // namespace wif
