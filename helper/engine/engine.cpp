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

#include "core/cache.hpp"
#include "core/engine_protocol.hpp"
#include "core/system.hpp"
#include "engine/answer.hpp"
#include "engine/curl_transport.hpp"
#include "engine/deadline.hpp"
#include "engine/exchange/exchange.hpp"
#include "engine/log.hpp"
#include "engine/module_loader.hpp"
#include "engine/provider_call.hpp"
#include "engine/retry.hpp"
#include "util/text.hpp"

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

EngineError engine_error(Error error, const std::string& subject_hash = {}) {
  EngineError failure;
  failure.error = std::move(error);
  failure.subject_hash = subject_hash;
  return failure;
}

EngineAnswer hand_over(const EngineRequest& request, Result<SubjectToken> subject) {
  EngineAnswer answer;
  if (!subject) {
    answer.outcome = tl::unexpected(engine_error(std::move(subject.error())));
  } else {
    answer.subject = FetchedSubject{std::move(subject->token),
                                    subject->token_type.empty() ? request.token_type : subject->token_type,
                                    subject->expires_at.value_or(0)};
  }
  return answer;
}

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
  if (const int null = open("/dev/null", O_WRONLY | O_CLOEXEC); null >= 0) {
    dup2(null, STDOUT_FILENO);
    close(null);
  }
  return pipe;
}

Error overdue(const EngineRequest& request, const std::string& what) {
  const std::string hint = "allow more with --timeout; `wif doctor` shows where the time goes";
  return {Category::unreachable,
          what + " within the time allowed, for profile '" + request.profile + "'",
          hint,
          {}};
}

struct Work {
  const EngineRequest& request;
  const System& system;
  const Log& log;
  Deadline deadline;
  Answer& answer;
  Http& http;
};

Result<SubjectToken> get_subject(const Work& work) {
  const EngineRequest& request = work.request;
  work.answer.stage("provider", overdue(request, "provider '" + request.provider + "' did not answer"));
  TRY_ASSIGN(const auto places, module_places(work.system));
  TRY_ASSIGN(const std::string path, find_module(request.module, places));
  work.log.plain(LogLevel::debug, "loading " + path);
  TRY_ASSIGN(const wif_provider* provider, load_module(path, request.provider));
  return fetch_subject(*provider, {request, work.system, work.http, work.log, work.deadline});
}

EngineError not_rotated(const EngineRequest& request, const SubjectToken& subject) {
  EngineError failure = engine_error(
      {Category::refused,
       "the subject token from provider '" + request.provider +
           "' was refused before as used already, and the source has not rotated it yet; it was not sent again",
       "wait until its source issues the next one, and give each consumer a token of its own",
       "subject_reused"},
      subject.hash);
  failure.reused_subject = true;
  return failure;
}

ExchangeResult run(const Work& work) {
  const EngineRequest& request = work.request;
  const ExchangeFunction exchange = find_exchange(request.exchange);
  if (exchange == nullptr)
    return tl::unexpected(
        engine_error({Category::configuration,
                      "there is no exchange of kind '" + printable(request.exchange, 64) + "'",
                      {},
                      {}}));
  auto subject = get_subject(work);
  if (!subject) return tl::unexpected(engine_error(std::move(subject.error())));
  const ExchangeInput input{request.exchange_settings, *subject, request.token_type, work.system};
  const Status fit = check_subject(*subject, request.provider, input.token_type(), work.system.now().wall);
  if (!subject->hash.empty())
    work.log.plain(LogLevel::info, "subject token from provider '" + request.provider +
                                       "': " + subject->claims + " sha256=" + subject->hash.substr(0, 8));
  if (!fit) return tl::unexpected(engine_error(fit.error(), subject->hash));
  if (!binding_fits(request.binding, subject->token.view()))
    return tl::unexpected(engine_error(
        Error{Category::no_identity, "the subject token changed its identity while it was being fetched",
              "try again", std::string(k_identity_changed)},
        subject->hash));
  if (subject->hash == request.refused_subject) return tl::unexpected(not_rotated(request, *subject));

  const std::string host = exchange_host(request.exchange_settings);
  work.answer.stage("exchange", overdue(request, "the exchange with " + host + " did not finish"),
                    subject->hash);
  auto result = exchange(input, work.http);
  if (result) {
    result->subject_hash = subject->hash;
    work.log.plain(LogLevel::info, host + " issued a credential for " + duration_words(result->lifetime()));
  } else {
    result.error().subject_hash = subject->hash;
  }
  return result;
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
  // Neither is ever destroyed: the watchdog looks at them until the process ends.
  auto& answer = *new Answer(take_answer_pipe(), *new EngineRequest(*request), system);
  answer.watch(deadline);
  CurlTransport transport(system, log);
  RealWaiting waiting(deadline);
  RetryingHttp http(transport, waiting);
  const Work work{*request, system, log, deadline, answer, http};
  EngineAnswer final_answer;
  if (request->subject_only)
    final_answer = hand_over(*request, get_subject(work));
  else
    final_answer.outcome = run(work);
  answer.finish(std::move(final_answer));
  return 0;
}

}  // namespace wif
