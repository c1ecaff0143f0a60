// SPDX-License-Identifier: Apache-2.0
#include "wrap/shape.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/jwt.hpp"
#include "util/encode.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif::wrap {
namespace {

using Expiry = std::optional<std::int64_t>;

constexpr std::int64_t k_latest = 253'402'300'799;  // 9999-12-31T23:59:59Z

// What a helper printed: `json` is null where that is no JSON object.
struct Output {
  std::string_view text;
  std::string_view word;  // without white space around it
  JsonValue json;
};

tl::unexpected<Error> malformed(std::string what) {
  return fail(Category::unreachable, "printed " + std::move(what));
}

Answer credential(std::string_view token, Expiry expires_at) {
  Answer answer;
  answer.token = Secret(token);
  answer.expires_at = expires_at;
  return answer;
}

bool has(const Output& output, std::string_view member) { return static_cast<bool>(output.json[member]); }

Result<std::string_view> text_of(JsonValue object, const char* member) {
  const auto text = object[member].string();
  if (!text || text->empty())
    return malformed(std::string("JSON without a ") + member + " that is a string and not empty");
  return *text;
}

Result<std::string_view> token_of(JsonValue object, const char* member) {
  TRY_ASSIGN(const std::string_view token, text_of(object, member));
  if (!is_header_safe_token(token))
    return malformed(std::string("JSON whose ") + member + " has characters that no token has");
  return token;
}

Result<Expiry> time_of(std::optional<std::int64_t> seconds, const char* member, const char* form) {
  if (seconds && *seconds > 0 && *seconds <= k_latest) return Expiry(seconds);
  return malformed(std::string("an answer whose ") + member + " is not " + form);
}

Result<Expiry> zoned_time(JsonValue value, const char* member) {
  if (!value || value.is_null()) return Expiry();
  return time_of(parse_rfc3339(value.string().value_or("")), member,
                 "a time as in RFC 3339, with its zone (2026-01-02T03:04:05Z)");
}

Result<Expiry> unix_time(JsonValue value, const char* member) {
  if (!value || value.is_null()) return Expiry();
  const auto number = value.number();
  const bool fits = number && std::abs(*number) <= static_cast<double>(k_latest);
  return time_of(fits ? std::optional(static_cast<std::int64_t>(*number)) : std::nullopt, member,
                 "a time in Unix seconds");
}

// Where an answer names no expiry, a token that is a JWT still has its own.
Expiry or_of_token(Expiry said, std::string_view token) {
  if (said || !token.starts_with("eyJ")) return said;
  const auto jwt = decode_jwt(token);
  return jwt ? jwt->expires_at : said;
}

// AWS SDKs' credential_process:
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
bool is_aws(const Output& output) { return has(output, "AccessKeyId") || has(output, "SecretAccessKey"); }

Result<Answer> read_aws(const Output& output) {
  if (output.json["Version"].integer() != 1) return malformed("AWS credentials of another Version than 1");
  TRY(text_of(output.json, "AccessKeyId"));
  TRY_ASSIGN(std::string_view token, text_of(output.json, "SecretAccessKey"));
  if (const JsonValue session = output.json["SessionToken"]; session && !session.is_null()) {
    TRY_ASSIGN(token, text_of(output.json, "SessionToken"));
  }
  TRY_ASSIGN(const Expiry expiry, zoned_time(output.json["Expiration"], "Expiration"));
  return credential(token, expiry);
}

// client-go's credential plugins:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats
bool is_kubernetes(const Output& output) { return output.json["kind"].string() == "ExecCredential"; }

Result<Answer> read_kubernetes(const Output& output) {
  const auto version = output.json["apiVersion"].string();
  if (!is_kubernetes(output) ||
      (version != "client.authentication.k8s.io/v1" && version != "client.authentication.k8s.io/v1beta1"))
    return malformed("no ExecCredential of client.authentication.k8s.io/v1 or v1beta1");
  const JsonValue status = output.json["status"];
  TRY_ASSIGN(const Expiry expiry, zoned_time(status["expirationTimestamp"], "expirationTimestamp"));
  if (status["clientCertificateData"] && !status["token"]) {
    TRY(text_of(status, "clientKeyData"));
    TRY_ASSIGN(const std::string_view certificate, text_of(status, "clientCertificateData"));
    return credential(certificate, expiry);
  }
  TRY_ASSIGN(const std::string_view token, token_of(status, "token"));
  return credential(token, or_of_token(expiry, token));
}

// Executable-sourced credentials: https://google.aip.dev/auth/4117
bool is_google(const Output& output) { return has(output, "success"); }

Result<Answer> read_google(const Output& output) {
  const auto success = output.json["success"].boolean();
  if (!success || output.json["version"].integer() != 1)
    return malformed("no executable response of Google's version 1");
  if (!*success) {
    Answer answer;
    answer.kind = Answer::Kind::refusal;
    return answer;
  }
  TRY_ASSIGN(const Expiry expiry, unix_time(output.json["expiration_time"], "expiration_time"));
  const auto type = output.json["token_type"].string();
  if (type == "urn:ietf:params:oauth:token-type:saml2") {
    TRY_ASSIGN(const std::string_view assertion, text_of(output.json, "saml_response"));
    return credential(assertion, expiry);
  }
  if (type != "urn:ietf:params:oauth:token-type:id_token" && type != "urn:ietf:params:oauth:token-type:jwt")
    return malformed("an executable response of Google's with an unknown token_type");
  TRY_ASSIGN(const std::string_view token, token_of(output.json, "id_token"));
  return credential(token, or_of_token(expiry, token));
}

// docker-credential-helpers' get: https://github.com/docker/docker-credential-helpers#development
constexpr std::string_view k_docker_not_found = "credentials not found in native keychain";

bool is_docker(const Output& output) { return has(output, "Secret") && has(output, "Username"); }

Result<Answer> read_docker(const Output& output) {
  if (!output.json["Username"].string()) return malformed("JSON without a Username that is a string");
  TRY_ASSIGN(const std::string_view secret, text_of(output.json, "Secret"));
  return credential(secret, {});
}

// {"token": ..., "expires_at": RFC 3339 or Unix seconds}; without an expiry it is also Terraform's.
bool is_json(const Output& output) { return has(output, "token"); }

Result<Answer> read_json(const Output& output) {
  TRY_ASSIGN(const std::string_view token, token_of(output.json, "token"));
  const JsonValue value = output.json["expires_at"];
  TRY_ASSIGN(const Expiry expiry,
             value.number() ? unix_time(value, "expires_at") : zoned_time(value, "expires_at"));
  return credential(token, or_of_token(expiry, token));
}

// git's credential helpers: https://git-scm.com/docs/git-credential#IOFMT
constexpr std::string_view k_git_keys =
    "protocol host path username password password_expiry_utc oauth_refresh_token quit authtype credential ephemeral "
    "state[] capability[]";

bool is_among(std::string_view words, std::string_view word) {
  const auto all = split(words, ' ');
  return std::find(all.begin(), all.end(), word) != all.end();
}

bool is_git(const Output& output) {
  const std::size_t end = std::min(output.text.find_first_of("= \n"), output.text.size());
  return end < output.text.size() && output.text[end] == '=' &&
         is_among(k_git_keys, output.text.substr(0, end));
}

Result<Expiry> git_expiry(std::string_view digits) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  const bool all = error == std::errc() && end == digits.data() + digits.size();
  return time_of(all ? std::optional(seconds) : std::nullopt, "password_expiry_utc",
                 "a time in Unix seconds");
}

