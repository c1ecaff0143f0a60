// SPDX-License-Identifier: Apache-2.0
#include "imds.hpp"

#include "credentials.hpp"
#include "util/encode.hpp"

namespace wif::aws {
using kit::fail;
using kit::Failure;
using kit::Host;
using kit::Request;
using kit::Response;
using kit::Result;
using kit::Try;

namespace {

constexpr const char* k_roles = "/latest/meta-data/iam/security-credentials/";
// It answers within milliseconds or not at all.
constexpr std::int32_t k_try_ms = 1000;
constexpr int k_tries = 3;

std::string endpoint(const Host& host) {
  std::string url = "http://169.254.169.254";
  if (const auto mode = host.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"))
    if (to_lower(*mode) == "ipv6") url = "http://[fd00:ec2::254]";
  if (const auto named = host.environment("AWS_EC2_METADATA_SERVICE_ENDPOINT")) url = *named;
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::optional<std::int64_t> pause_after(const Try& made) {
  if (made.number == k_tries || (made.status != 0 && made.status != 429 && made.status < 500)) return {};
  return 100 * made.number;
}

// The answer to the PUT has a hop limit of its own: one that is too low never gets into a container.
tl::unexpected<Failure> no_answer(Failure failure) {
  if (failure.status != WIF_UNREACHABLE) return tl::unexpected<Failure>(std::move(failure));
  failure.hint =
      "in a container on EC2, raise the hop limit (`aws ec2 modify-instance-metadata-options --instance-id ID "
      "--http-put-response-hop-limit 2`); elsewhere there is none: set up AWS credentials, or AWS_EC2_METADATA_DISABLED";
  return tl::unexpected<Failure>(std::move(failure));
}

tl::unexpected<Failure> no_session(const Response& response) {
  const std::string status = " (HTTP " + std::to_string(response.status) + ")";
  if (response.status == 403)
    return fail(
        WIF_REFUSED, "EC2's instance metadata service is disabled here, or keeps this process out" + status,
        "enable it (`aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled`), or "
        "give the container its role another way");
  const bool passing = response.status == 429 || response.status >= 500;
  return fail(passing ? WIF_UNREACHABLE : WIF_NO_IDENTITY,
              "what answers at EC2's metadata address gives no IMDSv2 session" + status +
                  (response.body.starts_with('<') ? ": " + shown(response.body) : ""),
              passing
                  ? "try again"
                  : "this is hardly EC2, or a proxy lies between: unset AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

tl::unexpected<Failure> unexpected_answer(const Response& response, const std::string& doing) {
  const bool refused = response.status >= 400 && response.status < 500 && response.status != 429;
  return fail(refused ? WIF_REFUSED : WIF_UNREACHABLE,
              doing + ": HTTP " + std::to_string(response.status) + ": " + shown(response.body));
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && text.find_first_of(" \t\r\n<>/?#%") == text.npos;
}

}  // namespace

bool Imds::disabled() const {
  const auto value = m_host.environment("AWS_EC2_METADATA_DISABLED");
  return value && to_lower(*value) == "true";
}

Result<Response> Imds::send(Request request, const std::string& doing) const {
  request.url = endpoint(m_host) + request.url;
  request.try_timeout_ms = k_try_ms;
  return kit::send(m_host, std::move(request), doing, pause_after);
}

Result<std::string_view> Imds::session() {
  if (!m_session.empty()) return m_session;
  Request request;
  request.method = "PUT";
  request.url = "/latest/api/token";
  request.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "300"}};
  request.body = "";
  auto response = send(std::move(request), "asking EC2's instance metadata service for a session");
  if (!response) return no_answer(std::move(response.error()));
  const std::string_view token = trim(response->body);
  if (response->status != 200 || !is_header_safe_token(token)) return no_session(*response);
  return m_session = token;
}

Result<Response> Imds::get(const std::string& path, const std::string& doing) {
  const auto token = session();
  if (!token) return tl::unexpected<Failure>(token.error());
  Request request;
  request.url = path;
  request.headers = {{"X-aws-ec2-metadata-token", *token}};
  return send(std::move(request), doing);
}

Result<Credentials> Imds::credentials() {
  const std::string listing = "asking EC2's instance metadata service for the instance's role";
  const auto roles = get(k_roles, listing);
  if (!roles) return tl::unexpected<Failure>(roles.error());
  const std::string_view role = trim(roles->body.substr(0, roles->body.find('\n')));
  if (roles->status == 404 || (roles->status == 200 && role.empty()))
    return fail(WIF_NO_IDENTITY, "this EC2 instance has no role",
                "attach an instance profile (`aws ec2 associate-iam-instance-profile`) whose role may "
                "sts:GetWebIdentityToken");
  if (roles->status != 200) return unexpected_answer(*roles, listing);
  if (!is_name(role))
    return fail(WIF_UNREACHABLE, listing + ": no role's name came back: " + shown(roles->body));
  const std::string doing =
      "asking EC2's instance metadata service for the credentials of " + std::string(role);
  const auto response = get(k_roles + std::string(role), doing);
  if (!response) return tl::unexpected<Failure>(response.error());
  if (response->status != 200) return unexpected_answer(*response, doing);
  auto credentials =
      read_json_credentials(m_host, response->body, "the instance's role " + std::string(role));
  if (credentials) credentials->on_aws = true;
  return credentials;
}

Result<std::string> Imds::region() {
  const std::string doing = "asking EC2's instance metadata service for the region";
  const auto response = get("/latest/meta-data/placement/region", doing);
  if (!response) return tl::unexpected<Failure>(response.error());
  if (response->status != 200) return unexpected_answer(*response, doing);
  return std::string(trim(response->body));
}

}  // namespace wif::aws
