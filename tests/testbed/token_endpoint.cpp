// SPDX-License-Identifier: Apache-2.0
#include "token_endpoint.hpp"

#include "mapping.hpp"
#include "tokens.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

namespace testbed {
namespace {

constexpr std::int64_t k_longest_life = 3600;

// The name of the check that failed, and what it was about.
struct Refusal {
  std::string reason;
  std::string detail = {};
};
using Check = std::optional<Refusal>;

struct Naming {
  int status;
  const char* error;
  // Named even without strict_errors; everything else is a bare 500.
  bool always;
};

const std::map<std::string, Naming>& namings() {
  static const std::map<std::string, Naming> k_namings{
      {"not_json", {400, "invalid_request", true}},
      {"unsupported_grant_type", {400, "unsupported_grant_type", true}},
      {"unsupported_token_type", {400, "invalid_request", true}},
      {"missing_parameter", {400, "invalid_request", true}},
      {"unknown_provider", {400, "invalid_grant", false}},
      {"disabled_provider", {400, "invalid_grant", false}},
      {"malformed_token", {401, "invalid_subject_token", true}},
      {"missing_kid", {401, "invalid_subject_token", false}},
      {"unsupported_alg", {401, "invalid_subject_token", false}},
      {"missing_claim", {401, "invalid_subject_token", false}},
      {"wrong_issuer", {401, "invalid_subject_token", false}},
      {"wrong_audience", {401, "invalid_subject_token", false}},
      {"unknown_key", {401, "invalid_subject_token", false}},
      {"bad_signature", {401, "invalid_subject_token", true}},
      {"expired", {401, "invalid_subject_token", true}},
      {"no_mapping", {403, "invalid_grant", false}},
      {"disabled_mapping", {403, "invalid_grant", false}},
      {"claims_mismatch", {403, "invalid_grant", false}},
      {"jti_reused", {400, "invalid_grant", true}}};
  return k_namings;
}

class Exchange {
 public:
  Exchange(const TokenServices& services, const Config& config) : m_services(services), m_config(config) {}

  TokenAnswer run(const std::string& content_type, const std::string& body) {
    Check refusal = read(content_type, body);
    static constexpr std::array k_checks{
        &Exchange::check_grant,    &Exchange::check_token_type, &Exchange::check_parameters,
        &Exchange::check_provider, &Exchange::check_header,     &Exchange::check_claims,
        &Exchange::check_trust,    &Exchange::check_signature,  &Exchange::check_expiry,
        &Exchange::check_mapping,  &Exchange::check_reuse};
    for (const auto check : k_checks) {
      refusal = refusal ? refusal : (this->*check)();
    }
    return refusal ? refuse(*refusal) : grant();
  }

 private:
  Check read(const std::string& content_type, const std::string& body) {
    const auto json = Json::parse(body);
    if (!content_type.starts_with("application/json") || !json || !json->is_object()) {
      return Refusal{"not_json"};
    }
    m_request = *json;
    return {};
  }

  Check check_grant() {
    if (m_request["grant_type"].text() != "urn:ietf:params:oauth:grant-type:token-exchange") {
      const bool given = m_request.has("grant_type");
      return given ? Refusal{"unsupported_grant_type"} : Refusal{"missing_parameter", "grant_type"};
    }
    return {};
  }

  Check check_token_type() {
    const std::string type = m_request["subject_token_type"].text();
    if (type.empty()) {
      return Refusal{"missing_parameter", "subject_token_type"};
    }
    if (type != "urn:ietf:params:oauth:token-type:jwt" &&
        type != "urn:ietf:params:oauth:token-type:id_token") {
      return Refusal{"unsupported_token_type"};
    }
    return {};
  }

  Check check_parameters() {
    for (const char* name : {"subject_token", "identity_provider_id", "service_account_id"}) {
      if (m_request[name].text().empty()) {
        return Refusal{"missing_parameter", name};
      }
    }
    m_token = m_request["subject_token"].text();
    return {};
  }

  Check check_provider() {
    m_provider = m_config.provider(m_request["identity_provider_id"].text());
    if (m_provider == nullptr) {
      return Refusal{"unknown_provider"};
    }
    return m_provider->enabled ? Check{} : Refusal{"disabled_provider"};
  }

