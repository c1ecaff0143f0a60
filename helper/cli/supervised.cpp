// SPDX-License-Identifier: Apache-2.0
#include "cli/supervised.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/hardening.hpp"
#include "cli/keeper.hpp"

namespace wif {
namespace {

// What is passed on; the others mean the terminal's business or a mistake of ours.
constexpr std::initializer_list<int> k_signals = {SIGTERM, SIGINT,  SIGHUP,   SIGQUIT, SIGUSR1,
                                                  SIGUSR2, SIGCONT, SIGWINCH, SIGCHLD};

// 0 if it isn't a signal's name: then it is a command.
int signal_of(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* known = sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return 0;
}

void let_signals_through() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  restore_core_limit();
}

class Child {
 public:
  explicit Child(Supervision supervision)
      : m_supervision(std::move(supervision)), m_signal(signal_of(m_supervision.on_refresh)) {}

  Status start(const Credential& credential) {
    const pid_t parent = getpid();
    m_pid = fork();
    if (m_pid < 0) return fail(Category::bug, "cannot start a process: " + errno_text(errno));
    if (m_pid > 0) return {};
    // A supervisor that is killed leaves no command behind that nobody refreshes.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(128 + SIGTERM);
    let_signals_through();
    if (const Status set = m_supervision.set_variables(credential); !set) {
      report(set.error());
      _exit(static_cast<int>(set.error().category));
    }
    _exit(replace_process(m_supervision.command.front(), m_supervision.command));
  }

  void tell_of_refresh() const {
    if (m_signal != 0) {
      kill(m_pid, m_signal);
    } else if (!m_supervision.on_refresh.empty()) {
      run_shell();
    }
  }

  std::optional<int> take(const signalfd_siginfo& signal) const {
    if (signal.ssi_signo == SIGCHLD) return reap();
    // What the terminal sent has gone to the command's whole process group already.
    if (signal.ssi_code <= 0) kill(m_pid, static_cast<int>(signal.ssi_signo));
    return {};
  }

 private:
  // Nobody waits for it: it is reaped with everything else.
  void run_shell() const {
    const pid_t pid = fork();
    if (pid < 0) return warn("cannot run " + m_supervision.on_refresh + ": " + errno_text(errno));
    if (pid > 0) return;
    let_signals_through();
    execl("/bin/sh", "sh", "-c", m_supervision.on_refresh.c_str(), nullptr);
    _exit(127);
  }

  std::optional<int> reap() const {
    int status = 0;
    for (pid_t ended = waitpid(-1, &status, WNOHANG); ended > 0; ended = waitpid(-1, &status, WNOHANG)) {
      if (ended == m_pid) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) warn("--on-refresh: the command failed");
    }
    return {};
  }

  Supervision m_supervision;
  int m_signal;
  pid_t m_pid = -1;
};

}  // namespace

Result<int> run_supervised(const GlobalOptions& global, Supervision supervision) {
  Keeper keeper({});
  keeper.add(TokenFile(global, std::nullopt, supervision.target));
  Child child(std::move(supervision));
  // Before signals are taken: while nothing runs yet, they end us.
  const auto ready = wait_for_identity(global, [&](const SessionOptions&) -> Result<int> {
    TRY(keeper.first_round());
    return 0;
  });
  if (!ready) return ready;
  keeper.take_signals(k_signals, [&](const signalfd_siginfo& signal) { return child.take(signal); });
  keeper.on_refresh([&] { child.tell_of_refresh(); });
  TRY(child.start(*keeper.front().credential()));
  return keeper.run();
}

}  // namespace wif
