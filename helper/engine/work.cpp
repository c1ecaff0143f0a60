// SPDX-License-Identifier: Apache-2.0
#include "engine/work.hpp"

#include <optional>

#include "core/cache.hpp"
#include "core/exchange_settings.hpp"
#include "core/jwt.hpp"
#include "core/store.hpp"
#include "engine/diagnosis/token_checks.hpp"
#include "engine/exchange/post.hpp"
#include "engine/link.hpp"
#include "engine/module_loader.hpp"
#include "engine/provider_call.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

// Consumers that bring a subject token bring a JWT.
constexpr const char* k_given_type = "urn:ietf:params:oauth:token-type:jwt";

Error overdue(const EngineRequest& request, const std::string& what) {
  return {Category::unreachable,
          what + " within the time allowed, for profile '" + request.profile + "'",
          "allow more with --timeout",
          {}};
}

Result<const wif_provider*> load_provider(const Work& work) {
  TRY_ASSIGN(const auto places, module_places(work.system));
  TRY_ASSIGN(const std::string path, find_module(work.request.module, places));
  work.log.plain(LogLevel::debug, "module " + path);
  return load_module(path, work.request.provider);
}

Result<SubjectToken> fetch_from_provider(const Work& work) {
  const EngineRequest& request = work.request;
  work.log.enter("provider");
  work.answer.stage("provider", overdue(request, source_of(request) + " did not answer"));
  TRY_ASSIGN(const wif_provider* provider, load_provider(work));
  ProviderServices services{request, work.system, work.http, work.log, work.deadline};
  if (request.diagnose)
    services.warn = [&work](const std::string& message) {
      work.answer.step(
          told(ok_step("source", "what it warns of", message), StepStatus::warning, message, {}));
    };
  return fetch_subject(*provider, services);
}

SubjectResult get_linked(const Work& work, std::string_view role) {
  const EngineRequest& link = *find_link(work.request, role);
  auto credential = linked_credential(work, link);
  if (!credential) return tl::unexpected(std::move(credential.error()));
  if (credential->is_aws())
    return tl::unexpected(
        engine_error({Category::configuration,
                      "the credential of profile '" + link.profile +
                          "' is a pair of AWS keys, and no token that can be exchanged",
                      "the subject of '" + work.request.profile + "' has to be another profile",
                      {}}));
  return as_subject(*credential);
}

SubjectToken given_subject(const EngineRequest& request) {
  SubjectToken subject;
  subject.token = request.subject_token->clone();
  subject.token_type = k_given_type;
  return subject;
}

EngineError not_rotated(const EngineRequest& request, const SubjectToken& subject) {
  EngineError failure = engine_error(
      {Category::refused,
       "the subject token from " + source_of(request) +
           " was refused before as used already, and the source has not rotated it yet; it was not sent again",
       "wait until its source issues the next one, and give each consumer a token of its own",
       "subject_reused"});
  failure.subject_hash = subject.hash;
  failure.reused_subject = true;
  return failure;
}

void announce_exchange(const Work& work, const std::string& host, const std::string& subject_hash) {
  work.log.enter("exchange");
  work.answer.stage("exchange", overdue(work.request, "the exchange with " + host + " did not finish"),
                    subject_hash);
}

// Of a server that failed and named no cause: what of the token can be told to be wrong without asking anybody.
std::string suspicion(const Work& work, const SubjectToken& subject, const Error& error) {
  if (error.category != Category::unreachable || !error.cause.empty()) return {};
  const auto jwt = decode_jwt(subject.token.view());
  if (!jwt || work.request.exchange != exchange_kinds().front().name) return {};
  const auto audiences = split(setting_of(work.request.subject, "audience"), '\n');
  const TokenExpectation expectation{work.request.expect, std::string(audiences.front()), true,
                                     work.system.now().wall};
  for (const auto& step : check_token(*jwt, expectation))
    if (step.status == StepStatus::failed || step.guessed) return "most probably " + step.cause;
  return {};
}

void add_suspicion(const Work& work, const SubjectToken& subject, EngineError& failure) {
  if (!failure.misfit) return;
  if (std::string better = suspicion(work, subject, failure.error); !better.empty())
    failure.error.hint = std::move(better);
}

// What a refresh token gives; nothing where there is none, or where the server takes it no longer.
std::optional<ExchangeResult> renew(const Work& work, const Exchange& exchange, const std::string& host) {
  const EngineRequest& request = work.request;
  if (exchange.renew == nullptr || !request.store) return {};
  std::string why;
  const auto store = Store::open(request.cache_directory, false, why);
  if (!store || !*store) return {};
  const auto former = (*store)->read_record(request.record_name, request.binding);
  if (!former || !*former || (*former)->credential.refresh_token.empty()) return {};
  announce_exchange(work, host, {});
  const SubjectToken none;
  auto result = exchange.renew({request.exchange_settings, none, request.token_type, work.system},
                               (*former)->credential, work.http);
  if (!result && result.error().error.category == Category::refused) {
    work.log.line(LogLevel::info, "the refresh token is no longer taken: " + result.error().error.message);
    return {};
  }
  if (result) result->subject_hash = (*former)->credential.subject_hash;
  return result;
}

}  // namespace

