// SPDX-License-Identifier: Apache-2.0
#include "engine/diagnosis/diagnose.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include <curl/curl.h>

#include "core/exchange_settings.hpp"
#include "core/jwt.hpp"
#include "engine/curl_transport.hpp"
#include "engine/diagnosis/issuer.hpp"
#include "engine/diagnosis/route.hpp"
#include "engine/diagnosis/token_checks.hpp"
#include "engine/exchange/failure.hpp"
#include "engine/url.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_skew_to_mind = 60;
constexpr std::int64_t k_skew_to_blame = 240;
// Of the time that there is, what a side look may take; the exchange has all that is left.
constexpr std::int64_t k_side_part = 3;

constexpr const char* k_subject = "subject token";
constexpr const char* k_token = "form of the token";
constexpr const char* k_exchange = "exchange";
constexpr const char* k_scopes = "scopes";
constexpr const char* k_api = "API call";
constexpr const char* k_clock = "this machine's clock";

// No retries: a diagnosis says what it met.
class OneTry final : public Http {
 public:
  OneTry(Transport& transport, Deadline deadline) : m_transport(transport), m_deadline(deadline) {}
  HttpResult send(const HttpRequest& request) override {
    const std::int64_t left = std::max<std::int64_t>(m_deadline.left_ms() - k_margin_ms, 1);
    return m_transport.attempt(request,
                               request.try_timeout_ms > 0 ? std::min(request.try_timeout_ms, left) : left);
  }

 private:
  static constexpr std::int64_t k_margin_ms = 300;
  Transport& m_transport;
  Deadline m_deadline;
};

struct Skew {
  std::string host;
  std::int64_t seconds = 0;  // how far ahead of the server this machine is
};

// Collected by several threads.
class Clocks {
 public:
  void note(const HttpResponse& response, const std::string& host, std::int64_t now) {
    const std::string date(response.header("date"));
    const time_t server = date.empty() ? -1 : curl_getdate(date.c_str(), nullptr);
    if (server < 0) return;
    const std::lock_guard lock(m_mutex);
    m_skews.push_back({host, now - static_cast<std::int64_t>(server)});
  }

  DoctorStep step() {
    const std::lock_guard lock(m_mutex);
    if (m_skews.empty()) return skipped_step("clock", k_clock, "no server said what time it is");
    // The least one: whoever else differs has a wrong clock of its own.
    const Skew skew = *std::min_element(m_skews.begin(), m_skews.end(), [](const Skew& a, const Skew& b) {
      return std::abs(a.seconds) < std::abs(b.seconds);
    });
    const std::int64_t by = std::abs(skew.seconds);
    if (by < k_skew_to_mind) return ok_step("clock", k_clock, "as " + skew.host + "'s");
    DoctorStep step = ok_step(
        "clock", k_clock, duration_words(by) + (skew.seconds > 0 ? " ahead of " : " behind ") + skew.host);
    step.status = by < k_skew_to_blame ? StepStatus::warning : StepStatus::failed;
    step.cause = "this machine's clock is " + step.found;
    step.mend = "set it by NTP: times in tokens can't be told with it";
    step.category = Category::no_identity;
    return step;
  }

 private:
  std::mutex m_mutex;
  std::vector<Skew> m_skews;
};

class Diagnosis {
 public:
  explicit Diagnosis(const Work& work) : m_work(work), m_exchange(find_exchange(work.request.exchange)) {}

  void run() {
    curl_global_init(CURL_GLOBAL_SSL);  // before there are threads: not every libcurl does it for itself then
    const std::string url = exchange_url();
    std::thread route;
    if (!url.empty()) route = std::thread([this, url] { look_at_route(url); });
    auto subject = fetch();
    std::thread issuer;
    std::optional<Jwt> jwt = subject ? read_token(*subject) : skip_token();
    if (jwt) issuer = std::thread([&] { look_at_issuer(*jwt, *subject); });
    if (route.joinable()) route.join();
    exchange(subject ? &*subject : nullptr);
    if (issuer.joinable()) issuer.join();
    give(m_clocks.step());
  }

 private:
  void give(DoctorStep step) { m_work.answer.step(step); }
  std::int64_t now() const { return m_work.system.now().wall; }
  std::string_view setting(std::string_view name) const {
    return setting_of(m_work.request.exchange_settings, name);
  }
  std::int64_t side_timeout_ms() const {
    return std::max<std::int64_t>(m_work.deadline.left_ms() / k_side_part, 1);
  }
  void note_date(const HttpResponse& response, const std::string& host) {
    m_clocks.note(response, host, now());
  }

  std::string exchange_url() const {
    if (m_exchange == nullptr) return {};
    return m_exchange->url != nullptr ? m_exchange->url(m_work.request.exchange_settings)
                                      : std::string(setting("url"));
  }

  std::string proxy_to(const std::string& url) const {
    const auto parts = check_url(url, {});
    return parts ? proxy_of(m_work.system, parts->scheme, parts->host) : std::string();
  }

