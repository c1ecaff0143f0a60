// SPDX-License-Identifier: Apache-2.0
#include "engine/diagnosis/jwks.hpp"

#include <array>
#include <memory>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

template <auto Function> struct Free {
  template <class Handle> void operator()(Handle* handle) const { Function(handle); }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>>;

struct Algorithm {
  std::string_view name;
  std::string_view key_type;  // kty
  const EVP_MD* (*hash)();    // null: the signature's own
  int coordinate;             // of an elliptic curve, in bytes
  bool probabilistic;         // PSS
};
constexpr std::array k_algorithms = {
    Algorithm{"RS256", "RSA", EVP_sha256, 0, false}, Algorithm{"RS384", "RSA", EVP_sha384, 0, false},
    Algorithm{"RS512", "RSA", EVP_sha512, 0, false}, Algorithm{"PS256", "RSA", EVP_sha256, 0, true},
    Algorithm{"PS384", "RSA", EVP_sha384, 0, true},  Algorithm{"PS512", "RSA", EVP_sha512, 0, true},
    Algorithm{"ES256", "EC", EVP_sha256, 32, false}, Algorithm{"ES384", "EC", EVP_sha384, 48, false},
    Algorithm{"ES512", "EC", EVP_sha512, 66, false}, Algorithm{"EdDSA", "OKP", nullptr, 0, false}};

struct Curve {
  std::string_view name;  // crv
  const char* group;      // OpenSSL's
  std::size_t coordinate;
};
constexpr std::array k_curves = {Curve{"P-256", "prime256v1", 32}, Curve{"P-384", "secp384r1", 48},
                                 Curve{"P-521", "secp521r1", 66}};

const Algorithm* find_algorithm(std::string_view name) {
  for (const auto& algorithm : k_algorithms)
    if (algorithm.name == name) return &algorithm;
  return nullptr;
}

std::string member(JsonValue key, const char* name) { return std::string(key[name].string().value_or("")); }

std::optional<std::string> bytes_of(JsonValue key, const char* name) {
  std::string out;
  const auto text = key[name].string();
  if (!text || text->empty() || !base64url_decode(*text, out)) return {};
  return out;
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number number(std::string_view text) {
  return Number(BN_bin2bn(bytes(text), static_cast<int>(text.size()), nullptr));
}

Key from_parameters(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return Key(key);
}

Key rsa_key(JsonValue key) {
  const auto modulus = bytes_of(key, "n");
  const auto exponent = bytes_of(key, "e");
  if (!modulus || !exponent) return nullptr;
  const Number n = number(*modulus);
  const Number e = number(*exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  return from_parameters("RSA", builder.get());
}

Key ec_key(JsonValue key) {
  const auto x = bytes_of(key, "x");
  const auto y = bytes_of(key, "y");
  for (const auto& curve : k_curves) {
    if (curve.name != member(key, "crv") || !x || !y || x->size() != curve.coordinate ||
        y->size() != curve.coordinate)
      continue;
    const std::string point = "\x04" + *x + *y;  // SEC 1, section 2.3.3: uncompressed
    const Builder builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1)
      return nullptr;
    return from_parameters("EC", builder.get());
  }
  return nullptr;
}

Key okp_key(JsonValue key) {
  const auto x = bytes_of(key, "x");
  const std::string curve = member(key, "crv");
  const int type = curve == "Ed25519" ? EVP_PKEY_ED25519 : curve == "Ed448" ? EVP_PKEY_ED448 : EVP_PKEY_NONE;
  if (!x || type == EVP_PKEY_NONE) return nullptr;
  return Key(EVP_PKEY_new_raw_public_key(type, nullptr, bytes(*x), x->size()));
}

Key key_of(JsonValue key) {
  const std::string type = member(key, "kty");
  if (type == "RSA") return rsa_key(key);
  if (type == "EC") return ec_key(key);
  return type == "OKP" ? okp_key(key) : nullptr;
}

// RFC 7518 section 3.4 has R and S side by side, OpenSSL wants them in DER.
std::optional<std::string> to_der(std::string_view signature, int coordinate) {
  const auto size = static_cast<std::size_t>(coordinate);
  if (signature.size() != 2 * size) return {};
  const Signature pair(ECDSA_SIG_new());
  Number r = number(signature.substr(0, size));
  Number s = number(signature.substr(size));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(pair.get(), &der);
  if (length <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return out;
}

struct KeyType {
  std::string_view name;  // kty
  std::array<const char*, 4>
      thumbprint;  // RFC 7638 section 3.2: the members that are required, in order of their names
};
constexpr std::array k_key_types = {KeyType{"RSA", {"e", "kty", "n", nullptr}},
                                    KeyType{"EC", {"crv", "kty", "x", "y"}},
                                    KeyType{"OKP", {"crv", "kty", "x", nullptr}}};

std::string thumbprint_text(JsonValue key) {
  for (const auto& type : k_key_types) {
    if (type.name != member(key, "kty")) continue;
    JsonWriter writer;
    writer.object();
    for (const char* name : type.thumbprint)
      if (name != nullptr) writer.member(name, std::string_view(member(key, name)));
    writer.end();
    return writer.take();
  }
  return {};
}

}  // namespace

Result<std::vector<JsonValue>> keys_of(const Json& set) {
  const JsonValue keys = set["keys"];
  if (!keys.is_array()) return fail(Category::refused, "is no key set: it has no list \"keys\"");
  std::vector<JsonValue> out;
  for (const JsonValue key : keys.elements())
    if (key.is_object()) out.push_back(key);
  if (out.empty()) return fail(Category::refused, "is a key set without keys");
  return out;
}

JwkName name_of(JsonValue key) {
  const std::string text = thumbprint_text(key);
  return {member(key, "kid"), text.empty() ? std::string() : sha256_hex(text)};
}

bool is_public_key_algorithm(std::string_view algorithm) { return find_algorithm(algorithm) != nullptr; }

Result<bool> verifies(JsonValue key, std::string_view algorithm_name, std::string_view signed_text,
                      std::string_view signature) {
  const Algorithm* algorithm = find_algorithm(algorithm_name);
  if (algorithm == nullptr)
    return fail(Category::refused, "algorithm " + printable(algorithm_name, 20) + " has no public key");
  if (member(key, "kty") != algorithm->key_type)
    return fail(Category::refused, "the key is of type " + printable(member(key, "kty"), 20) + ", and " +
                                       std::string(algorithm->name) + " needs " +
                                       std::string(algorithm->key_type));
  const Key public_key = key_of(key);
  if (!public_key) return fail(Category::refused, "the key can't be read");
  std::string raw(signature);
  if (algorithm->coordinate != 0) {
    auto der = to_der(signature, algorithm->coordinate);
    if (!der) return false;
    raw = std::move(*der);
  }
  const DigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  const EVP_MD* hash = algorithm->hash == nullptr ? nullptr : algorithm->hash();
  if (!context || EVP_DigestVerifyInit(context.get(), &key_context, hash, nullptr, public_key.get()) != 1)
    return fail(Category::refused, "the key can't be used");
  if (algorithm->probabilistic && EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) != 1)
    return fail(Category::refused, "the key can't be used");
  return EVP_DigestVerify(context.get(), bytes(raw), raw.size(), bytes(signed_text), signed_text.size()) == 1;
}

}  // namespace wif
