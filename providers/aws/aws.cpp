// SPDX-License-Identifier: Apache-2.0
// aws: a token that AWS signs for the role or user that this machine acts as, by outbound identity federation: STS
// GetWebIdentityToken (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html), a POST signed
// with AWS credentials (Signature Version 4, made by the host) to the endpoint of a region.
//
//   credentials.cpp  where the credentials come from; profile.cpp and imds.cpp are two of the places
//   sts.cpp          STS's two actions, its errors and their mends
#include <algorithm>
#include <optional>
#include <string>

#include "credentials.hpp"
#include "imds.hpp"
#include "kit/http.hpp"
#include "kit/jwt.hpp"
#include "profile.hpp"
#include "sts.hpp"

namespace {

using namespace wif::kit;
using wif::aws::Credentials;
using wif::aws::Imds;
using wif::aws::Profile;
using wif::aws::Sts;
using wif::aws::TokenRequest;

constexpr std::int64_t k_shortest = 60;
constexpr std::int64_t k_longest = 3600;
constexpr std::size_t k_most_tags = 50;

tl::unexpected<Failure> wrong_setting(std::string message) {
  return fail(WIF_CONFIGURATION, std::move(message));
}

std::string setting(const Host& host, const char* name, const char* otherwise = "") {
  return std::string(host.setting(name).value_or(otherwise));
}

Result<TokenRequest> read_request(const Host& host) {
  TokenRequest request;
  auto audience = host.audience();
  if (!audience) return tl::unexpected<Failure>(audience.error());
  request.audience = std::move(*audience);
  request.algorithm = setting(host, "signing_algorithm", "RS256");
  if (request.algorithm != "RS256" && request.algorithm != "ES384")
    return wrong_setting("subject.signing_algorithm is neither RS256 nor ES384");
  request.duration = wif::parse_duration(setting(host, "duration", "5m")).value_or(0);
  if (request.duration < k_shortest || request.duration > k_longest)
    return wrong_setting("subject.duration has to be from 1m to 1h");
  const std::string tags = setting(host, "tags");
  for (const std::string_view tag : wif::split(tags, '\n')) {
    const std::size_t equals = tag.find('=');
    if (tag.empty()) continue;
    if (equals == 0 || equals == tag.npos) return wrong_setting("subject.tags has to hold KEY=VALUE");
    request.tags.emplace_back(tag.substr(0, equals), tag.substr(equals + 1));
  }
  if (request.tags.size() > k_most_tags) return wrong_setting("subject.tags holds more than 50 tags");
  return request;
}

// It becomes part of a host's name, and of what is signed.
bool is_region(std::string_view text) {
  return text.size() >= 5 && text.size() <= 40 && text.find('-') != text.npos && text != "aws-global" &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

// What is configured, without asking anybody.
std::string configured_region(const Host& host, const Profile& profile) {
  if (const auto set = host.setting("region")) return std::string(*set);
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"})
    if (const auto value = host.environment(name)) return std::string(*value);
  return std::string(profile.get("region"));
}

Result<Sts> sts_of(const Host& host, const std::string& region) {
  if (region.empty())
    return fail(WIF_CONFIGURATION,
                "no AWS region is set, and GetWebIdentityToken is on regional endpoints only",
                "set subject.region or AWS_REGION, as in eu-west-1");
  if (!is_region(region))
    return fail(WIF_CONFIGURATION, "'" + excerpt(region, 60) + "' is no AWS region",
                "set subject.region or AWS_REGION, as in eu-west-1");
  Sts sts{wif::aws::regional_endpoint(region), region};
  const auto set = host.setting("endpoint");
  const auto service = host.environment("AWS_ENDPOINT_URL_STS");
  if (const auto named = set ? set : service ? service : host.environment("AWS_ENDPOINT_URL"))
    sts.endpoint = *named;
  while (sts.endpoint.ends_with('/')) sts.endpoint.pop_back();
  return sts;
}

// Credentials first: those of a container or an instance come with a metadata service that knows the region.
Result<SubjectToken> ask(const Host& host, const Profile& profile, const TokenRequest& request) {
  Imds imds(host);
  std::string region = configured_region(host, profile);
  const auto credentials = find_credentials(
      host, profile, imds, [&](const wif::aws::WebIdentity& identity) -> Result<Credentials> {
        const auto sts = sts_of(host, region);
        if (!sts) return tl::unexpected<Failure>(sts.error());
        return assume_role(host, *sts, identity);
      });
  if (!credentials) return tl::unexpected<Failure>(credentials.error());
  host.log(WIF_LOG_INFO, "AWS credentials from " + credentials->source);
  if (region.empty() && credentials->on_aws && !imds.disabled()) region = imds.region().value_or("");
  const auto sts = sts_of(host, region);
  if (!sts) return tl::unexpected<Failure>(sts.error());
  return get_web_identity_token(host, *sts, *credentials, request);
}

Result<SubjectToken> fetch_token(const Host& host) {
  const auto request = read_request(host);
  if (!request) return tl::unexpected<Failure>(request.error());
  const auto profile = wif::aws::load_profile(host);
  if (!profile) return tl::unexpected<Failure>(profile.error());
  const auto token = ask(host, *profile, *request);
  if (!token) return token;
  const auto jwt = peek_jwt(token->token);
  if (jwt && !jwt->is_for(request->audience))
    return refuse({WIF_NO_IDENTITY, "AWS STS gave a token of another audience than the one asked for",
                   "check subject.endpoint, and what lies between, such as a proxy"},
                  token->token);
  return token;
}

constexpr wif_provider k_provider = provider<fetch_token>("aws");

}  // namespace

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) { return offer(k_provider, host_abi); }
