// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/client_authentication.hpp"

#include <array>
#include <memory>
#include <optional>

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "util/encode.hpp"
#include "util/fd.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_largest_secret = 64 << 10;
constexpr std::int64_t k_assertion_life = 60;

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeSignature {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

struct Algorithm {
  const char* name;    // RFC 7518 section 3.1, RFC 8037
  const EVP_MD* hash;  // null: the signature's own
  int coordinate = 0;  // of an elliptic curve, in bytes
};

tl::unexpected<Error> wrong(const std::string& message, std::string hint = {}) {
  return fail(Category::configuration, message, std::move(hint));
}

// A key with a passphrase fails instead of asking for it on a terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

std::optional<Algorithm> algorithm_of(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return Algorithm{"RS256", EVP_sha256()};
    case EVP_PKEY_ED25519:
      return Algorithm{"EdDSA", nullptr};
    case EVP_PKEY_EC:
      if (EVP_PKEY_get_bits(key) == 256) return Algorithm{"ES256", EVP_sha256(), 32};
      if (EVP_PKEY_get_bits(key) == 384) return Algorithm{"ES384", EVP_sha384(), 48};
      if (EVP_PKEY_get_bits(key) == 521) return Algorithm{"ES512", EVP_sha512(), 66};
      return {};
    default:
      return {};
  }
}

// RFC 7518 section 3.4: R and S side by side, where OpenSSL has them in DER.
bool side_by_side(std::string& signature, int coordinate) {
  const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
  const std::unique_ptr<ECDSA_SIG, FreeSignature> parsed(
      d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(signature.size())));
  if (!parsed) return false;
  const auto size = static_cast<std::size_t>(coordinate);
  std::string out(2 * size, '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  if (BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), bytes, coordinate) < 0) return false;
  if (BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), bytes + size, coordinate) < 0) return false;
  signature = std::move(out);
  return true;
}

std::optional<std::string> sign(EVP_PKEY* key, const Algorithm& algorithm, const std::string& text) {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, algorithm.hash, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1)
    return {};
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                     text.size()) != 1)
    return {};
  signature.resize(size);
  if (algorithm.coordinate != 0 && !side_by_side(signature, algorithm.coordinate)) return {};
  return signature;
}

// RFC 4648 section 4, padded, as HTTP's basic scheme has it.
Secret base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3), '\0');
  const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), from, static_cast<int>(bytes.size()));
  return Secret(std::move(out));
}

Result<Secret> client_secret(const ExchangeInput& input) {
  const std::string file(input.setting("client_secret_file"));
  const std::string variable(input.setting("client_secret_variable"));
  if (!file.empty()) {
    TRY_ASSIGN(std::string text, read_file(file, k_largest_secret, Category::configuration));
    Secret secret(trim(text));
    wipe(text);
    if (secret.empty()) return wrong("exchange.client_secret_file: " + file + " is empty");
    return secret;
  }
  if (variable.empty())
    return wrong("exchange.client_auth needs the client's secret",
                 "set exchange.client_secret_file or exchange.client_secret_variable");
  auto value = input.system.trusted_variable(variable.c_str());
  if (!value) return wrong("exchange.client_secret_variable: " + variable + " is not set");
  return Secret(std::move(*value));
}

Result<Secret> client_assertion(const ExchangeInput& input, std::string_view client_id) {
  const std::string file(input.setting("client_key_file"));
  if (file.empty())
    return wrong("exchange.client_auth is private_key_jwt, and exchange.client_key_file is not set");
  TRY_ASSIGN(std::string text, read_file(file, k_largest_secret, Category::configuration));
  const Secret pem(std::move(text));
  const auto audience = input.setting("client_assertion_audience");
  auto signed_jwt = sign_jwt(
      pem.view(), input.setting("client_key_id"),
      client_claims(client_id, audience.empty() ? input.setting("url") : audience, input.system.now().wall));
  if (!signed_jwt)
    signed_jwt.error().message = "exchange.client_key_file: " + file + " " + signed_jwt.error().message;
  return signed_jwt;
}

}  // namespace

std::string client_claims(std::string_view client_id, std::string_view audience, std::int64_t now) {
  std::array<unsigned char, 16> random{};
  RAND_bytes(random.data(), random.size());
  const std::string id = base64url_encode({reinterpret_cast<const char*>(random.data()), random.size()});
  JsonWriter writer;
  writer.object().member("iss", client_id).member("sub", client_id).member("aud", audience);
  writer.member("jti", std::string_view(id)).member("iat", now).member("exp", now + k_assertion_life).end();
  return writer.take();
}

Result<Secret> sign_jwt(std::string_view pem, std::string_view key_id, std::string_view claims) {
  const std::unique_ptr<BIO, FreeBio> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!key)
    return wrong("holds no private key that can be read",
                 "it has to be PEM, \"-----BEGIN PRIVATE KEY-----\", without a passphrase");
  const auto algorithm = algorithm_of(key.get());
  if (!algorithm)
    return wrong("holds a key that no JWT is signed with here", "use RSA, P-256, P-384, P-521 or Ed25519");
  JsonWriter header;
  header.object().member("alg", algorithm->name).member("typ", "JWT");
  if (!key_id.empty()) header.member("kid", key_id);
  header.end();
  std::string text = base64url_encode(header.take()) + "." + base64url_encode(claims);
  const auto signature = sign(key.get(), *algorithm, text);
  if (!signature) return wrong("holds a key that OpenSSL can't sign with");
  return Secret(text + "." + base64url_encode(*signature));
}

Status authenticate_client(const ExchangeInput& input, PostFields& fields, HttpRequest& request) {
  const auto method = input.setting("client_auth");
  const auto client_id = input.setting("client_id");
  if (method.empty() || method == "none") {
    add_if_set(fields, "client_id", client_id);
    return {};
  }
  if (method != "basic" && method != "post" && method != "private_key_jwt")
    return wrong("exchange.client_auth is \"" + printable(method, 40) + "\"",
                 "it is one of none, basic, post and private_key_jwt");
  if (client_id.empty())
    return wrong("exchange.client_auth is " + std::string(method) + ", and exchange.client_id is not set");
  if (method == "private_key_jwt") {
    TRY_ASSIGN(const Secret assertion, client_assertion(input, client_id));
    add_field(fields, "client_id", client_id);
    add_field(fields, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    add_field(fields, "client_assertion", assertion.view());
    return {};
  }
  TRY_ASSIGN(const Secret secret, client_secret(input));
  if (method == "post") {
    add_field(fields, "client_id", client_id);
    add_field(fields, "client_secret", secret.view());
    return {};
  }
  const Secret pair(form_encode(client_id) + ":" + form_encode(secret.view()));
  request.headers.push_back({"Authorization", Secret("Basic " + base64(pair.view()).reveal())});
  return {};
}

}  // namespace wif