  void look_at_route(const std::string& url) {
    CurlTransport transport(m_work.system, m_work.log);
    OneTry http(transport, m_work.deadline);
    const RouteQuestion question{url, std::string(setting("ca_file")), std::string(setting("ca_dir")),
                                 side_timeout_ms(), proxy_to(url)};
    check_route(
        question, http, [this](DoctorStep step) { give(std::move(step)); },
        [this](const HttpResponse& response, const std::string& host) { note_date(response, host); });
  }

  void look_at_issuer(const Jwt& jwt, const SubjectToken& subject) {
    CurlTransport transport(m_work.system, m_work.log);
    OneTry http(transport, m_work.deadline);
    // A cluster's API server has a certificate of the cluster's own authority.
    const std::string own_trust(setting_of(m_work.request.expect, "ca_file"));
    const IssuerQuestion question{jwt,
                                  subject.token.view(),
                                  std::string(setting_of(m_work.request.expect, "jwks_file")),
                                  own_trust.empty() ? std::string(setting("ca_file")) : own_trust,
                                  own_trust.empty() ? std::string(setting("ca_dir")) : std::string(),
                                  side_timeout_ms(),
                                  proxy_to(discovery_url(jwt.issuer))};
    check_issuer_keys(
        question, http, [this](DoctorStep step) { give(std::move(step)); },
        [this](const HttpResponse& response, const std::string& host) { note_date(response, host); });
  }

  std::optional<SubjectToken> fetch() {
    probe_subject_source(m_work, [this](DoctorStep step) { give(std::move(step)); });
    const std::int64_t began = monotonic_ms();
    auto subject = get_subject(m_work);
    const std::int64_t ms = monotonic_ms() - began;
    DoctorStep step = subject ? ok_step("subject", k_subject, "from " + source_of(m_work.request))
                              : failed_step("subject", k_subject, subject.error().error);
    step.ms = ms;
    give(std::move(step));
    if (!subject) return {};
    return std::move(*subject);
  }

  std::optional<Jwt> skip_token() {
    give(skipped_step("token", k_token, "no subject token"));
    return {};
  }

  std::optional<Jwt> read_token(SubjectToken& subject) {
    m_objection = objection(m_work, subject, token_type(subject));
    auto jwt = decode_jwt(subject.token.view());
    if (!jwt) {
      // Why it isn't sent says more than how it fails to be read.
      const Error error{
          Category::no_identity,
          m_objection ? m_objection->error.message : "the subject token is " + jwt.error().message,
          "its source has to give an OIDC JWT: look at what it holds with `wif subject`",
          {}};
      if (is_openai() || m_objection) {
        give(failed_step("token", k_token, error));
        return {};
      }
      // Another exchange may take tokens that are no JWT.
      give(ok_step("token", k_token, "opaque: " + jwt.error().message));
      for (const char* id : {"kid", "alg", "iss", "aud", "sub", "exp", "iat", "discovery", "jwks", "key",
                             "signature", "mapping"})
        give(skipped_step(id, id, "the token is opaque"));
      return {};
    }
    give(ok_step("token", k_token, "a JWT; sha256 begins with " + subject.hash.substr(0, 8)));
    const TokenExpectation expectation{m_work.request.expect, requested_audience(), is_openai(), now()};
    for (auto& step : check_token(*jwt, expectation)) give(std::move(step));
    return std::move(*jwt);
  }

  std::string token_type(const SubjectToken& subject) const {
    return ExchangeInput{m_work.request.exchange_settings, subject, m_work.request.token_type, m_work.system}
        .token_type();
  }
  bool is_openai() const { return m_work.request.exchange == exchange_kinds().front().name; }
  // Of several audiences the first is the exchange's.
  std::string requested_audience() const {
    return std::string(split(setting_of(m_work.request.subject, "audience"), '\n').front());
  }

  void keep_back(const Error& why) {
    DoctorStep step = skipped_step("exchange", k_exchange, "the token wasn't sent: " + why.message);
    step.cause = why.message;
    step.mend = why.hint;
    step.certain = true;
    step.category = why.category;
    give(std::move(step));
    skip_credential("no credential");
  }
  void skip_exchange(const std::string& why) {
    give(skipped_step("exchange", k_exchange, why));
    skip_credential("no credential");
  }
  void skip_credential(const std::string& why) {
    give(skipped_step("scopes", k_scopes, why));
    if (!m_work.request.api_url.empty()) give(skipped_step("api", k_api, why));
  }

  void exchange(SubjectToken* subject) {
    if (subject == nullptr) return skip_exchange("no subject token");
    if (m_objection) return keep_back(m_objection->error);
    if (m_exchange == nullptr)
      return skip_exchange("there is no exchange of kind " + printable(m_work.request.exchange, 60));
    CurlTransport transport(m_work.system, m_work.log);
    OneTry http(transport, m_work.deadline);
    ExchangeInput input{m_work.request.exchange_settings, *subject, m_work.request.token_type, m_work.system};
    std::optional<SubjectToken> actor;
    if (auto error = add_actor(m_work, input, actor)) return fail_exchange(*error, 0);
    const std::int64_t began = monotonic_ms();
    auto credential = m_exchange->exchange(input, http);
    const std::int64_t ms = monotonic_ms() - began;
    if (!credential) return fail_exchange(credential.error(), ms);
    DoctorStep step =
        ok_step("exchange", k_exchange, "a credential for " + duration_words(credential->lifetime()));
    step.ms = ms;
    give(std::move(step));
    check_scopes(*credential);
    call_api(*credential, http);
  }

