// SPDX-License-Identifier: Apache-2.0
// The relying party's configuration: who is trusted, and what they may become. Replaced whole or in part by tests.
#pragma once

#include "json.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace testbed {

struct Provider {
  std::string id;
  std::string issuer;
  std::string audience;
  bool enabled = true;
  // openai.<name> to assertion.<path>
  std::map<std::string, std::string> attributes;
  // "Use uploaded JWKS for token verification": somebody else's keys in place of ours. Null: none.
  Json jwks;
};

struct Mapping {
  std::string provider;
  std::string service_account;
  bool enabled = true;
  // Claim or attribute to value; a value may end in one '*'.
  std::map<std::string, std::string> rows;
  std::vector<std::string> permissions;
};

// Of the OAuth stand-in (standin_oauth.hpp): its one client, and what its answers hold.
struct OAuth {
  std::string client_auth = "none";  // or basic, post, private_key_jwt
  std::string client_id;
  std::string client_secret;
  std::string client_jwk;  // public, as JSON
  bool refresh_token = false;
};

struct Config {
  std::vector<Provider> providers;
  std::vector<Mapping> mappings;
  std::optional<std::int64_t> expires_in;
  bool single_use = false;
  bool strict_errors = false;
  OAuth oauth;

  static Config defaults(const std::string& issuer);
  // Members that the JSON has replace ours; the others stay. Throws std::invalid_argument for an unknown member.
  void apply(const Json& json, const std::string& issuer);
  Json to_json() const;
  const Provider* provider(const std::string& id) const;
};

// Safe to use from several threads.
class ConfigStore {
 public:
  explicit ConfigStore(std::string issuer);
  Config get() const;
  void apply(const Json& json);
  void reset();

 private:
  std::string m_issuer;
  mutable std::mutex m_mutex;
  Config m_config;
};

}  // namespace testbed
