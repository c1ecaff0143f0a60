// SPDX-License-Identifier: Apache-2.0
#include "standin_oauth.hpp"

#include "digest.hpp"
#include "form.hpp"
#include "tokens.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

namespace testbed {
namespace {

constexpr std::string_view k_type = "urn:ietf:params:oauth:token-type:";
constexpr std::string_view k_grant = "urn:ietf:params:oauth:grant-type:";
constexpr const char* k_assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr const char* k_json = "application/json";
constexpr std::int64_t k_life = 600;

// RFC 6749 section 5.2.
struct Refusal {
  int status;
  std::string error;
  std::string description;
};
using Check = std::optional<Refusal>;

std::string typed(const std::string& name) { return std::string(k_type) + name; }

// base64 (RFC 4648 section 4) by way of its sibling.
std::string from_base64(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return from_base64url(text);
}

class Exchange {
 public:
  Exchange(State& state, const httplib::Request& request)
      : m_state(state), m_request(request), m_config(state.config.get()), m_form(read_form(request.body)) {}

  Check run(httplib::Response& response) {
    if (!m_request.get_header_value("Content-Type").starts_with("application/x-www-form-urlencoded"))
      return Refusal{400, "invalid_request", "the body has to be a form"};
    if (const Check repeated = check_repeats()) return repeated;
    if (const Check client = check_client()) return client;
    const std::string grant = value("grant_type");
    if (grant == std::string(k_grant) + "token-exchange") return token_exchange(response);
    if (grant == std::string(k_grant) + "jwt-bearer") return jwt_bearer(response);
    if (grant == "refresh_token") return refresh(response);
    return Refusal{400, "unsupported_grant_type", grant};
  }

 private:
  std::string value(const std::string& name) const { return form_value(m_form, name); }
  std::int64_t now() const { return m_state.clock.now(); }

  // RFC 6749 section 3.2: but for these two (RFC 8693 section 2.1) no parameter may be repeated, and none be empty.
  Check check_repeats() const {
    std::set<std::string> seen;
    for (const auto& [name, text] : m_form) {
      const bool several = name == "audience" || name == "resource";
      if ((!seen.insert(name).second && !several) || text.empty())
        return Refusal{400, "invalid_request", name + " is repeated or empty"};
    }
    return {};
  }

  Check check_client() {
    const OAuth& oauth = m_config.oauth;
    if (oauth.client_auth == "none") return {};
    const Refusal unknown{401, "invalid_client", "client authentication failed"};
    if (oauth.client_auth == "post")
      return value("client_id") == oauth.client_id && value("client_secret") == oauth.client_secret ? Check{}
                                                                                                    : unknown;
    if (oauth.client_auth == "private_key_jwt") return check_assertion() ? Check{} : unknown;
    // RFC 6749 section 2.3.1: both are form-encoded before they become the pair.
    const std::string header = m_request.get_header_value("Authorization");
    if (!header.starts_with("Basic ") || !value("client_secret").empty()) return unknown;
    const std::string pair = from_base64(header.substr(6));
    const std::size_t colon = std::min(pair.find(':'), pair.size());
    const bool good = form_decoded(pair.substr(0, colon)) == oauth.client_id && colon < pair.size() &&
                      form_decoded(pair.substr(colon + 1)) == oauth.client_secret;
    return good ? Check{} : unknown;
  }

  // RFC 7523 section 3.
  bool check_assertion() {
    const std::string assertion = value("client_assertion");
    const auto parts = decode(assertion);
    if (value("client_assertion_type") != k_assertion_type || !parts) return false;
    const std::string url = "http://" + m_request.get_header_value("Host") + "/oauth2/token";
    const Json& claims = parts->claims;
    const bool meant = claims["iss"].text() == m_config.oauth.client_id &&
                       claims["sub"].text() == m_config.oauth.client_id && claims["aud"].text() == url;
    const bool timely = claims["exp"].number() > now() && claims["exp"].number() <= now() + 600 &&
                        claims["iat"].number() <= now();
    const std::string id = claims["jti"].text();
    return meant && timely && !id.empty() && verified_by_client(assertion) &&
           m_state.tokens.first_use("jti:" + id);
  }

  bool verified_by_client(const std::string& assertion) const {
    cjose_err error;
    const std::string& jwk = m_config.oauth.client_jwk;
    const Jwk key(cjose_jwk_import(jwk.data(), jwk.size(), &error));
    cjose_jws_t* jws = cjose_jws_import(assertion.data(), assertion.size(), &error);
    const bool good = key != nullptr && jws != nullptr && cjose_jws_verify(jws, key.get(), &error);
    if (jws != nullptr) cjose_jws_release(jws);
    return good;
  }

  // Of our issuer, verified and not expired; or, as an access token, one that we issued.
  Check check_token(const std::string& token, const std::string& type) {
    const Refusal bad{400, "invalid_grant", "the token is not one that is trusted here"};
    if (type == typed("access_token")) return m_state.tokens.accepts(token, now()) ? Check{} : bad;
    if (type != typed("jwt") && type != typed("id_token"))
      return Refusal{400, "invalid_request", "unsupported token type " + type};
    const auto parts = decode(token);
    const Key* key = parts ? m_state.keys.with_id(parts->header["kid"].text()) : nullptr;
    if (key == nullptr || !m_state.keys.verify(*key, token) || parts->claims["iss"].text() != m_state.issuer)
      return bad;
    if (parts->claims["exp"].number() <= now()) return Refusal{400, "invalid_grant", "the token has expired"};
    if (m_config.single_use && !m_state.tokens.first_use(token))
      return Refusal{400, "invalid_grant", "jti_reused: the assertion was used before"};
    return {};
  }

