// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/oauth.hpp"

#include "engine/exchange/client_authentication.hpp"
#include "engine/exchange/failure.hpp"
#include "engine/url.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_token_exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
constexpr std::string_view k_jwt_bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
constexpr std::int64_t k_hour = 3600;

std::string scope_of(const ExchangeInput& input) {
  std::string scope;
  for (const auto& one : input.list("scope")) scope += (scope.empty() ? "" : " ") + one;
  return scope;
}

void add_own_fields(PostFields& fields, const ExchangeInput& input) {
  for (const auto& [name, value] : input.fields()) add_if_set(fields, name, value);
}

ExchangeResult ask(const ExchangeInput& input, PostFields fields, Http& http) {
  const bool json = input.setting("encoding") == "json";
  HttpRequest request = post_request(input, std::string(input.setting("url")),
                                     json ? "application/json" : "application/x-www-form-urlencoded");
  if (const Status known = authenticate_client(input, fields, request); !known)
    return tl::unexpected(engine_error(known.error()));
  request.body = json ? json_body(fields) : form_body(fields);
  auto response = post(http, request);
  if (!response) return tl::unexpected(std::move(response.error()));
  const auto url = check_url(request.url, {true, true});
  const std::string host = url ? url->authority : request.url;
  if (response->status == 200)
    return with_request_id(read_token_answer(*response, host, oauth_rules(input), input.system.now()),
                           *response);
  return tl::unexpected(http_error(
      *response, {host, request.url, "compare that with what is configured there", {}}, input.subject));
}

}  // namespace

PostFields rfc8693_fields(const ExchangeInput& input) {
  PostFields fields;
  add_field(fields, "grant_type", k_token_exchange);
  add_field(fields, "subject_token", input.subject.token.view());
  add_field(fields, "subject_token_type", input.token_type());
  if (input.actor != nullptr) {
    const auto type = input.setting("actor_token_type");
    add_field(fields, "actor_token", input.actor->token.view());
    add_field(fields, "actor_token_type", type.empty() ? std::string_view(input.actor->token_type) : type);
  }
  add_if_set(fields, "requested_token_type", input.setting("requested_token_type"));
  for (const auto& audience : input.list("audience")) add_field(fields, "audience", audience);
  for (const auto& resource : input.list("resource")) add_field(fields, "resource", resource);
  add_if_set(fields, "scope", scope_of(input));
  add_own_fields(fields, input);
  return fields;
}

PostFields jwt_bearer_fields(const ExchangeInput& input) {
  PostFields fields;
  add_field(fields, "grant_type", k_jwt_bearer);
  add_field(fields, "assertion", input.subject.token.view());
  add_if_set(fields, "scope", scope_of(input));
  add_own_fields(fields, input);
  return fields;
}

TokenRules oauth_rules(const ExchangeInput& input) {
  TokenRules rules;
  rules.any_token = true;
  rules.default_lifetime = parse_duration(input.setting("lifetime")).value_or(k_hour);
  if (input.setting("cap_by_subject") == "true") rules.cap = input.subject.expires_at;
  return rules;
}

ExchangeResult exchange_rfc8693(const ExchangeInput& input, Http& http) {
  return ask(input, rfc8693_fields(input), http);
}

ExchangeResult exchange_jwt_bearer(const ExchangeInput& input, Http& http) {
  return ask(input, jwt_bearer_fields(input), http);
}

ExchangeResult renew_oauth(const ExchangeInput& input, const Credential& former, Http& http) {
  PostFields fields;
  add_field(fields, "grant_type", "refresh_token");
  add_field(fields, "refresh_token", former.refresh_token.view());
  add_if_set(fields, "scope", scope_of(input));
  auto renewed = ask(input, std::move(fields), http);
  // RFC 6749 section 6: a server that gives no new one leaves the old one good.
  if (renewed && renewed->refresh_token.empty()) renewed->refresh_token = former.refresh_token.clone();
  return renewed;
}

}  // namespace wif