  // A bare 500 names no cause: only what the server says in words is certain.
  void fail_exchange(const EngineError& failure, std::int64_t ms) {
    DoctorStep step = failed_step("exchange", k_exchange, failure.error);
    step.ms = ms;
    step.certain = failure.error.category == Category::refused && !failure.error.cause.empty();
    // The retries that the error's words count are not a diagnosis's.
    constexpr std::string_view k_twice = "failed twice: ";
    if (const std::size_t at = step.found.find(k_twice); at != std::string::npos)
      step.found = step.found.substr(at + k_twice.size(), step.found.find(", which") - at - k_twice.size());
    give(std::move(step));
    skip_credential("no credential");
  }

  void check_scopes(const Credential& credential) {
    const auto wanted = setting_of(m_work.request.expect, "scopes");
    const std::string granted = credential.scope.empty() ? "not narrowed" : printable(credential.scope, 300);
    if (wanted.empty())
      return give(ok_step("scopes", k_scopes, granted + " (no expect.scopes to compare with)"));
    std::string missing;
    const auto has = split(credential.scope, ' ');
    for (const auto scope : split(wanted, '\n'))
      if (!credential.scope.empty() && std::find(has.begin(), has.end(), scope) == has.end())
        missing += (missing.empty() ? "" : ", ") + printable(scope, 80);
    DoctorStep step = ok_step("scopes", k_scopes, granted);
    if (!missing.empty()) {
      step = failed_step("scopes", k_scopes,
                         {Category::refused,
                          "the credential lacks the scopes " + missing,
                          "widen the permissions of the mapping at OpenAI",
                          {}});
      step.found = granted;
    }
    give(std::move(step));
  }

  void call_api(const Credential& credential, Http& http) {
    if (m_work.request.api_url.empty()) return;
    if (credential.is_aws()) return give(skipped_step("api", k_api, "AWS keys are no bearer token"));
    HttpRequest request;
    request.url = m_work.request.api_url + "/models";
    request.ca_file = setting("ca_file");
    request.ca_dir = setting("ca_dir");
    request.headers.push_back({"Authorization", Secret("Bearer " + credential.access_token.reveal())});
    const std::int64_t began = monotonic_ms();
    const auto response = http.send(request);
    const std::string asked = "GET " + printable(request.url, 120);
    DoctorStep step;
    if (!response) {
      step = failed_step("api", k_api, response.error().error);
    } else if (response->status == 200) {
      step = ok_step("api", k_api, asked + " answers 200");
    } else {
      step = failed_step("api", k_api, api_error(asked, *response, credential.access_token.view()));
    }
    step.ms = monotonic_ms() - began;
    give(std::move(step));
  }

  static Error api_error(const std::string& asked, const HttpResponse& response, std::string_view token) {
    const int status = response.status;
    const std::string said = asked + " answered HTTP " + std::to_string(status);
    if (const auto title = page_title(response))
      return {
          Category::unreachable,
          said + " with a web page (" + *title + ")",
          "a proxy, a filter or a sign-in page answered in the API's place, or OPENAI_BASE_URL isn't the API",
          {}};
    const Complaint complaint = read_complaint(response, token);
    const bool no_quota = complaint.code == "insufficient_quota";
    const bool later = status >= 500 || (status == 429 && !no_quota);
    return {later ? Category::unreachable : Category::refused,
            said + (complaint.code.empty() ? "" : " " + complaint.code) +
                (complaint.words.empty() ? "" : ": " + complaint.words),
            no_quota
                ? "the credential is good: the project or organisation has no quota left; see its billing "
                  "and limits"
                : api_mend(status, complaint.code.empty() && complaint.words.empty()),
            complaint.code};
  }

  static std::string api_mend(int status, bool wordless) {
    switch (status) {
      case 401:
        return "the API doesn't take the token: OPENAI_BASE_URL has to be the API of the same organisation";
      case 403:
        return wordless
                   ? "the service account may not do this: see its project, and the mapping's permissions"
                   : "the credential is good: what it may do is for its project, the mapping's permissions "
                     "and the API's terms to say";
      case 404:
        return "OPENAI_BASE_URL has to be the API's address with its path, such as https://api.openai.com/v1";
      default:
        return "try again later";
    }
  }

  const Work& m_work;
  const Exchange* m_exchange;
  Clocks m_clocks;
  std::optional<EngineError> m_objection;
};

}  // namespace

EngineAnswer diagnose(const Work& work) {
  Diagnosis(work).run();
  EngineAnswer answer;
  answer.diagnosed = true;
  return answer;
}

}  // namespace wif
