// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/openai.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/url.hpp"
#include "util/encode.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_grant = "urn:ietf:params:oauth:grant-type:token-exchange";
constexpr std::string_view k_access_token = "urn:ietf:params:oauth:token-type:access_token";
constexpr std::int64_t k_default_lifetime = 3600;
// Nobody means more than this; it keeps a wild number out of sums.
constexpr std::int64_t k_longest_lifetime = std::int64_t{366} * 24 * 3600;
constexpr std::int64_t k_try_timeout_ms = 15000;
constexpr std::size_t k_longest_words = 300;

tl::unexpected<Error> unusable(const std::string& host, const std::string& what) {
  return fail(
      Category::unreachable, host + " answered 200, but " + what,
      "check exchange.url: it is the token endpoint itself; a proxy or a sign-in page may have answered instead");
}

std::optional<std::int64_t> whole_number(JsonValue value) {
  if (const auto number = value.integer()) return number;
  const auto text = value.string();
  std::int64_t number = 0;
  if (!text || text->empty()) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return {};
  return number;
}

Result<std::int64_t> read_expiry(const Json& json, const std::string& host, std::optional<std::int64_t> cap,
                                 std::int64_t now) {
  std::int64_t lifetime = k_default_lifetime;
  if (const auto value = json["expires_in"]) {
    const auto number = whole_number(value);
    if (!number || *number <= 0) return unusable(host, "its expires_in is not a positive number of seconds");
    lifetime = std::min(*number, k_longest_lifetime);
  }
  std::int64_t expiry = now + lifetime;
  if (const auto value = json["expires_at"]; value && !value.is_null()) {
    const auto number = whole_number(value);
    if (!number || *number <= 0) return unusable(host, "its expires_at is not a time in Unix seconds");
    expiry = std::min(expiry, *number);
  }
  if (cap) expiry = std::min(expiry, *cap);
  if (expiry <= now)
    return unusable(host, "the credential had expired when it came; check this machine's clock");
  return expiry;
}

// What an error answer says: RFC 6749 section 5.2, or the API's own {"error": {"code", "message"}}.
struct Complaint {
  std::string code;
  std::string words;
};

Complaint read_complaint(const HttpResponse& response, const SubjectToken& subject) {
  Complaint complaint;
  const auto json = Json::parse(response.body.reveal());
  if (!json) return complaint;
  const auto clean = [&](JsonValue value) {
    std::string text(value.string().value_or(""));
    // A server that quotes the token back, whatever it looks like.
    for (auto at = text.find(subject.token.view()); !subject.token.empty() && at != std::string::npos;
         at = text.find(subject.token.view()))
      text.replace(at, subject.token.size(), "[redacted]");
    return printable(redact(text), k_longest_words);
  };
  const JsonValue error = (*json)["error"];
  complaint.code = clean(error.is_object() ? error["code"] : error);
  complaint.words = clean(error.is_object() ? error["message"] : (*json)["error_description"]);
  return complaint;
}

bool says_reused(const Complaint& complaint) {
  const std::string text = to_lower(complaint.code + " " + complaint.words);
  constexpr std::array k_signs = {"jti_reused", "jti reused", "already been used", "already used",
                                  "replay",     "was reused", "been reused"};
  return std::any_of(k_signs.begin(), k_signs.end(),
                     [&](const char* sign) { return text.find(sign) != std::string::npos; });
}

std::string the_token_says(const SubjectToken& subject) {
  return subject.claims.empty() ? std::string() : "the token says " + subject.claims + "; ";
}

std::string describe(const HttpResponse& response, const Complaint& complaint,
                     const std::string& request_id) {
  std::string text = "HTTP " + std::to_string(response.status);
  if (!complaint.code.empty()) text += " " + complaint.code;
  if (!complaint.words.empty()) text += ": " + complaint.words;
  if (!request_id.empty()) text += " (request id " + request_id + ")";
  if (response.unanswered_tries > 0)
    text += "; an earlier try was not answered and may have used the subject token up";
  return text;
}

Error refusal(const std::string& host, const std::string& said, const Complaint& complaint, bool reused,
              const SubjectToken& subject) {
  std::string hint = the_token_says(subject) +
                     "compare that with the Workload Identity Provider and the mapping, as `wif doctor` does";
  if (reused)
    hint =
        "this subject token was used before: it isn't sent again; the next one that the source issues will be";
  return {Category::refused, host + " refused the exchange: " + said, hint, complaint.code};
}

Error server_failure(const HttpResponse& response, const std::string& host, const std::string& said,
                     const Complaint& complaint, const SubjectToken& subject) {
  if (response.status == 429)
    return {Category::unreachable, host + " is asked too often: " + said,
            response.retry_after > 0 ? "it asks for a pause of " + duration_words(response.retry_after)
                                     : "try again later",
            complaint.code};
  if (response.status != 500)
    return {Category::unreachable, host + " failed: " + said,
            response.retry_after > 0 ? "it asks for a pause of " + duration_words(response.retry_after)
                                     : "try again later",
            complaint.code};
  return {Category::unreachable,
          host + " failed twice: " + said +
              ", which here mostly means that the token's issuer, audience, key (kid) or claims, "
              "or identity_provider_id or service_account_id, don't match what is configured there",
          the_token_says(subject) + "`wif doctor` compares it all", complaint.code};
}

