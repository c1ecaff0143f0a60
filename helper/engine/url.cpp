// SPDX-License-Identifier: Apache-2.0
#include "engine/url.hpp"

#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include "util/text.hpp"

namespace wif {
namespace {

struct UrlCleanup {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlCleanup>;

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

bool is_local_v4(std::uint32_t address) {  // host order
  return (address >> 24U) == 127 || (address >> 16U) == 0xa9fe;
}

bool is_local_v6(const in6_addr& address) {
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_LINKLOCAL(&address)) return true;
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    std::uint32_t v4 = 0;
    std::memcpy(&v4, &address.s6_addr[12], sizeof v4);
    return is_local_v4(ntohl(v4));
  }
  for (const char* known : {"fd00:ec2::254", "fd00:ec2::23"}) {
    in6_addr other{};
    if (inet_pton(AF_INET6, known, &other) == 1 && IN6_ARE_ADDR_EQUAL(&address, &other)) return true;
  }
  return false;
}

Url read_parts(CURLU* handle) {
  Url url;
  url.scheme = to_lower(part_of(handle, CURLUPART_SCHEME));
  const std::string host = part_of(handle, CURLUPART_HOST);
  const std::string port = part_of(handle, CURLUPART_PORT);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  url.host = bracketed ? host.substr(1, host.size() - 2) : host;
  url.authority = printable(port.empty() ? host : host + ":" + port, 200);
  url.local = is_local_host(url.host);
  return url;
}

}  // namespace

bool is_local_host(std::string_view host) {
  const std::string name = to_lower(host);
  if (name == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return is_local_v4(ntohl(v4.s_addr));
  in6_addr v6{};
  return inet_pton(AF_INET6, name.substr(0, name.find('%')).c_str(), &v6) == 1 && is_local_v6(v6);
}

Result<Url> check_url(const std::string& text, UrlAllowance allowance) {
  const UrlHandle handle(curl_url());
  if (!handle) return fail(Category::bug, "out of memory");
  if (text.find('\0') != std::string::npos || text.find("://") == std::string::npos ||
      curl_url_set(handle.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return fail(Category::configuration, "the configured address is not a URL",
                "write it as https://HOST/PATH");
  Url url = read_parts(handle.get());
  if (url.scheme != "https" && url.scheme != "http")
    return fail(Category::configuration, "the address of " + url.authority + " is neither https nor http",
                "write it as https://HOST/PATH");
  if (url.host.empty())
    return fail(Category::configuration, "the configured URL has no host", "write it as https://HOST/PATH");
  if (!part_of(handle.get(), CURLUPART_USER).empty() || !part_of(handle.get(), CURLUPART_PASSWORD).empty())
    return fail(Category::configuration, "the URL of " + url.authority + " holds a user name or a password",
                "take the part before the @ out of it");
  if (!url.is_https() && !url.local && !allowance.metadata_host && !allowance.unix_socket)
    return fail(Category::configuration, "a token would go to " + url.authority + " over plain http",
                "use https: plain http is for loopback and link-local addresses only");
  return url;
}

std::string redirect_target(const std::string& base, const std::string& location) {
  const UrlHandle handle(curl_url());
  if (!handle || location.find('\0') != std::string::npos ||
      curl_url_set(handle.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
      curl_url_set(handle.get(), CURLUPART_URL, location.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return "an unreadable address";
  const Url url = read_parts(handle.get());
  return url.scheme + "://" + url.authority;
}

}  // namespace wif
