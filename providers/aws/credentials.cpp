// SPDX-License-Identifier: Apache-2.0
#include "credentials.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <optional>

#include "util/json.hpp"

namespace wif::aws {
using kit::excerpt;
using kit::fail;
using kit::Failure;
using kit::Host;
using kit::Request;
using kit::Response;
using kit::Result;

namespace {

constexpr const char* k_ecs = "http://169.254.170.2";
constexpr const char* k_session_name = "wif";
// An agent on this machine.
constexpr std::int32_t k_try_ms = 3000;

std::string_view text_of(const Json& json, const char* name) { return json[name].string().value_or(""); }

// A place that has nothing to say is no value; one that says something wrong is an error.
using Found = Result<std::optional<Credentials>>;

Found as_found(Result<Credentials> credentials) {
  if (!credentials) return tl::unexpected<Failure>(std::move(credentials.error()));
  return std::optional(std::move(*credentials));
}

Found from_environment(const Host& host) {
  const auto id = host.environment("AWS_ACCESS_KEY_ID");
  const auto secret = host.environment("AWS_SECRET_ACCESS_KEY");
  if (!id && !secret) return std::optional<Credentials>();
  if (!id || !secret)
    return fail(WIF_CONFIGURATION,
                std::string(id ? "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"
                               : "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not"),
                "set both, or unset both");
  const auto token = host.environment("AWS_SESSION_TOKEN");
  return Credentials{std::string(*id), host.secret_copy(*secret),
                     token ? host.secret_copy(*token) : std::string_view(), "the environment"};
}

Found from_web_identity(const Host& host, const AssumeRole& assume_role) {
  const auto file = host.environment("AWS_WEB_IDENTITY_TOKEN_FILE");
  if (!file) return std::optional<Credentials>();
  const auto role = host.environment("AWS_ROLE_ARN");
  if (!role)
    return fail(
        WIF_CONFIGURATION, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not",
        "set the role that the token is for, or unset the file; a token file with OpenAI's own audience is "
        "for the provider 'file'");
  const auto name = host.environment("AWS_ROLE_SESSION_NAME");
  return as_found(
      assume_role({std::string(*role), std::string(*file), std::string(name.value_or(k_session_name))}));
}

// What a profile says before any keys, and only AWS's own command can act on.
const char* left_to_aws(const Profile& profile) {
  if (!profile.get("role_arn").empty()) return "by assuming a role from another profile (role_arn)";
  for (const char* key : {"sso_session", "sso_start_url", "sso_account_id"})
    if (!profile.get(key).empty()) return "by IAM Identity Center (SSO)";
  return profile.get("login_session").empty() ? nullptr : "by `aws login`";
}

tl::unexpected<Failure> leave_to_aws(const Profile& profile, const char* how) {
  return fail(WIF_CONFIGURATION,
              "the AWS profile '" + profile.name + "' gets its credentials " + how +
                  ", which is left to the aws command",
              "export them first: eval \"$(aws configure export-credentials --profile " + profile.name +
                  " --format env)\", with no subject.aws_profile");
}

Found static_keys(const Host& host, const Profile& profile) {
  constexpr std::string_view k_id = "aws_access_key_id";
  // From one file, or a key could meet another's secret.
  const Section& section = profile.credentials.count(k_id) != 0 ? profile.credentials : profile.config;
  const auto value = [&](std::string_view key) {
    const auto found = section.find(key);
    return found == section.end() ? std::string_view() : found->second;
  };
  const std::string_view id = value(k_id);
  const std::string_view secret = value("aws_secret_access_key");
  if (id.empty() && secret.empty()) return std::optional<Credentials>();
  if (id.empty() || secret.empty())
    return fail(WIF_CONFIGURATION, "the AWS profile '" + profile.name + "' has half a key",
                "give it both aws_access_key_id and aws_secret_access_key");
  return Credentials{std::string(id), host.secret_copy(secret), host.secret_copy(value("aws_session_token")),
                     "the profile " + profile.name};
}

Found from_profile(const Host& host, const Profile& profile, const AssumeRole& assume_role) {
  const std::string role(profile.get("role_arn"));
  const std::string file(profile.get("web_identity_token_file"));
  if (!role.empty() && !file.empty()) {
    const std::string name(profile.get("role_session_name"));
    return as_found(assume_role({role, file, name.empty() ? k_session_name : name}));
  }
  if (const char* how = left_to_aws(profile)) return leave_to_aws(profile, how);
  auto keys = static_keys(host, profile);
  if (keys && !*keys && !profile.get("credential_process").empty())
    return leave_to_aws(profile, "by a credential_process");
  return keys;
}

std::string host_of(std::string_view rest) {
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (rest.find('@') != rest.npos) return {};
  if (rest.starts_with('[')) return std::string(rest.substr(1, rest.find(']') - 1));
  return std::string(rest.substr(0, rest.find(':')));
}

bool is_container_host(const std::string& host) {
  constexpr std::array k_known = {"localhost", "169.254.170.2", "169.254.170.23"};
  for (const char* known : k_known)
    if (to_lower(host) == known) return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24U == 127;
  in6_addr v6{};
  in6_addr eks{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && inet_pton(AF_INET6, "fd00:ec2::23", &eks) == 1 &&
         (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_ARE_ADDR_EQUAL(&v6, &eks));
}

// The one in the file first, and read for each call: EKS rotates it.
Result<std::string_view> authorization(const Host& host) {
  const auto file = host.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file) return trim(host.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or(""));
  auto token = read_token_file(host, std::string(*file));
  if (!token)
    token.error().hint =
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names it: EKS Pod Identity mounts it into pods "
        "that it knew when they started, so start the pod anew";
  return token;
}

tl::unexpected<Failure> container_refusal(const Response& response, const std::string& doing) {
  const std::int32_t status = response.status;
  const bool refused = status >= 400 && status < 500 && status != 429;
  std::string hint =
      "look at the log of what serves it: the ECS agent, or eks-pod-identity-agent on the node";
  if (status == 401 || status == 403)
    hint = "the authorization token isn't accepted: look at AWS_CONTAINER_AUTHORIZATION_TOKEN[_FILE]";
  if (status == 404 || status == 400)
    hint = "give the task a taskRoleArn (ECS), or the service account a pod identity association (EKS)";
  if (status >= 300 && status < 400) hint = "it redirects, which isn't followed: correct the URL";
  return fail(refused ? WIF_REFUSED : WIF_UNREACHABLE,
              doing + ": HTTP " + std::to_string(status) + ": " + shown(response.body), hint);
}

Found from_container(const Host& host) {
  const auto relative = host.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const auto full = host.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!relative && !full) return std::optional<Credentials>();
  if (relative && !relative->starts_with('/'))
    return fail(WIF_CONFIGURATION, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash");
  if (!relative && !is_container_url(*full))
    return fail(WIF_CONFIGURATION,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI leads out of this machine over plain http",
                "use https; http is for loopback, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 only");
  const auto token = authorization(host);
  if (!token) return tl::unexpected<Failure>(token.error());
  Request request;
  request.url = relative ? k_ecs + std::string(*relative) : std::string(*full);
  request.try_timeout_ms = k_try_ms;
  if (!token->empty()) request.headers = {{"Authorization", *token}};
  const std::string doing = "asking the container's endpoint for AWS credentials";
  const auto response = send(host, request, doing);
  if (!response) return tl::unexpected<Failure>(response.error());
  if (response->status != 200) return container_refusal(*response, doing);
  auto credentials = read_json_credentials(host, response->body, "the container's endpoint");
  if (credentials) credentials->on_aws = true;
  return as_found(std::move(credentials));
}

Result<Credentials> from_instance(Imds& imds) {
  if (imds.disabled())
    return fail(
        WIF_NO_IDENTITY,
        "there are no AWS credentials: none in the environment, the shared profile or a container's endpoint, "
        "and AWS_EC2_METADATA_DISABLED is set",
        "set up one of them, as for the aws command");
  return imds.credentials();
}

}  // namespace

std::string shown(std::string_view body) {
  for (const char* word : {"AccessKey", "Token\"", "Token>", "eyJ"})
    if (body.find(word) != body.npos) return "(a body that isn't shown, as it may hold credentials)";
  return excerpt(body);
}

bool is_container_url(std::string_view url) {
  constexpr std::string_view k_http = "http://";
  if (starts_with_ignoring_case(url, "https://")) return true;
  return starts_with_ignoring_case(url, k_http) && is_container_host(host_of(url.substr(k_http.size())));
}

Result<Credentials> read_json_credentials(const Host& host, std::string_view body,
                                          const std::string& source) {
  const auto json = Json::parse(std::string(body));
  if (!json || !json->root().is_object())
    return fail(WIF_UNREACHABLE,
                source + " answered with something other than AWS credentials: " + shown(body),
                "this is hardly the right address: check what is in between, such as a proxy");
  const std::string_view code = text_of(*json, "Code");
  if (!code.empty() && code != "Success")
    return fail(
        WIF_REFUSED,
        source + " gives no credentials: " + excerpt(code) + ": " + excerpt(text_of(*json, "Message")),
        "look at the role's trust policy: it has to trust the service that hands it out");
  const std::string_view id = text_of(*json, "AccessKeyId");
  const std::string_view secret = text_of(*json, "SecretAccessKey");
  if (id.empty() || secret.empty())
    return fail(WIF_UNREACHABLE, source + " answered without AccessKeyId or SecretAccessKey");
  return Credentials{std::string(id), host.secret_copy(secret), host.secret_copy(text_of(*json, "Token")),
                     source};
}

Result<Credentials> find_credentials(const Host& host, const Profile& profile, Imds& imds,
                                     const AssumeRole& assume_role) {
  auto found = profile.only ? Found() : from_environment(host);
  if (found && !*found && !profile.only) found = from_web_identity(host, assume_role);
  if (found && !*found) found = from_profile(host, profile, assume_role);
  if (found && !*found && profile.only)
    return fail(WIF_CONFIGURATION, "the AWS profile '" + profile.name + "' holds no credentials",
                "give it keys, or choose another one in subject.aws_profile");
  if (found && !*found) found = from_container(host);
  if (!found) return tl::unexpected<Failure>(std::move(found.error()));
  if (*found) return std::move(**found);
  return from_instance(imds);
}

}  // namespace wif::aws