Error redirected(const HttpResponse& response, const std::string& host, const std::string& url) {
  const std::string location(response.header("location"));
  return {Category::unreachable,
          host + " answered HTTP " + std::to_string(response.status) +
              (location.empty() ? std::string() : ", a redirect to " + redirect_target(url, location)) +
              "; redirects aren't followed, as the subject token would be posted elsewhere",
          "set exchange.url to the token endpoint itself",
          {}};
}

}  // namespace

Secret openai_body(const ExchangeInput& input) {
  JsonWriter writer;
  writer.object();
  writer.member("grant_type", k_grant);
  writer.member("subject_token_type", std::string_view(input.token_type()));
  writer.member("identity_provider_id", input.setting("identity_provider_id"));
  writer.member("service_account_id", input.setting("service_account_id"));
  if (const auto client = input.setting("client_id"); !client.empty()) writer.member("client_id", client);
  writer.end();
  std::string rest = writer.take();
  rest.pop_back();
  // The token goes in last and by hand, into memory that is large enough: no copy of it is left behind. It is safe for a
  // header (check_subject), and so for a JSON string.
  constexpr std::string_view k_key = ",\"subject_token\":\"";
  std::string body;
  body.reserve(rest.size() + k_key.size() + input.subject.token.size() + 2);
  body.append(rest).append(k_key).append(input.subject.token.view()).append("\"}");
  return Secret(std::move(body));
}

Result<Credential> read_openai_answer(const HttpResponse& response, const std::string& host,
                                      std::optional<std::int64_t> subject_expires_at, const Now& now) {
  const auto json = Json::parse(response.body.reveal());
  if (!json || !json->root().is_object()) {
    const std::string type = printable(redact(response.header("content-type")), 60);
    return unusable(host,
                    "what it sent is not a JSON object" + (type.empty() ? std::string() : " (" + type + ")"));
  }
  Credential credential;
  const auto token = (*json)["access_token"].string();
  if (!token || token->empty()) return unusable(host, "without an access_token");
  if (!is_header_safe_token(*token))
    return unusable(host, "its access_token has characters that don't belong into a header");
  const auto type = (*json)["token_type"].string();
  if (!type) return unusable(host, "without a token_type");
  if (to_lower(*type) != "bearer")
    return unusable(host, "its token_type is " + printable(redact(*type), 60) + ", not Bearer");
  if (const auto issued = (*json)["issued_token_type"]; issued && !issued.is_null()) {
    if (issued.string() != k_access_token)
      return unusable(host, "its issued_token_type is not an access token's");
    credential.issued_token_type = k_access_token;
  }
  if (const auto scope = (*json)["scope"]; scope && !scope.is_null()) {
    if (!scope.string()) return unusable(host, "its scope is not a string");
    credential.scope = printable(*scope.string(), 4096);
  }
  TRY_ASSIGN(credential.expires_at, read_expiry(*json, host, subject_expires_at, now.wall));
  credential.access_token = Secret(*token);
  credential.issued_at = now.wall;
  credential.issued_boot = now.boot();
  return credential;
}

EngineError openai_error(const HttpResponse& response, const std::string& host, const std::string& url,
                         const SubjectToken& subject) {
  const Complaint complaint = read_complaint(response, subject);
  EngineError failure;
  failure.request_id = printable(redact(response.header("x-request-id")), 100);
  failure.retry_after = response.retry_after;
  const std::string said = describe(response, complaint, failure.request_id);
  if (response.status == 429 || response.status >= 500) {
    failure.error = server_failure(response, host, said, complaint, subject);
  } else if (response.status >= 400) {
    failure.reused_subject = says_reused(complaint);
    failure.error = refusal(host, said, complaint, failure.reused_subject, subject);
  } else if (response.status >= 300) {
    failure.error = redirected(response, host, url);
  } else {
    failure.error = {
        Category::unreachable, host + " answered " + said + " where 200 is due", "check exchange.url", {}};
  }
  return failure;
}

ExchangeResult exchange_openai(const ExchangeInput& input, Http& http) {
  HttpRequest request;
  request.method = "POST";
  request.url = input.setting("url");
  request.headers.push_back({"Content-Type", Secret(std::string_view("application/json"))});
  request.headers.push_back({"Accept", Secret(std::string_view("application/json"))});
  request.has_body = true;
  request.body = openai_body(input);
  request.ca_file = input.setting("ca_file");
  request.ca_dir = input.setting("ca_dir");
  request.try_timeout_ms = k_try_timeout_ms;
  auto response = http.send(request);
  if (!response) {
    EngineError failure;
    failure.error = std::move(response.error().error);
    return tl::unexpected(std::move(failure));
  }
  const std::string host = exchange_host(input.settings);
  if (response->status != 200)
    return tl::unexpected(openai_error(*response, host, request.url, input.subject));
  auto credential = read_openai_answer(*response, host, input.subject.expires_at, input.system.now());
  if (credential) return std::move(*credential);
  EngineError failure;
  failure.error = std::move(credential.error());
  failure.request_id = printable(redact(response->header("x-request-id")), 100);
  return tl::unexpected(std::move(failure));
}

}  // namespace wif