  // RFC 8693 section 2.1.
  Check token_exchange(httplib::Response& response) {
    if (value("subject_token").empty() || value("subject_token_type").empty())
      return Refusal{400, "invalid_request", "subject_token and subject_token_type are required"};
    if (value("actor_token").empty() != value("actor_token_type").empty())
      return Refusal{400, "invalid_request", "an actor_token comes with its type, and only then"};
    if (const Check bad = check_token(value("subject_token"), value("subject_token_type"))) return bad;
    if (!value("actor_token").empty())
      if (const Check bad = check_token(value("actor_token"), value("actor_token_type"))) return bad;
    for (const auto& [name, text] : m_form) {
      // RFC 8707 section 2: absolute, and without a fragment.
      if (name == "resource" &&
          (text.find("://") == std::string::npos || text.find('#') != std::string::npos))
        return Refusal{400, "invalid_target", text};
      if (name == "audience" && text == "nobody") return Refusal{400, "invalid_target", text};
    }
    grant(response, value("requested_token_type"));
    return {};
  }

  // RFC 7523 section 2.1.
  Check jwt_bearer(httplib::Response& response) {
    if (const Check bad = check_token(value("assertion"), typed("jwt"))) return bad;
    grant(response, "");
    return {};
  }

  Check refresh(httplib::Response& response) {
    if (!m_state.tokens.accepts(value("refresh_token"), now()))
      return Refusal{400, "invalid_grant", "the refresh token is not good"};
    grant(response, "");
    return {};
  }

  void grant(httplib::Response& response, const std::string& requested) {
    const std::int64_t life = m_config.expires_in.value_or(k_life);
    const bool other = requested == typed("jwt") || requested == typed("id_token");
    // RFC 8693 section 2.2.1: what isn't an access token is in access_token all the same, of type N_A.
    Json body = Json::object(
        {{"access_token", other ? mint({m_state.keys, m_state.issuer, now()}, Json::object({{"ttl", life}}))
                                : m_state.tokens.issue(now() + life)},
         {"issued_token_type", requested.empty() ? typed("access_token") : requested},
         {"token_type", other ? "N_A" : "bearer"},
         {"expires_in", life}});
    if (const std::string scope = value("scope"); !scope.empty()) body.set("scope", scope);
    if (m_config.oauth.refresh_token) body.set("refresh_token", m_state.tokens.issue(now() + 24 * 3600));
    reply(response, 200, body);
  }

  State& m_state;
  const httplib::Request& m_request;
  const Config m_config;
  const Form m_form;
};

std::string outcome_of(const Check& refusal) { return refusal ? refusal->error : "ok"; }

}  // namespace

void oauth_token(State& state, const httplib::Request& request, httplib::Response& response) {
  const Check refusal = Exchange(state, request).run(response);
  state.journal.exchange(outcome_of(refusal));
  if (refusal)
    reply(response, refusal->status,
          Json::object({{"error", refusal->error}, {"error_description", refusal->description}}));
}

// https://platform.claude.com/docs/en/manage-claude/wif-reference
void anthropic_token(State& state, const httplib::Request& request, httplib::Response& response) {
  const auto refuse = [&](int status, const std::string& type, const std::string& message) {
    reply(response, status,
          Json::object({{"type", "error"}, {"error", Json::object({{"type", type}, {"message", message}})}}));
  };
  const auto json = Json::parse(request.body);
  if (!request.get_header_value("Content-Type").starts_with(k_json) || !json || !json->is_object())
    return refuse(400, "invalid_request_error", "the body has to be JSON");
  constexpr std::array k_fields = {"grant_type", "assertion", "federation_rule_id", "organization_id",
                                   "service_account_id"};
  for (const char* name : k_fields)
    if ((*json)[name].text().empty())
      return refuse(400, "invalid_request_error", std::string(name) + " is missing");
  for (const auto& [name, value] : json->members())
    if (name != "workspace_id" && std::ranges::count(k_fields, name) == 0)
      return refuse(400, "invalid_request_error", name + " is unknown");
  const std::string token = (*json)["assertion"].text();
  const auto parts = decode(token);
  const Key* key = parts ? state.keys.with_id(parts->header["kid"].text()) : nullptr;
  const bool good = key != nullptr && state.keys.verify(*key, token) &&
                    parts->claims["exp"].number() > state.clock.now() &&
                    (*json)["grant_type"].text() == std::string(k_grant) + "jwt-bearer" &&
                    (*json)["federation_rule_id"].text().starts_with("fdrl_");
  if (!good) return refuse(401, "authentication_error", "Federated authentication failed");
  const std::int64_t life = state.config.get().expires_in.value_or(k_life);
  reply(response, 200,
        Json::object({{"access_token", state.tokens.issue(state.clock.now() + life)},
                      {"token_type", "Bearer"},
                      {"expires_in", life}}));
}

}  // namespace testbed