  Check check_header() {
    const auto decoded = decode(m_token);
    if (!decoded) {
      return Refusal{"malformed_token"};
    }
    m_decoded = *decoded;
    if (m_decoded.header["kid"].text().empty()) {
      return Refusal{"missing_kid"};
    }
    const bool supported = m_services.keys.for_algorithm(m_decoded.header["alg"].text()) != nullptr;
    return supported ? Check{} : Refusal{"unsupported_alg"};
  }

  Check check_claims() {
    for (const char* name : {"iss", "aud", "sub", "exp", "iat"}) {
      if (m_decoded.claims[name].is_null()) {
        return Refusal{"missing_claim", name};
      }
    }
    const bool numbers = m_decoded.claims["exp"].is_number() && m_decoded.claims["iat"].is_number();
    return numbers ? Check{} : Refusal{"malformed_token", "exp and iat must be numbers"};
  }

  Check check_trust() {
    if (m_decoded.claims["iss"].text() != m_provider->issuer) {
      return Refusal{"wrong_issuer"};
    }
    const Json& audience = m_decoded.claims["aud"];
    const auto listed = audience.texts();
    const bool meant =
        audience.text() == m_provider->audience || std::ranges::count(listed, m_provider->audience) > 0;
    return meant ? Check{} : Refusal{"wrong_audience"};
  }

  Check check_signature() {
    if (!m_provider->jwks.is_null()) {
      const Jwk uploaded = find_key(m_provider->jwks, m_decoded.header["kid"].text());
      const bool good = uploaded && verify_with(uploaded.get(), m_token);
      return good ? Check{} : Refusal{uploaded ? "bad_signature" : "unknown_key"};
    }
    const Key* key = m_services.keys.with_id(m_decoded.header["kid"].text());
    if (key == nullptr) {
      return Refusal{"unknown_key"};
    }
    const bool good = key->alg == m_decoded.header["alg"].text() && m_services.keys.verify(*key, m_token);
    return good ? Check{} : Refusal{"bad_signature"};
  }

  Check check_expiry() {
    return m_services.clock.now() < m_decoded.claims["exp"].number() ? Check{} : Refusal{"expired"};
  }

  Check check_mapping() {
    std::string reason = "no_mapping";
    for (const Mapping& mapping : m_config.mappings) {
      if (mapping.provider != m_provider->id ||
          mapping.service_account != m_request["service_account_id"].text()) {
        continue;
      }
      reason = mapping.enabled ? "claims_mismatch" : "disabled_mapping";
      if (mapping.enabled && mapping_matches(mapping, *m_provider, m_decoded.claims)) {
        m_mapping = &mapping;
        return {};
      }
    }
    return Refusal{reason};
  }

  Check check_reuse() {
    const bool first = m_services.tokens.first_use(m_token);
    return first || !m_config.single_use ? Check{} : Refusal{"jti_reused"};
  }

  TokenAnswer refuse(const Refusal& refusal) const {
    const Naming& naming = namings().at(refusal.reason);
    if (!naming.always && !m_config.strict_errors) {
      return {500, Json::object(), refusal.reason};
    }
    const std::string description =
        refusal.detail.empty() ? refusal.reason : refusal.reason + ": " + refusal.detail;
    return {naming.status, Json::object({{"error", naming.error}, {"error_description", description}}),
            refusal.reason};
  }

  TokenAnswer grant() const {
    const std::int64_t now = m_services.clock.now();
    const std::int64_t life = std::min(k_longest_life, m_decoded.claims["exp"].number() - now);
    const std::int64_t shown = m_config.expires_in.value_or(life);
    Json body = Json::object({{"access_token", m_services.tokens.issue(now + std::min(life, shown))},
                              {"issued_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                              {"token_type", "Bearer"},
                              {"expires_in", shown}});
    if (!m_mapping->permissions.empty()) {
      body.set("scope", joined(m_mapping->permissions));
    }
    return {200, body, "ok"};
  }

  static std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
      text += (text.empty() ? "" : " ") + word;
    }
    return text;
  }

  const TokenServices& m_services;
  const Config& m_config;
  Json m_request;
  std::string m_token;
  Decoded m_decoded;
  const Provider* m_provider = nullptr;
  const Mapping* m_mapping = nullptr;
};

}  // namespace

TokenAnswer exchange(const TokenServices& services, const Config& config, const std::string& content_type,
                     const std::string& body) {
  return Exchange(services, config).run(content_type, body);
}

}  // namespace testbed
