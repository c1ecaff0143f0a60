// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/openai.hpp"

#include "engine/exchange/failure.hpp"
#include "engine/exchange/post.hpp"
#include "engine/url.hpp"

namespace wif {
namespace {

constexpr std::string_view k_grant = "urn:ietf:params:oauth:grant-type:token-exchange";

}  // namespace

Secret openai_body(const ExchangeInput& input) {
  PostFields fields;
  add_field(fields, "grant_type", k_grant);
  add_field(fields, "subject_token_type", input.token_type());
  add_field(fields, "identity_provider_id", input.setting("identity_provider_id"));
  add_field(fields, "service_account_id", input.setting("service_account_id"));
  add_if_set(fields, "client_id", input.setting("client_id"));
  add_field(fields, "subject_token", input.subject.token.view());
  return json_body(fields);
}

Result<Credential> read_openai_answer(const HttpResponse& response, const std::string& host,
                                      std::optional<std::int64_t> subject_expires_at, const Now& now) {
  TokenRules rules;
  rules.cap = subject_expires_at;
  return read_token_answer(response, host, rules, now);
}

EngineError openai_error(const HttpResponse& response, const std::string& host, const std::string& url,
                         const SubjectToken& subject) {
  return http_error(
      response,
      {host, url, "compare that with the Workload Identity Provider and the mapping",
       "the token's issuer, audience, key (kid) or claims, or identity_provider_id or service_account_id, don't match "
       "what is configured there",
       "status.openai.com"},
      subject);
}

ExchangeResult exchange_openai(const ExchangeInput& input, Http& http) {
  HttpRequest request = post_request(input, std::string(input.setting("url")), "application/json");
  request.body = openai_body(input);
  auto response = post(http, request);
  if (!response) return tl::unexpected(std::move(response.error()));
  const auto url = check_url(request.url, {true, true});
  const std::string host = url ? url->authority : request.url;
  if (response->status != 200)
    return tl::unexpected(openai_error(*response, host, request.url, input.subject));
  return with_request_id(read_openai_answer(*response, host, input.subject.expires_at, input.system.now()),
                         *response);
}

}  // namespace wif
