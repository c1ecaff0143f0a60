// SPDX-License-Identifier: Apache-2.0
#include "core/hosts.hpp"

#include <algorithm>
#include <charconv>

#include "util/text.hpp"

namespace wif {
namespace {

constexpr int k_https_port = 443;
constexpr int k_http_port = 80;
constexpr int k_highest_port = 65535;
constexpr std::size_t k_longest_host = 253;  // RFC 1035, section 2.3.4
constexpr std::size_t k_exact = 1000;        // above any domain's length
constexpr std::string_view k_any_port = "*";

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_ipv6(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= k_longest_host &&
         std::all_of(text.begin(), text.end(), is_host_character) && text.front() != '.' &&
         text.find("..") == std::string_view::npos;
}

// RFC 3986, section 3.1.
bool is_scheme(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+.-") == std::string_view::npos;
}

int default_port(std::string_view scheme) {
  if (scheme == "https") return k_https_port;
  return scheme == "http" ? k_http_port : 0;
}

std::optional<int> parse_port(std::string_view text) {
  int port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end || port < 1 || port > k_highest_port) return {};
  return port;
}

struct Authority {
  std::string_view host;
  std::optional<std::string_view> port;
};

// Nothing where it is malformed.
std::optional<Authority> split_authority(std::string_view text) {
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return {};
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return {};
    Authority out{text.substr(1, close - 1), {}};
    if (!rest.empty()) out.port = rest.substr(1);
    if (!is_ipv6(out.host)) return {};
    return out;
  }
  const std::size_t colon = text.find(':');
  Authority out{text.substr(0, colon), {}};
  if (colon != std::string_view::npos) out.port = text.substr(colon + 1);
  return out;
}

tl::unexpected<Error> not_a_target(std::string_view text) {
  return fail(Category::usage, "\"" + printable(text, 80) + "\" names no host",
              "expected https://HOST[:PORT][/PATH]");
}

bool fits_port(const std::optional<std::string_view>& wanted, const Target& target) {
  if (!wanted) return target.port == default_port(target.scheme);
  return *wanted == k_any_port || parse_port(*wanted) == target.port;
}

// One pattern, which pattern_problem has nothing against.
std::size_t closeness_of(std::string_view pattern, const Target& target) {
  const std::string lower = to_lower(pattern);
  const auto wanted = split_authority(lower);
  if (!wanted || !fits_port(wanted->port, target)) return 0;
  if (!wanted->host.starts_with("*.")) return wanted->host == target.host ? k_exact : 0;
  const std::string_view domain = wanted->host.substr(1);
  return target.host.size() > domain.size() && target.host.ends_with(domain) ? domain.size() : 0;
}

}  // namespace

std::string Target::authority() const {
  const std::string name = is_ipv6(host) ? "[" + host + "]" : host;
  return port == default_port(scheme) ? name : name + ":" + std::to_string(port);
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1" || host.ends_with(".localhost")) return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<Target> parse_target(std::string_view text, std::string_view scheme) {
  if (std::any_of(text.begin(), text.end(),
                  [](unsigned char c) { return c <= ' ' || c == 0x7f || c == '\\'; }))
    return not_a_target(text);
  Target target;
  target.scheme = scheme;
  std::string_view rest = text;
  if (const std::size_t end = rest.find("://"); end != std::string_view::npos) {
    target.scheme = to_lower(rest.substr(0, end));
    rest.remove_prefix(end + 3);
  }
  if (!is_scheme(target.scheme)) return not_a_target(text);
  const std::size_t end = rest.find_first_of("/?#");
  const std::string authority_text = to_lower(rest.substr(0, end));
  const auto authority = split_authority(authority_text);
  if (!authority || (!is_name(authority->host) && !is_ipv6(authority->host))) return not_a_target(text);
  target.host = authority->host;
  if (target.host.ends_with('.')) target.host.pop_back();  // an absolute name is the same host
  const auto port = authority->port ? parse_port(*authority->port) : default_port(target.scheme);
  if (!port) return not_a_target(text);
  target.port = *port;
  if (end != std::string_view::npos) target.path = rest.substr(end, rest.find_first_of("?#", end) - end);
  return target;
}

std::optional<std::string> pattern_problem(std::string_view pattern) {
  const std::string lower = to_lower(pattern);
  if (lower.find('/') != std::string::npos) return "is a host, without a scheme or path";
  const auto parts = split_authority(lower);
  if (!parts) return "is no host";
  const std::string_view name = parts->host.starts_with("*.") ? parts->host.substr(2) : parts->host;
  if (name.find('*') != std::string_view::npos)
    return "may begin with \"*.\", and have no other '*' in its name";
  if (!is_name(name) && !is_ipv6(name)) return "is no host";
  if (parts->port && *parts->port != k_any_port && !parse_port(*parts->port))
    return "needs a port from 1 to 65535, or * for any, behind its colon";
  return {};
}

std::size_t closeness(std::string_view patterns, const Target& target) {
  if (target.scheme != "https" && !(target.scheme == "http" && is_loopback(target.host))) return 0;
  std::size_t best = 0;
  for (const std::string_view pattern : split(patterns, '\n'))
    best = std::max(best, closeness_of(pattern, target));
  return best;
}

}  // namespace wif
