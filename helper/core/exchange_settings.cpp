// SPDX-License-Identifier: Apache-2.0
#include "core/exchange_settings.hpp"

#include <algorithm>
#include <array>

namespace wif {
namespace {

// {} in place of "": a pointer in these tables has to be relocated at every start.
constexpr SettingSpec k_ca_file = {
    "ca_file", SettingType::string, {}, "PEM file of trust anchors, in place of the system's"};
constexpr SettingSpec k_ca_dir = {
    "ca_dir", SettingType::string, {}, "hashed directory of trust anchors, in place of the system's"};
constexpr SettingSpec k_subject_type = {
    "subject_token_type", SettingType::string, {}, "in place of the provider's own type"};
constexpr SettingSpec k_client_id = {"client_id", SettingType::string, {}, "OAuth client id"};
constexpr SettingSpec k_client_auth = {"client_auth", SettingType::string, "none",
                                       "none, basic, post or private_key_jwt"};
constexpr SettingSpec k_secret_file = {
    "client_secret_file", SettingType::string, {}, "file that holds the client's secret"};
constexpr SettingSpec k_secret_variable = {
    "client_secret_variable", SettingType::string, {}, "environment variable that holds the client's secret"};
constexpr SettingSpec k_key_file = {
    "client_key_file", SettingType::string, {}, "PEM file of the client's private key, for private_key_jwt"};
constexpr SettingSpec k_key_id = {"client_key_id", SettingType::string, {}, "kid of that key"};
constexpr SettingSpec k_assertion_audience = {"client_assertion_audience",
                                              SettingType::string,
                                              {},
                                              "aud of the client's assertion; the token endpoint's URL"};
constexpr SettingSpec k_scope = {"scope", SettingType::strings, {}, "scopes to ask for"};
constexpr SettingSpec k_lifetime = {"lifetime", SettingType::duration, "1h",
                                    "life of a credential whose answer doesn't say it"};
constexpr SettingSpec k_cap = {"cap_by_subject", SettingType::boolean, "false",
                               "the credential ends with the subject token at the latest"};
constexpr SettingSpec k_own_fields = {k_fields, SettingType::table, {}, "a table of fields to send besides"};

constexpr std::array k_openai = {
    SettingSpec{"url", SettingType::string, "https://auth.openai.com/oauth/token", "token endpoint"},
    SettingSpec{"identity_provider_id",
                SettingType::string,
                {},
                "id of the Workload Identity Provider",
                true,
                "OPENAI_IDENTITY_PROVIDER_ID"},
    SettingSpec{"service_account_id",
                SettingType::string,
                {},
                "id of the service account to act as",
                true,
                "OPENAI_SERVICE_ACCOUNT_ID"},
    SettingSpec{"client_id", SettingType::string, {}, "OAuth client id, sent only if set"},
    k_subject_type,
    k_ca_file,
    k_ca_dir,
};

constexpr std::array k_none = {
    SettingSpec{"lifetime", SettingType::duration, "5m", "life of a subject token that doesn't say it"},
};

// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
constexpr std::array k_aws_sts = {
    SettingSpec{"role_arn", SettingType::string, {}, "ARN of the role to assume", true, "AWS_ROLE_ARN"},
    SettingSpec{"session_name", SettingType::string, "wif", "name of the session, seen in CloudTrail", false,
                "AWS_ROLE_SESSION_NAME"},
    SettingSpec{
        "duration", SettingType::duration, {}, "life of the credential, 15m to 12h; AWS's default is 1h"},
    SettingSpec{"policy", SettingType::string, {}, "session policy, as JSON: narrows the role's permissions"},
    SettingSpec{"policy_arns", SettingType::list, {}, "ARNs of managed session policies"},
    SettingSpec{"region",
                SettingType::string,
                {},
                "whose endpoint is asked; the global one if unset",
                false,
                "AWS_REGION AWS_DEFAULT_REGION"},
    SettingSpec{
        "url", SettingType::string, {}, "endpoint in place of the region's", false, "AWS_ENDPOINT_URL_STS"},
    k_ca_file,
    k_ca_dir,
};

// What every exchange with an OAuth server may be told besides (helper/engine/exchange/oauth.cpp).
constexpr std::array k_oauth = {
    k_client_id,  k_client_auth, k_secret_file, k_secret_variable, k_key_file, k_key_id, k_assertion_audience,
    k_own_fields, k_lifetime,    k_cap,         k_ca_file,         k_ca_dir,
};

template <std::size_t Size>
constexpr std::array<SettingSpec, Size + k_oauth.size()> with_oauth(
    const std::array<SettingSpec, Size>& own) {
  std::array<SettingSpec, Size + k_oauth.size()> all{};
  std::copy(k_oauth.begin(), k_oauth.end(), std::copy(own.begin(), own.end(), all.begin()));
  return all;
}

constexpr auto k_rfc8693 = with_oauth(std::array{
    SettingSpec{"url", SettingType::string, {}, "token endpoint", true},
    SettingSpec{"audience", SettingType::strings, {}, "logical names of whom the credential is for"},
    SettingSpec{"resource", SettingType::strings, {}, "URIs of whom the credential is for"},
    k_scope,
    SettingSpec{"requested_token_type", SettingType::string, {}, "token type URI to ask for"},
    k_subject_type,
    SettingSpec{"actor_profile", SettingType::string, {}, "profile whose credential is the actor token"},
    SettingSpec{"actor_token_type", SettingType::string, {}, "in place of the actor token's own type"},
});

constexpr auto k_jwt_bearer = with_oauth(std::array{
    SettingSpec{"url", SettingType::string, {}, "token endpoint", true},
    k_scope,
    SettingSpec{"encoding", SettingType::string, "form", "form or json: how the request is written"},
});

constexpr std::array k_kinds = {
    ExchangeKind{"openai",
                 "OpenAI workload identity federation (RFC 8693 with OpenAI's fields)",
                 k_openai,
                 {},
                 {},
                 "api.openai.com"},
    ExchangeKind{k_no_exchange, "no exchange: the subject token itself is the credential", k_none},
    ExchangeKind{"aws-sts",
                 "AWS STS AssumeRoleWithWebIdentity",
                 k_aws_sts,
                 {},
                 {},
                 {},
                 "built in",
                 "sts.amazonaws.com"},
    ExchangeKind{"rfc8693", "OAuth 2.0 token exchange at any server (RFC 8693)", k_rfc8693},
    ExchangeKind{"jwt-bearer", "JWT as an OAuth 2.0 authorization grant (RFC 7523)", k_jwt_bearer},
};

}  // namespace

const SettingSpec* ExchangeKind::setting(std::string_view setting_name) const {
  for (const auto& spec : settings)
    if (spec.name == setting_name) return &spec;
  return nullptr;
}

std::span<const ExchangeKind> exchange_kinds() { return k_kinds; }

bool means_openai(const ExchangeKind& kind) {
  return kind.name == k_kinds.front().name || kind.name == k_no_exchange;
}

const ExchangeKind* exchange_kind(std::string_view name) {
  for (const auto& kind : k_kinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace wif
