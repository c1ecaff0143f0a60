// SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include "tokens.hpp"

#include <stdexcept>
#include <utility>

namespace testbed {
namespace {

std::map<std::string, std::string> text_map(const Json& object) {
  std::map<std::string, std::string> map;
  for (const auto& [key, value] : object.members()) {
    map[key] = value.text();
  }
  return map;
}

Json to_object(const std::map<std::string, std::string>& map) {
  Json object = Json::object();
  for (const auto& [key, value] : map) {
    object.set(key, value);
  }
  return object;
}

Provider read_provider(const Json& json, const std::string& issuer) {
  return {json["id"].text("idp_testbed"), json["issuer"].text(issuer),  json["audience"].text(k_audience),
          json["enabled"].flag(true),     text_map(json["attributes"]), json["jwks"]};
}

Mapping read_mapping(const Json& json) {
  return {json["provider"].text("idp_testbed"), json["service_account"].text("sa_testbed"),
          json["enabled"].flag(true), text_map(json["rows"]), json["permissions"].texts()};
}

OAuth read_oauth(const Json& json) {
  return {json["client_auth"].text("none"), json["client_id"].text(), json["client_secret"].text(),
          json["client_jwk"].text(), json["refresh_token"].flag()};
}

Json to_json(const Provider& provider) {
  return Json::object({{"id", provider.id},
                       {"issuer", provider.issuer},
                       {"audience", provider.audience},
                       {"enabled", provider.enabled},
                       {"attributes", to_object(provider.attributes)},
                       {"jwks", provider.jwks}});
}

Json to_json(const Mapping& mapping) {
  std::vector<Json> permissions(mapping.permissions.begin(), mapping.permissions.end());
  return Json::object({{"provider", mapping.provider},
                       {"service_account", mapping.service_account},
                       {"enabled", mapping.enabled},
                       {"rows", to_object(mapping.rows)},
                       {"permissions", Json::array(permissions)}});
}

template <class T> Json list(const std::vector<T>& values) {
  std::vector<Json> items;
  for (const T& value : values) {
    items.push_back(to_json(value));
  }
  return Json::array(items);
}

void apply_member(Config& config, const std::string& key, const Json& value, const std::string& issuer) {
  if (key == "providers") {
    config.providers.clear();
    for (const Json& item : value.items()) {
      config.providers.push_back(read_provider(item, issuer));
    }
  } else if (key == "mappings") {
    config.mappings.clear();
    for (const Json& item : value.items()) {
      config.mappings.push_back(read_mapping(item));
    }
  } else if (key == "expires_in") {
    config.expires_in = value.is_number() ? std::optional(value.number()) : std::nullopt;
  } else if (key == "single_use") {
    config.single_use = value.flag();
  } else if (key == "strict_errors") {
    config.strict_errors = value.flag();
  } else if (key == "oauth") {
    config.oauth = read_oauth(value);
  } else {
    throw std::invalid_argument("unknown member " + key);
  }
}

}  // namespace

Config Config::defaults(const std::string& issuer) {
  Config config;
  config.providers.push_back(read_provider(Json::object(), issuer));
  Mapping exact = read_mapping(Json::object());
  exact.rows = {{"sub", "system:serviceaccount:default:openai-wif"}};
  Mapping scoped = exact;
  scoped.service_account = "sa_scoped";
  scoped.rows = {{"sub", "system:serviceaccount:default:*"}};
  scoped.permissions = {"api.model.request"};
  config.mappings = {exact, scoped};
  return config;
}

void Config::apply(const Json& json, const std::string& issuer) {
  for (const auto& [key, value] : json.members()) {
    apply_member(*this, key, value, issuer);
  }
}

Json Config::to_json() const {
  return Json::object({{"providers", list(providers)},
                       {"mappings", list(mappings)},
                       {"expires_in", expires_in ? Json(*expires_in) : Json()},
                       {"single_use", single_use},
                       {"strict_errors", strict_errors}});
}

const Provider* Config::provider(const std::string& id) const {
  for (const Provider& candidate : providers) {
    if (candidate.id == id) {
      return &candidate;
    }
  }
  return nullptr;
}

ConfigStore::ConfigStore(std::string issuer)
    : m_issuer(std::move(issuer)), m_config(Config::defaults(m_issuer)) {}

Config ConfigStore::get() const {
  const std::lock_guard lock(m_mutex);
  return m_config;
}

void ConfigStore::apply(const Json& json) {
  const std::lock_guard lock(m_mutex);
  Config changed = m_config;
  changed.apply(json, m_issuer);
  m_config = changed;
}

void ConfigStore::reset() {
  const std::lock_guard lock(m_mutex);
  m_config = Config::defaults(m_issuer);
}

}  // namespace testbed
