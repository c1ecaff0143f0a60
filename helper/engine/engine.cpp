// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.hpp"

#include <csignal>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/lock.hpp"
#include "core/system.hpp"
#include "engine/answer.hpp"
#include "engine/curl_transport.hpp"
#include "engine/deadline.hpp"
#include "engine/diagnosis/diagnose.hpp"
#include "engine/key_set.hpp"
#include "engine/log.hpp"
#include "engine/retry.hpp"
#include "engine/work.hpp"
#include "util/error.hpp"

namespace wif {
namespace {

constexpr std::size_t k_request_limit = 4 << 20;
constexpr int k_lock_descriptor = 3;
// libcurl's own time-out says more than the watchdog's, so it comes a little earlier.
constexpr std::int64_t k_margin_ms = 150;

class RealWaiting : public Waiting {
 public:
  explicit RealWaiting(Deadline deadline)
      : m_margin_ms(std::min(k_margin_ms, deadline.left_ms() / 10)), m_deadline(deadline) {}
  std::int64_t left_ms() const override {
    return std::max<std::int64_t>(m_deadline.left_ms() - m_margin_ms, 0);
  }
  std::int64_t unix_time() const override { return time(nullptr); }
  void sleep_ms(std::int64_t duration) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(duration));
  }
  double random() override { return std::uniform_real_distribution<double>(0, 1)(m_random); }

 private:
  std::int64_t m_margin_ms;
  Deadline m_deadline;
  std::random_device m_random;
};

// No core file, no debugger, no death by a reader that went away. With raised privileges the environment is somebody else's,
// and not every library asks for that: libcurl takes proxies from it, and a file to append TLS's keys to.
void harden() {
  if (getauxval(AT_SECURE) != 0) clearenv();
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(SIGPIPE, SIG_IGN);
}

// Keeps the pipe for ourselves: a module that prints writes into nothing.
Fd take_answer_pipe() {
  Fd pipe(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10));
  dup2(open_nowhere().get(), STDOUT_FILENO);
  return pipe;
}

int refuse(const std::string& why) {
  write_all(STDERR_FILENO, "wif-engine: this program is started by wif, not by hand: " + why + "\n");
  return static_cast<int>(Category::usage);
}

}  // namespace

int run_engine() {
  harden();
  if (isatty(STDIN_FILENO) != 0) return refuse("descriptor 0 is a terminal. Try `wif get`");
  auto text = read_all(STDIN_FILENO, k_request_limit, "the request");
  if (!text) return refuse(text.error().message);
  const auto request = read_request(std::move(*text));
  if (!request) return refuse(request.error().message);
  if (request->deadline_ms <= 0) return refuse("its request has no deadline");
  if (request->store) fcntl(k_lock_descriptor, F_SETFD, FD_CLOEXEC);

  const System& system = real_system();
  const Log log(request->verbosity, request->json_log, STDERR_FILENO);
  const Deadline deadline(request->deadline_ms);
  // Neither is ever destroyed: the watchdog looks at them until the process ends (static: found by LeakSanitizer).
  static auto& answer = *new Answer(take_answer_pipe(), *new EngineRequest(*request), system);
  answer.watch(deadline);
  CurlTransport transport(system, log);
  RealWaiting waiting(deadline);
  RetryingHttp http(transport, waiting);
  const Work work{*request, system, log, deadline, answer, http};
  answer.finish(request->diagnose              ? diagnose(work)
                : !request->key_set_of.empty() ? hand_over_key_set(work)
                : request->subject_only        ? hand_over_subject(work)
                                               : exchange_subject(work));
  // Closing it isn't enough where the caller's program forked: the lock would live on with a copy of the descriptor.
  if (request->store) unlock(k_lock_descriptor);
  return 0;
}

}  // namespace wif
