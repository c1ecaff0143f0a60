// SPDX-License-Identifier: Apache-2.0
#include "engine/diagnosis/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_kubernetes = "system:serviceaccount:";
constexpr std::string_view k_spiffe = "spiffe://";
constexpr std::size_t k_shown = 24;
constexpr std::size_t k_in_common = 4;  // fewer letters are chance

std::string shown(std::string_view text) { return "'" + printable(text, 80) + "'"; }

std::string_view without_slash(std::string_view text) {
  if (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

std::string_view without_scheme(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (text.starts_with(scheme)) return text.substr(scheme.size());
  return text;
}

// The host of an Entra ID issuer says which of its endpoints issued: v1.0 is sts.windows.net, v2.0 login.microsoftonline.com.
std::optional<std::string> entra_difference(std::string_view found, std::string_view expected) {
  const auto is_v1 = [](std::string_view text) { return text.starts_with("https://sts.windows.net/"); };
  const auto is_v2 = [](std::string_view text) {
    return text.starts_with("https://login.microsoftonline.com/");
  };
  if (is_v1(found) && is_v2(expected)) return "the token is of Entra's v1.0 endpoint, and v2.0's is expected";
  if (is_v2(found) && is_v1(expected)) return "the token is of Entra's v2.0 endpoint, and v1.0's is expected";
  if (!is_v2(found) || !is_v2(expected)) return {};
  const auto a = split(found, '/');
  const auto b = split(expected, '/');
  if (a.size() > 3 && b.size() > 3 && a[3] != b[3])
    return "another tenant: " + shown(a[3]) + " for " + shown(b[3]);
  if (found.ends_with("/v2.0") != expected.ends_with("/v2.0"))
    return "one has the suffix /v2.0, the other hasn't";
  return {};
}

std::optional<std::string> kubernetes_difference(std::string_view found, std::string_view expected) {
  if (!found.starts_with(k_kubernetes) || !expected.starts_with(k_kubernetes)) return {};
  const auto a = split(found.substr(k_kubernetes.size()), ':');
  const auto b = split(expected.substr(k_kubernetes.size()), ':');
  if (a.size() != 2 || b.size() != 2) return {};
  if (a[0] != b[0]) return "another namespace: " + shown(a[0]) + " for " + shown(b[0]);
  return "another service account of the namespace: " + shown(a[1]) + " for " + shown(b[1]);
}

std::optional<std::string> spiffe_difference(std::string_view found, std::string_view expected) {
  if (!found.starts_with(k_spiffe) || !expected.starts_with(k_spiffe)) return {};
  const auto domain = [](std::string_view id) {
    id.remove_prefix(k_spiffe.size());
    return id.substr(0, id.find('/'));
  };
  if (domain(found) == domain(expected)) return {};
  return "another trust domain: " + shown(domain(found)) + " for " + shown(domain(expected));
}

std::string prefixed(const std::string& words) { return words.empty() ? words : "; " + words; }

// What a role is called and what its sessions are (sts:GetCallerIdentity says the latter).
std::optional<std::string> aws_difference(std::string_view found, std::string_view expected) {
  constexpr std::string_view k_session = ":assumed-role/";
  const bool role = found.find(":role/") != std::string_view::npos;
  const bool session = expected.find(k_session) != std::string_view::npos;
  if (!found.starts_with("arn:") || !expected.starts_with("arn:") || !role || !session) return {};
  return "the token names the role itself, and a session of a role is expected";
}

// Google's sub is the account's number.
std::optional<std::string> account_difference(std::string_view found, std::string_view expected) {
  const bool number = found.find_first_not_of("0123456789") == std::string_view::npos;
  if (!number || expected.find('@') == std::string_view::npos) return {};
  return "the token names the account by its number, and an e-mail address is expected";
}

std::string first_difference(std::string_view found, std::string_view expected) {
  const std::size_t at = static_cast<std::size_t>(
      std::mismatch(found.begin(), found.end(), expected.begin(), expected.end()).first - found.begin());
  if (at < k_in_common || (at <= std::strlen("https://") && found.starts_with("http"))) return {};
  const auto rest = [at](std::string_view text) {
    return at >= text.size() ? std::string("its end") : shown(text.substr(at, k_shown));
  };
  return "they part at character " + std::to_string(at + 1) + ": " + rest(found) + " for " + rest(expected);
}

}  // namespace

std::string apart(std::string_view found, std::string_view expected) {
  return prefixed(difference(found, expected));
}

std::string difference(std::string_view found, std::string_view expected) {
  if (found.empty()) return "there is none";
  if (trim(found) == trim(expected)) return "only white space around it differs";
  if (without_slash(found) == without_slash(expected))
    return found.ends_with('/') ? "the token's ends with a slash, the expected one doesn't"
                                : "the expected one ends with a slash, the token's doesn't";
  if (without_scheme(found) == without_scheme(expected))
    return found.starts_with("http://")
               ? "the token says http, https is expected"
               : "the token says https, the expected one says " +
                     std::string(expected.starts_with("http://") ? "http" : "no scheme");
  if (to_lower(found) == to_lower(expected))
    return "only upper and lower case differ" + prefixed(first_difference(found, expected));
  for (const auto& known : {entra_difference(found, expected), kubernetes_difference(found, expected),
                            spiffe_difference(found, expected), aws_difference(found, expected),
                            account_difference(found, expected)})
    if (known) return *known;
  return first_difference(found, expected);
}

bool row_matches(std::string_view pattern, std::string_view value) {
  if (pattern.size() > 1 && pattern.ends_with('*'))
    return value.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == value;
}

std::optional<std::string> row_problem(std::string_view pattern) {
  const std::size_t star = pattern.find('*');
  if (pattern.empty()) return "a row's value can't be empty";
  if (star == std::string_view::npos) return {};
  if (star == 0) return "a wildcard needs something before it";
  if (star + 1 != pattern.size()) return "only one '*' is a wildcard, at the end";
  return {};
}

std::optional<std::string> scalar_text(JsonValue value) {
  if (const auto text = value.string()) return std::string(*text);
  if (const auto number = value.integer()) return std::to_string(*number);
  if (const auto flag = value.boolean()) return std::string(*flag ? "true" : "false");
  if (value.number()) return value.text();
  return {};
}

std::optional<std::string> path_to(JsonValue value, std::string_view dotted) {
  for (const auto& [name, inner] : value.members()) {
    if (!dotted.starts_with(name)) continue;
    const std::string_view rest = dotted.substr(name.size());
    const bool plain = name.find_first_of(".-/ ") == std::string_view::npos;
    const std::string step = plain ? "." + std::string(name) : "[\"" + std::string(name) + "\"]";
    if (rest.empty()) return scalar_text(inner) ? std::optional(step) : std::nullopt;
    if (!rest.starts_with('.') || !inner.is_object()) continue;
    if (const auto deeper = path_to(inner, rest.substr(1))) return step + *deeper;
  }
  return {};
}

std::optional<JsonValue> evaluate_path(std::string_view expression, const Jwt& jwt) {
  constexpr std::string_view k_root = "assertion";
  constexpr std::string_view k_name_characters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  std::string_view rest = trim(expression);
  if (!rest.starts_with(k_root)) return {};
  rest.remove_prefix(k_root.size());
  if (rest.empty()) return {};
  JsonValue value = jwt.payload.root();
  while (!rest.empty()) {
    std::string_view name;
    if (rest.front() == '.') {
      const std::size_t end = std::min(rest.find_first_not_of(k_name_characters, 1), rest.size());
      name = rest.substr(1, end - 1);
      rest.remove_prefix(end);
    } else if (rest.size() > 4 && rest.front() == '[' && (rest[1] == '\'' || rest[1] == '"')) {
      const std::size_t end = rest.find(rest[1], 2);
      if (end == std::string_view::npos || end + 1 >= rest.size() || rest[end + 1] != ']') return {};
      name = rest.substr(2, end - 2);
      rest.remove_prefix(end + 2);
    }
    if (name.empty()) return {};
    value = value ? value[name] : JsonValue();
  }
  return value;
}

}  // namespace wif
