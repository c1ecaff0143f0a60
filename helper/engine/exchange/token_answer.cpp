// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/token_answer.hpp"

#include <algorithm>
#include <charconv>

#include "core/jwt.hpp"
#include "engine/exchange/failure.hpp"
#include "util/encode.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

// Nobody means more than this; it keeps a wild number out of sums.
constexpr std::int64_t k_longest_lifetime = std::int64_t{366} * 24 * 3600;

std::optional<std::int64_t> whole_number(JsonValue value) {
  if (const auto number = value.integer()) return number;
  const auto text = value.string();
  std::int64_t number = 0;
  if (!text || text->empty()) return {};
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return {};
  return number;
}

// What an answer without expires_in leaves open: the token may say it itself.
std::int64_t unsaid_expiry(const TokenRules& rules, std::string_view token, std::int64_t now) {
  const std::int64_t expiry = now + rules.default_lifetime;
  if (!rules.any_token) return expiry;
  const auto jwt = decode_jwt(token);
  return jwt && jwt->expires_at ? *jwt->expires_at : expiry;
}

Result<std::int64_t> read_expiry(const Json& json, std::string_view token, const std::string& host,
                                 const TokenRules& rules, std::int64_t now) {
  std::int64_t expiry = 0;
  if (const auto value = json["expires_in"]; value && !(rules.any_token && value.is_null())) {
    const auto number = whole_number(value);
    if (!number || *number <= 0) return unusable(host, "its expires_in is not a positive number of seconds");
    expiry = now + std::min(*number, k_longest_lifetime);
  } else {
    expiry = unsaid_expiry(rules, token, now);
  }
  if (const auto value = json["expires_at"]; value && !value.is_null()) {
    const auto number = whole_number(value);
    if (!number || *number <= 0) return unusable(host, "its expires_at is not a time in Unix seconds");
    expiry = std::min(expiry, *number);
  }
  if (rules.cap) expiry = std::min(expiry, *rules.cap);
  if (expiry <= now)
    return unusable(host, "the credential had expired when it came; check this machine's clock");
  return expiry;
}

// RFC 6749 section 7.1; RFC 8693 section 2.2.1 has N_A, for what isn't an access token.
Result<std::string> read_token_type(const Json& json, const std::string& issued, const std::string& host,
                                    const TokenRules& rules) {
  const auto type = json["token_type"].string();
  if (!type) return unusable(host, "without a token_type");
  const std::string lower = to_lower(*type);
  if (lower == "bearer") return std::string("Bearer");
  const bool other = rules.any_token && !issued.empty() && issued != k_access_token_type;
  if (lower == "n_a" && other) return std::string("N_A");
  return unusable(host, "its token_type is " + printable(redact(*type), 60) + ", not Bearer");
}

Result<std::string> read_issued_type(const Json& json, const std::string& host, const TokenRules& rules) {
  const auto issued = json["issued_token_type"];
  if (!issued || issued.is_null()) return std::string();
  const auto type = issued.string();
  if (rules.any_token && type) return printable(*type, 200);
  if (type != k_access_token_type) return unusable(host, "its issued_token_type is not an access token's");
  return std::string(k_access_token_type);
}

}  // namespace

Result<Credential> read_token_answer(const HttpResponse& response, const std::string& host,
                                     const TokenRules& rules, const Now& now) {
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
  TRY_ASSIGN(credential.issued_token_type, read_issued_type(*json, host, rules));
  TRY_ASSIGN(credential.token_type, read_token_type(*json, credential.issued_token_type, host, rules));
  if (const auto scope = (*json)["scope"]; scope && !scope.is_null()) {
    if (!scope.string()) return unusable(host, "its scope is not a string");
    credential.scope = printable(*scope.string(), 4096);
  }
  TRY_ASSIGN(credential.expires_at, read_expiry(*json, *token, host, rules, now.wall));
  if (rules.any_token) credential.refresh_token = Secret((*json)["refresh_token"].string().value_or(""));
  credential.access_token = Secret(*token);
  credential.issued_at = now.wall;
  credential.issued_boot = now.boot();
  return credential;
}

}  // namespace wif
