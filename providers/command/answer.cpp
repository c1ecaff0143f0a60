// SPDX-License-Identifier: Apache-2.0
// Google's response: https://google.aip.dev/auth/4117 ("Executable-sourced credentials"), version 1.
#include <array>
#include <charconv>
#include <cmath>

#include "command.hpp"
#include "kit/http.hpp"
#include "util/encode.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif::command {
namespace {

using namespace wif::kit;
using kit::fail;
using kit::Result;

constexpr std::int64_t k_latest = 253'402'300'799;  // 9999-12-31T23:59:59Z; more is no number of seconds

struct TokenType {
  const char* name;
  const char* member;
};
constexpr std::array k_token_types = {
    TokenType{"urn:ietf:params:oauth:token-type:id_token", "id_token"},
    TokenType{"urn:ietf:params:oauth:token-type:jwt", "id_token"},
    TokenType{"urn:ietf:params:oauth:token-type:saml2", "saml_response"},
};

tl::unexpected<Failure> unusable(const std::string& name, const std::string& what) {
  return fail(
      WIF_NO_IDENTITY, name + " " + what,
      "let it print one token, {\"token\": ..., \"expires_at\": ...} or Google's executable response, and all "
      "else on standard error");
}

Result<std::int64_t> expiry_of(JsonValue value, const std::string& name, const char* member) {
  if (!value || value.is_null()) return 0;
  std::optional<std::int64_t> seconds;
  if (const auto text = value.string()) {
    seconds = parse_time(*text);
  } else if (const auto number = value.number(); number && std::abs(*number) <= 1e15) {
    seconds = static_cast<std::int64_t>(*number);
  }
  if (seconds && *seconds > 0 && *seconds <= k_latest) return *seconds;
  return unusable(name, std::string("printed JSON whose ") + member +
                            " is neither Unix seconds nor a time as in RFC 3339");
}

Result<Answer> with_token(JsonValue token, const std::string& name, const char* member) {
  Answer answer;
  answer.token = Secret(trim(token.string().value_or("")));
  if (answer.token.empty())
    return unusable(name,
                    std::string("printed JSON without a ") + member + " that is a string and not empty");
  if (!is_header_safe_token(answer.token.view()))
    return unusable(name, std::string("printed JSON whose ") + member + " has characters that no token has");
  return answer;
}

Failure said_no(JsonValue root, const std::string& name) {
  const auto words = [&](const char* member) {
    return excerpt(redact(root[member].string().value_or("")), 200);
  };
  const std::string code = words("code");
  const std::string message = words("message");
  return {
      WIF_REFUSED,
      name + " said no" + (code.empty() ? "" : ": code " + code) + (message.empty() ? "" : ": " + message),
      "the words are the program's: see its own documentation"};
}

Result<Answer> read_google(JsonValue root, const std::string& name) {
  const auto success = root["success"].boolean();
  if (!success) return unusable(name, "printed JSON whose success is neither true nor false");
  if (!*success) return tl::unexpected<Failure>(said_no(root, name));
  if (root["version"].integer() != 1)
    return unusable(name, "printed Google's executable response in another version than 1");
  for (const TokenType& type : k_token_types) {
    if (root["token_type"].string() != type.name) continue;
    auto answer = with_token(root[type.member], name, type.member);
    if (!answer) return answer;
    const auto expiry = expiry_of(root["expiration_time"], name, "expiration_time");
    if (!expiry) return tl::unexpected<Failure>(expiry.error());
    answer->token_type = type.name;
    answer->expires_at = *expiry;
    return answer;
  }
  return unusable(name, "printed Google's executable response with an unknown token_type");
}

Result<Answer> read_json(std::string_view text, const std::string& name) {
  const auto json = Json::parse(std::string(text));
  if (!json) return unusable(name, "printed broken JSON: " + json.error().message);
  const JsonValue root = json->root();
  if (root["success"]) return read_google(root, name);
  auto answer = with_token(root["token"], name, "token");
  if (!answer) return answer;
  const auto expiry = expiry_of(root["expires_at"], name, "expires_at");
  if (!expiry) return tl::unexpected<Failure>(expiry.error());
  answer->expires_at = *expiry;
  return answer;
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) return seconds;
  return parse_rfc3339(text);
}

Result<Answer> read_answer(std::string_view output, const std::string& name) {
  const std::string_view text = trim(output);
  if (text.empty()) return unusable(name, "succeeded and printed nothing");
  if (text.front() == '{') return read_json(text, name);
  // It isn't shown: whatever it is, it may hold a secret.
  if (!is_header_safe_token(text))
    return unusable(name, "printed " + std::to_string(text.size()) +
                              " bytes that are neither one token nor a JSON object");
  Answer answer;
  answer.token = Secret(text);
  return answer;
}

}  // namespace wif::command
