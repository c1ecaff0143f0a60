// SPDX-License-Identifier: Apache-2.0
// The issuer's signing keys. Each algorithm has a published key and a stray one, which is in no JWKS and signs tokens
// that must be refused. Safe to use from several threads.
#pragma once

#include "json.hpp"

#include <cjose/cjose.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace testbed {

struct JwkRelease {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
};
using Jwk = std::unique_ptr<cjose_jwk_t, JwkRelease>;

struct Key {
  std::string alg;
  std::string kid;
  Jwk published;
  Jwk stray;
};

class KeyRing {
 public:
  KeyRing();

  // Null when the ring has no such key.
  const Key* for_algorithm(const std::string& alg) const;
  const Key* with_id(const std::string& kid) const;
  Json jwks() const;
  // The compact JWS. Throws std::runtime_error when cjose refuses.
  std::string sign(const cjose_jwk_t* key, const Json& header, const std::string& payload) const;
  bool verify(const Key& key, const std::string& compact) const;

 private:
  std::vector<Key> m_keys;
  // cjose counts references to a key without atomics.
  mutable std::mutex m_mutex;
};

// A key of somebody else's, from a JWKS. Null when it has none with this `kid`, or none that can be read.
Jwk find_key(const Json& jwks, const std::string& kid);
bool verify_with(const cjose_jwk_t* key, const std::string& compact);

}  // namespace testbed