std::string source_of(const EngineRequest& request) {
  if (request.subject_token != nullptr) return "the request";
  const EngineRequest* link = find_link(request, "subject");
  return link != nullptr ? "profile '" + link->profile + "'" : "provider '" + request.provider + "'";
}

SubjectResult get_subject(const Work& work) {
  if (work.request.subject_token != nullptr) return given_subject(work.request);
  if (find_link(work.request, "subject") != nullptr) return get_linked(work, "subject");
  auto subject = fetch_from_provider(work);
  if (!subject) return tl::unexpected(engine_error(std::move(subject.error())));
  return std::move(*subject);
}

std::optional<EngineError> objection(const Work& work, SubjectToken& subject, const std::string& token_type) {
  const EngineRequest& request = work.request;
  const auto object = [&](Error error) {
    EngineError failure = engine_error(std::move(error));
    failure.subject_hash = subject.hash;
    return failure;
  };
  const Status fit = check_subject(subject, source_of(request), token_type, work.system.now().wall);
  if (!subject.hash.empty())
    work.log.plain(LogLevel::info, "subject token from " + source_of(request) + ": " + subject.claims +
                                       " sha256=" + subject.hash.substr(0, 8));
  if (!fit) return object(fit.error());
  if (!binding_fits(request.binding, subject.token.view()))
    return object({Category::no_identity, "the subject token changed its identity while it was being fetched",
                   "try again", std::string(k_identity_changed)});
  if (subject.hash == request.refused_subject) return not_rotated(request, subject);
  return {};
}

std::optional<EngineError> add_actor(const Work& work, ExchangeInput& input,
                                     std::optional<SubjectToken>& actor) {
  if (find_link(work.request, "actor") == nullptr) return {};
  auto linked = get_linked(work, "actor");
  if (!linked) return std::move(linked.error());
  input.actor = &actor.emplace(std::move(*linked));
  return {};
}

// A module that can't be loaded is told when its token is fetched.
void probe_subject_source(const Work& work, const std::function<void(DoctorStep)>& step) {
  if (find_link(work.request, "subject") != nullptr) return;
  const auto provider = load_provider(work);
  if (provider)
    probe_source(**provider, {work.request, work.system, work.http, work.log, work.deadline}, step);
}

ExchangeResult run_exchange(const Work& work) {
  const EngineRequest& request = work.request;
  const Exchange* exchange = find_exchange(request.exchange);
  if (exchange == nullptr)
    return tl::unexpected(
        engine_error({Category::configuration,
                      "there is no exchange of kind '" + printable(request.exchange, 64) + "'",
                      {},
                      {}}));
  const std::string host = exchange_host(*exchange, request.exchange_settings);
  if (auto renewed = renew(work, *exchange, host)) return std::move(*renewed);

  auto subject = get_subject(work);
  if (!subject) return tl::unexpected(std::move(subject.error()));
  ExchangeInput input{request.exchange_settings, *subject, request.token_type, work.system};
  if (auto error = objection(work, *subject, input.token_type())) return tl::unexpected(std::move(*error));
  std::optional<SubjectToken> actor;
  if (auto error = add_actor(work, input, actor)) return tl::unexpected(std::move(*error));
  announce_exchange(work, host, subject->hash);
  auto result = exchange->exchange(input, work.http);
  if (result) {
    result->subject_hash = subject->hash;
    work.log.plain(LogLevel::info, host + " issued a credential for " + duration_words(result->lifetime()));
  } else {
    result.error().subject_hash = subject->hash;
    add_suspicion(work, *subject, result.error());
  }
  return result;
}

EngineAnswer exchange_subject(const Work& work) {
  EngineAnswer answer;
  answer.outcome = run_exchange(work);
  return answer;
}

EngineAnswer hand_over_subject(const Work& work) {
  EngineAnswer answer;
  auto subject = get_subject(work);
  if (!subject) {
    answer.outcome = tl::unexpected(std::move(subject.error()));
    return answer;
  }
  const std::string type = subject->token_type.empty() ? work.request.token_type : subject->token_type;
  const std::int64_t expires_at = subject->expires_at.value_or(0);
  if (auto error = objection(work, *subject, type)) answer.outcome = tl::unexpected(std::move(*error));
  answer.subject = FetchedSubject{std::move(subject->token), type, expires_at};
  return answer;
}

}  // namespace wif
