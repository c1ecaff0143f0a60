// SPDX-License-Identifier: Apache-2.0
#include "keys.hpp"

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace testbed {
namespace {

struct JwsRelease {
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};
using Jws = std::unique_ptr<cjose_jws_t, JwsRelease>;

Jwk checked(cjose_jwk_t* key, const std::string& kid) {
  if (key == nullptr || !cjose_jwk_set_kid(key, kid.c_str(), kid.size(), nullptr)) {
    throw std::runtime_error("no signing key");
  }
  return Jwk(key);
}

Jwk make_rsa(const std::string& kid) {
  static constexpr std::array<std::uint8_t, 3> k_exponent{1, 0, 1};
  return checked(cjose_jwk_create_RSA_random(2048, k_exponent.data(), k_exponent.size(), nullptr), kid);
}

template <cjose_jwk_ec_curve curve> Jwk make_ec(const std::string& kid) {
  return checked(cjose_jwk_create_EC_random(curve, nullptr), kid);
}

Key make_pair_of(const std::string& alg, const std::string& kid, Jwk (*make)(const std::string& kid)) {
  return {alg, kid, make(kid), make("stray")};
}

Json public_jwk(const Key& key) {
  using Text = std::unique_ptr<char, decltype(&std::free)>;
  const Text text(cjose_jwk_to_json(key.published.get(), false, nullptr), &std::free);
  Json jwk = Json::parse(text.get()).value();
  jwk.set("alg", key.alg);
  jwk.set("use", "sig");
  return jwk;
}

}  // namespace

KeyRing::KeyRing() {
  m_keys.push_back(make_pair_of("RS256", "testbed-rs256", make_rsa));
  m_keys.push_back(make_pair_of("ES256", "testbed-es256", make_ec<CJOSE_JWK_EC_P_256>));
  m_keys.push_back(make_pair_of("ES384", "testbed-es384", make_ec<CJOSE_JWK_EC_P_384>));
}

const Key* KeyRing::for_algorithm(const std::string& alg) const {
  for (const Key& key : m_keys) {
    if (key.alg == alg) {
      return &key;
    }
  }
  return nullptr;
}

const Key* KeyRing::with_id(const std::string& kid) const {
  for (const Key& key : m_keys) {
    if (key.kid == kid) {
      return &key;
    }
  }
  return nullptr;
}

Json KeyRing::jwks() const {
  const std::lock_guard lock(m_mutex);
  std::vector<Json> keys;
  for (const Key& key : m_keys) {
    keys.push_back(public_jwk(key));
  }
  return Json::object({{"keys", Json::array(keys)}});
}

std::string KeyRing::sign(const cjose_jwk_t* key, const Json& header, const std::string& payload) const {
  const std::lock_guard lock(m_mutex);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(payload.data());
  const auto head = reinterpret_cast<cjose_header_t*>(header.get());
  const Jws jws(cjose_jws_sign(key, head, bytes, payload.size(), nullptr));
  const char* compact = nullptr;
  if (!jws || !cjose_jws_export(jws.get(), &compact, nullptr)) {
    throw std::runtime_error("cjose can't sign this");
  }
  return compact;
}

bool KeyRing::verify(const Key& key, const std::string& compact) const {
  const std::lock_guard lock(m_mutex);
  return verify_with(key.published.get(), compact);
}

Jwk find_key(const Json& jwks, const std::string& kid) {
  for (const Json& key : jwks["keys"].items()) {
    if (key["kid"].text() == kid) {
      const std::string text = key.dump();
      return Jwk(cjose_jwk_import(text.data(), text.size(), nullptr));
    }
  }
  return nullptr;
}

bool verify_with(const cjose_jwk_t* key, const std::string& compact) {
  const Jws jws(cjose_jws_import(compact.data(), compact.size(), nullptr));
  return jws && cjose_jws_verify(jws.get(), key, nullptr);
}

}  // namespace testbed
