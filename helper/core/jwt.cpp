// SPDX-License-Identifier: Apache-2.0
#include "core/jwt.hpp"

#include <array>
#include <cmath>
#include <utility>

#include "util/encode.hpp"
#include "util/secret.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

tl::unexpected<Error> not_a_jwt(std::string why) {
  return fail(Category::no_identity, "not a JSON Web Token: " + std::move(why));
}

Result<Json> decode_part(std::string_view part, const char* name) {
  std::string text;
  if (part.empty() || !base64url_decode(part, text))
    return not_a_jwt(std::string("its ") + name + " is not base64url without padding");
  auto json = Json::parse(std::move(text));
  if (!json) return not_a_jwt(std::string("its ") + name + " is " + json.error().message);
  if (!json->root().is_object()) return not_a_jwt(std::string("its ") + name + " is not a JSON object");
  return json;
}

Status read_string(JsonValue value, const char* name, std::string& out) {
  if (!value) return {};
  const auto text = value.string();
  if (!text) return not_a_jwt(std::string("its claim \"") + name + "\" is not a string");
  out = *text;
  return {};
}

// NumericDate (RFC 7519 section 2) may have a fraction.
Status read_time(JsonValue value, const char* name, std::optional<std::int64_t>& out) {
  constexpr double k_latest = 253402300799.0;  // the end of the year 9999
  if (!value) return {};
  const auto number = value.number();
  if (!number || std::isnan(*number) || *number < 0 || *number > k_latest)
    return not_a_jwt(std::string("its claim \"") + name + "\" is not a time");
  out = static_cast<std::int64_t>(*number);
  return {};
}

Status read_audience(JsonValue value, Jwt& jwt) {
  if (!value) return {};
  jwt.audience_is_array = value.is_array();
  const auto elements = jwt.audience_is_array ? value.elements() : std::vector<JsonValue>{value};
  for (const auto& element : elements) {
    const auto text = element.string();
    if (!text) return not_a_jwt("its claim \"aud\" is neither a string nor an array of strings");
    jwt.audience.emplace_back(*text);
  }
  return {};
}

Status read_claims(Jwt& jwt) {
  TRY(read_string(jwt.header["alg"], "alg", jwt.algorithm));
  TRY(read_string(jwt.header["kid"], "kid", jwt.key_id));
  TRY(read_string(jwt.payload["iss"], "iss", jwt.issuer));
  TRY(read_string(jwt.payload["sub"], "sub", jwt.subject));
  TRY(read_audience(jwt.payload["aud"], jwt));
  TRY(read_time(jwt.payload["exp"], "exp", jwt.expires_at));
  TRY(read_time(jwt.payload["iat"], "iat", jwt.issued_at));
  TRY(read_time(jwt.payload["nbf"], "nbf", jwt.not_before));
  return {};
}

Result<Jwt> decode_parts(std::string_view token) {
  const auto parts = split(token, '.');
  if (parts.size() != 3)
    return not_a_jwt("it has " + std::to_string(parts.size()) + " parts where three are due");
  TRY_ASSIGN(Json header, decode_part(parts[0], "header"));
  TRY_ASSIGN(Json payload, decode_part(parts[1], "payload"));
  std::string signature;
  const bool decoded = base64url_decode(parts[2], signature);
  wipe(signature);  // with it, what was read of the rest is the token again
  if (!decoded) return not_a_jwt("its signature is not base64url without padding");
  Jwt jwt{std::move(header), std::move(payload), {}, {}, {}, {}, {}, false, {}, {}, {}};
  TRY(read_claims(jwt));
  return jwt;
}

}  // namespace

std::string other_form(std::string_view text) {
  text = trim(text);
  struct Sign {
    std::string_view start;
    const char* words;
  };
  constexpr std::array k_signs = {Sign{"{", "it is JSON: the token may be a member of it"},
                                  Sign{"[", "it is JSON: the token may be a member of it"},
                                  Sign{"<", "it is a page, HTML or XML"},
                                  Sign{"-----BEGIN", "it is PEM: a key or a certificate"},
                                  Sign{"sk-", "it begins with sk-, as API keys do"},
                                  Sign{"Bearer ", "it begins with the word Bearer"},
                                  Sign{"$", "it is a variable's name that nothing filled in"},
                                  Sign{"\"", "it is in quotes"},
                                  Sign{"'", "it is in quotes"}};
  for (const Sign& sign : k_signs)
    if (text.starts_with(sign.start)) return sign.words;
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) return "it has a line break or a space inside";
  return {};
}

Result<Jwt> decode_jwt(std::string_view token) {
  auto jwt = decode_parts(token);
  if (jwt) return jwt;
  // Not before: a hit reads a JWT, and this every byte of it.
  if (const std::string form = other_form(token); !form.empty()) return not_a_jwt(form);
  return jwt;
}

}  // namespace wif