Result<Answer> read_git(const Output& output) {
  Answer answer;
  // An unknown host has no answer, and so it goes on to the next helper.
  if (output.word.empty()) answer.kind = Answer::Kind::nothing;
  if (!output.word.empty() && output.text.back() != '\n')
    return malformed("half an answer of git's: its last line has no end");
  for (const std::string_view line : split(output.text, '\n')) {
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return malformed("a line that is not git's KEY=VALUE");
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "password" || key == "credential") answer.token = Secret(value);
    if (key == "quit" && (value == "1" || value == "true")) answer.kind = Answer::Kind::nothing;
    if (key == "password_expiry_utc") {
      TRY_ASSIGN(answer.expires_at, git_expiry(value));
    }
  }
  if (answer.kind == Answer::Kind::credential && answer.token.empty())
    return malformed("an answer of git's without a password");
  return answer;
}

// A JWT by itself. One of five parts is encrypted, so that nothing can be read of it.
bool is_jwt(const Output& output) {
  return output.word.starts_with("eyJ") && std::count(output.word.begin(), output.word.end(), '.') != 4;
}

Result<Answer> read_jwt(const Output& output) {
  const auto jwt = decode_jwt(output.word);
  if (!jwt) return malformed("what is " + jwt.error().message);
  return credential(output.word, jwt->expires_at);
}

