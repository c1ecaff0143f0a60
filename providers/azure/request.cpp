// SPDX-License-Identifier: Apache-2.0
// Whom to ask, what, and how often.
#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "azure.hpp"

namespace wif::azure {
namespace {

using namespace wif::kit;

constexpr const char* k_imds = "http://169.254.169.254";
constexpr const char* k_token_path = "/metadata/identity/oauth2/token";
constexpr const char* k_arc_url = "http://127.0.0.1:40342/metadata/identity/oauth2/token";
// A token that isn't in Azure's own cache takes a second or two.
constexpr std::int32_t k_try_timeout_ms = 10'000;

// Scheme, host and port, and nothing else: the path is the protocol's.
Result<std::string> service_url(std::string_view base, const char* name) {
  while (base.ends_with('/')) base.remove_suffix(1);
  const std::size_t mark = base.find("://");
  const bool whole =
      mark != base.npos && mark + 3 < base.size() && base.find_first_of("/?#", mark + 3) == base.npos;
  if (!whole)
    return fail(WIF_CONFIGURATION, std::string(name) + " is not of the form SCHEME://HOST:PORT",
                std::string("leave the path out, as in ") + k_imds);
  return std::string(base) + k_token_path;
}

std::string_view host_of(std::string_view url) {
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  return url.substr(0, url.find_first_of("/:?#"));
}

// Where the platform's own networks are: RFC 1918, and RFC 6598's 100.64.0.0/10.
bool is_private_address(std::string_view host) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(host).c_str(), &address) != 1) return false;
  const std::uint32_t ip = ntohl(address.s_addr);
  return ip >> 24U == 10 || ip >> 20U == 0xac1 || ip >> 16U == 0xc0a8 || ip >> 22U == 0x191;
}

// Link-local addresses and loopback need no flag. App Service on Linux also names addresses of its own network
// (http://172.16.1.3:8081/msi/token); for https the flag does no more than keep the request away from proxies.
std::uint32_t flags_for(const Place& place) {
  const bool https = place.url.starts_with("https://");
  const bool platform = place.kind == Kind::app_service && is_private_address(host_of(place.url));
  return https || platform ? std::uint32_t{WIF_HTTP_LINK_LOCAL} : 0;
}

const char* api_version(Kind kind) {
  switch (kind) {
    case Kind::imds:
      return "2018-02-01";
    case Kind::app_service:
      return "2019-08-01";
    case Kind::arc:
      break;
  }
  return "2020-06-01";
}

struct RetryRow {
  std::int32_t first_status;  // 0: no answer
  std::int32_t last_status;
  std::int64_t pause_ms;  // after the first try; doubles with each
  std::int64_t longest_ms;
  int tries;            // in all; 0: as `for_ms` says
  std::int64_t for_ms;  // since the first try
};

// "Retry guidance" and "Error handling" in how-to-use-vm-token (azure.cpp has the address); the numbers are those that
// Microsoft's own libraries have agreed on. 410 ends within 70 s, since then the service's update is over.
constexpr std::array k_retry_rows = {
    RetryRow{0, 0, 1000, 4000, 4, 0},      // "timeout: endpoint is updating"
    RetryRow{404, 404, 1000, 4000, 4, 0},  // "endpoint is updating"
    RetryRow{408, 408, 1000, 4000, 4, 0},  //
    RetryRow{410, 410, 1000, 10'000, 0, 70'000},
    RetryRow{429, 429, 2000, 16'000, 5, 0},  // throttled
    RetryRow{500, 599, 1000, 4000, 4, 0},    // "after at least 1 second"
};

}  // namespace

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::imds:
      return "Azure's instance metadata service";
    case Kind::app_service:
      return "the managed identity endpoint (IDENTITY_ENDPOINT)";
    case Kind::arc:
      break;
  }
  return "the Azure Arc agent";
}

Result<Place> place_of(const Surroundings& here) {
  const auto service = [](std::string_view base, const char* name) {
    return service_url(base, name).map([](std::string url) { return Place{Kind::imds, std::move(url), {}}; });
  };
  if (!here.endpoint.empty()) return service(here.endpoint, "subject.endpoint");
  if (!here.identity_endpoint.empty() && !here.identity_header.empty()) {
    if (!here.server_thumbprint.empty())
      return fail(WIF_CONFIGURATION,
                  "this is Service Fabric (IDENTITY_SERVER_THUMBPRINT is set), which isn't supported",
                  "let a program of yours fetch the token: subject.provider = \"command\"");
    return Place{Kind::app_service, std::string(here.identity_endpoint), here.identity_header};
  }
  if (!here.identity_endpoint.empty() && !here.imds_endpoint.empty())
    return Place{Kind::arc, std::string(here.identity_endpoint), {}};
  if (!here.authority_host.empty()) return service(here.authority_host, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
  if (here.has_arc_agent) return Place{Kind::arc, k_arc_url, {}};
  return service(k_imds, "");
}

Request request_for(const Place& place, const Question& question, std::string_view authorization) {
  Request request;
  request.url =
      with_query(place.url, {{"api-version", api_version(place.kind)}, {"resource", question.audience}});
  const Identity& identity = question.identity;
  if (!identity.name.empty()) {
    // The one parameter that isn't called the same everywhere; a wrong name would be ignored in silence.
    const bool shorter = place.kind == Kind::app_service && identity.name == "msi_res_id";
    request.url = with_query(request.url, {{shorter ? "mi_res_id" : identity.name, identity.value}});
  }
  if (place.kind == Kind::app_service) {
    request.headers.push_back({"X-IDENTITY-HEADER", place.identity_header});
  } else {
    request.headers.push_back({"Metadata", "true"});
  }
  if (!authorization.empty()) request.headers.push_back({"Authorization", authorization});
  request.flags = flags_for(place);
  request.try_timeout_ms = k_try_timeout_ms;
  return request;
}

std::optional<std::int64_t> imds_pause(const Try& made) {
  const auto* row = std::find_if(k_retry_rows.begin(), k_retry_rows.end(), [&](const RetryRow& each) {
    return made.status >= each.first_status && made.status <= each.last_status;
  });
  if (row == k_retry_rows.end()) return {};
  constexpr int k_most_doublings = 10;
  const std::int64_t pause =
      std::min(row->pause_ms << std::min(made.number - 1, k_most_doublings), row->longest_ms);
  if (row->tries != 0) return made.number < row->tries ? std::optional(pause) : std::nullopt;
  const std::int64_t left = row->for_ms - made.elapsed_ms;
  return left > 0 ? std::optional(std::min(pause, left)) : std::nullopt;
}

}  // namespace wif::azure