// One word. What programs print where they have no value isn't one.
constexpr std::string_view k_no_values = "null None nil undefined true false";

bool is_bare(const Output& output) { return is_header_safe_token(output.word); }

Result<Answer> read_bare(const Output& output) {
  if (!is_bare(output))
    return malformed(std::to_string(output.text.size()) + " bytes that are not one token");
  if (is_among(k_no_values, output.word))
    return malformed("\"" + std::string(output.word) + "\", which is no token");
  return credential(output.word, {});
}

struct Shape {
  std::string_view name;
  bool is_object;  // a JSON object, and nothing else
  bool (*recognises)(const Output&);
  Result<Answer> (*read)(const Output&);
};

// The first that recognises an answer reads it.
constexpr std::array k_shapes = {
    Shape{"aws", true, is_aws, read_aws},          Shape{"kubernetes", true, is_kubernetes, read_kubernetes},
    Shape{"google", true, is_google, read_google}, Shape{"docker", true, is_docker, read_docker},
    Shape{"json", true, is_json, read_json},       Shape{"git", false, is_git, read_git},
    Shape{"jwt", false, is_jwt, read_jwt},         Shape{"bare", false, is_bare, read_bare},
};

const Shape* named(std::string_view name) {
  for (const Shape& shape : k_shapes)
    if (shape.name == name) return &shape;
  return nullptr;
}

Result<Answer> read_as(const Shape& shape, const Output& output) {
  auto answer = shape.read(output);
  if (answer) answer->shape = shape.name;
  return answer;
}

tl::unexpected<Error> unknown(const Output& output) {
  return malformed(std::to_string(output.text.size()) + " bytes in no form known here (" + format_names() +
                   ")");
}

Result<Answer> read_object(Output output, const Shape* shape) {
  const auto json = Json::parse(std::string(output.word));
  if (!json) return malformed("what is " + json.error().message);
  output.json = json->root();
  if (shape != nullptr) return read_as(*shape, output);
  for (const Shape& each : k_shapes)
    if (each.is_object && each.recognises(output)) return read_as(each, output);
  return malformed("JSON in no form known here (" + format_names() + ")");
}

}  // namespace

Result<Answer> read_answer(std::string_view text, std::string_view format) {
  const Output output{text, trim(text), {}};
  const Shape* shape = named(format);
  if (output.word.empty() && format != "git") return malformed("nothing");
  // A record holds it as a JSON string.
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos) return malformed("what is not UTF-8 text");
  const bool is_object = output.word.starts_with('{');
  if (shape != nullptr && shape->is_object && !is_object)
    return malformed("no JSON object, as " + std::string(format) + " answers have");
  if (is_object && (shape == nullptr || shape->is_object)) return read_object(output, shape);
  if (shape != nullptr) return read_as(*shape, output);
  for (const Shape& each : k_shapes)
    if (!each.is_object && each.recognises(output)) return read_as(each, output);
  return unknown(output);
}

bool is_failure_form(std::string_view output, std::string_view format) {
  const std::string_view word = trim(output);
  // docker's helpers print why on standard output. Named so, any text is that; else the one that its clients look for.
  if (!word.starts_with('{'))
    return word == k_docker_not_found || (format == "docker" && !word.empty() && is_utf8(output));
  if (!format.empty() && format != "google") return false;
  const auto answer = read_answer(output, format);
  return answer && answer->kind == Answer::Kind::refusal;
}

bool is_format(std::string_view name) { return named(name) != nullptr; }

std::string format_names() {
  std::string names;
  for (const Shape& shape : k_shapes) names += (names.empty() ? "" : ", ") + std::string(shape.name);
  return names;
}

}  // namespace wif::wrap
