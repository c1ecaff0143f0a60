// SPDX-License-Identifier: Apache-2.0
// Signatures are verified by another implementation than the one that made them: cjose, with the public key as a JWK.
#include "engine/exchange/client_authentication.hpp"

#include <cjose/cjose.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <fstream>
#include <memory>

#include "core/jwt.hpp"
#include "fake_system.hpp"
#include "scratch_folder.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

const std::string k_type = "urn:ietf:params:oauth:token-type:jwt";

struct Key {
  explicit Key(EVP_PKEY* pkey) : key(pkey, EVP_PKEY_free) {}
  std::string pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }
  std::string number(const char* name, int size) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key.get(), name, &value);
    std::string bytes(static_cast<std::size_t>(size > 0 ? size : BN_num_bytes(value)), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    BN_free(value);
    return base64url_encode(bytes);
  }
  std::string rsa_jwk() const {
    return R"({"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N, 0) + R"(","e":")" +
           number(OSSL_PKEY_PARAM_RSA_E, 0) + "\"}";
  }
  std::string ec_jwk(const std::string& curve, int size) const {
    return R"({"kty":"EC","crv":")" + curve + R"(","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, size) +
           R"(","y":")" + number(OSSL_PKEY_PARAM_EC_PUB_Y, size) + "\"}";
  }
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key;
};

bool verified(const std::string& jwk, const std::string& token) {
  cjose_err error;
  cjose_jwk_t* key = cjose_jwk_import(jwk.data(), jwk.size(), &error);
  cjose_jws_t* jws = cjose_jws_import(token.data(), token.size(), &error);
  const bool good = key != nullptr && jws != nullptr && cjose_jws_verify(jws, key, &error);
  if (jws != nullptr) cjose_jws_release(jws);
  if (key != nullptr) cjose_jwk_release(key);
  return good;
}

TEST(ClientAssertion, IsVerifiedByAnotherImplementation) {
  const Key rsa(EVP_RSA_gen(2048));
  const auto by_rsa = sign_jwt(rsa.pem(), "key-1", R"({"iss":"c"})");
  ASSERT_TRUE(by_rsa) << by_rsa.error().message;
  EXPECT_TRUE(verified(rsa.rsa_jwk(), by_rsa->reveal()));
  const auto jwt = decode_jwt(by_rsa->view());
  ASSERT_TRUE(jwt);
  EXPECT_EQ(jwt->algorithm, "RS256");
  EXPECT_EQ(jwt->key_id, "key-1");
  EXPECT_FALSE(verified(Key(EVP_RSA_gen(2048)).rsa_jwk(), by_rsa->reveal()));
  const struct {
    const char* curve;
    const char* algorithm;
    int size;
  } curves[] = {{"P-256", "ES256", 32}, {"P-384", "ES384", 48}, {"P-521", "ES512", 66}};
  for (const auto& curve : curves) {
    const Key key(EVP_EC_gen(curve.curve));
    // A number with leading zeros comes up once in 256: often enough to be met, and to fail now and then if it isn't padded.
    for (int i = 0; i < 20; ++i) {
      const auto token = sign_jwt(key.pem(), {}, R"({"iss":"c"})");
      ASSERT_TRUE(token) << token.error().message;
      EXPECT_EQ(decode_jwt(token->view())->algorithm, curve.algorithm);
      EXPECT_TRUE(verified(key.ec_jwk(curve.curve, curve.size), token->reveal())) << curve.curve;
    }
  }
}

TEST(ClientAssertion, AnEd25519KeySignsAsRfc8037Says) {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const auto token = sign_jwt(key.pem(), {}, "{}");
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(decode_jwt(token->view())->algorithm, "EdDSA");
  const std::string& text = token->reveal();
  const std::size_t dot = text.rfind('.');
  std::string signature;
  ASSERT_TRUE(base64url_decode(std::string_view(text).substr(dot + 1), signature));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  ASSERT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.key.get()), 1);
  EXPECT_EQ(EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                             signature.size(), reinterpret_cast<const unsigned char*>(text.data()), dot),
            1);
}

TEST(ClientAssertion, AKeyThatCannotSignSaysWhy) {
  EXPECT_EQ(sign_jwt("no key", {}, "{}").error().message, "holds no private key that can be read");
  const auto other = sign_jwt(Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")).pem(), {}, "{}");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "holds a key that no JWT is signed with here");
}

TEST(ClientAssertion, ClaimsAreRfc7523s) {
  const std::string claims = client_claims("client", "https://as/token", 1000);
  const auto token = sign_jwt(Key(EVP_EC_gen("P-256")).pem(), {}, claims);
  const auto jwt = decode_jwt(token->view());
  ASSERT_TRUE(jwt);
  EXPECT_EQ(jwt->issuer, "client");
  EXPECT_EQ(jwt->subject, "client");
  EXPECT_EQ(jwt->audience, std::vector<std::string>{"https://as/token"});
  EXPECT_EQ(jwt->expires_at, 1060);
  EXPECT_NE(client_claims("client", "https://as/token", 1000), claims);  // a jti of its own
}

class ClientAuthentication : public ::testing::Test {
 protected:
  void set(const std::string& name, const std::string& value) { m_settings.emplace_back(name, value); }
  std::string fields() {
    PostFields fields;
    m_request.headers.clear();
    const Status known = authenticate_client({m_settings, m_subject, k_type, m_system}, fields, m_request);
    return known ? form_body(fields).reveal() : known.error().message;
  }

  FakeSystem m_system;
  NamedValues m_settings;
  SubjectToken m_subject;
  HttpRequest m_request;
};

TEST_F(ClientAuthentication, NoneSendsTheClientIdIfThereIsOne) {
  EXPECT_EQ(fields(), "");
  set("client_id", "me");
  EXPECT_EQ(fields(), "client_id=me");
  EXPECT_TRUE(m_request.headers.empty());
}

TEST_F(ClientAuthentication, ASecretComesFromAFileOrAVariable) {
  const ScratchFolder folder;
  std::ofstream(folder / "secret") << "s:e c\n";
  set("client_auth", "post");
  EXPECT_EQ(fields(), "exchange.client_auth is post, and exchange.client_id is not set");
  set("client_id", "a b");
  EXPECT_EQ(fields(), "exchange.client_auth needs the client's secret");
  set("client_secret_variable", "CLIENT_SECRET");
  EXPECT_EQ(fields(), "exchange.client_secret_variable: CLIENT_SECRET is not set");
  m_system.variables["CLIENT_SECRET"] = "from-variable";
  EXPECT_EQ(fields(), "client_id=a%20b&client_secret=from-variable");
  set("client_secret_file", folder / "secret");
  EXPECT_EQ(fields(), "client_id=a%20b&client_secret=s%3Ae%20c");
}

TEST_F(ClientAuthentication, BasicIsFormEncodedFirst) {
  m_system.variables["CLIENT_SECRET"] = "s:e c";
  for (const auto& [name, value] : NamedValues{
           {"client_auth", "basic"}, {"client_id", "a b"}, {"client_secret_variable", "CLIENT_SECRET"}})
    set(name, value);
  EXPECT_EQ(fields(), "");
  ASSERT_EQ(m_request.headers.size(), 1U);
  EXPECT_EQ(m_request.headers[0].name, "Authorization");
  EXPECT_EQ(m_request.headers[0].value.reveal(), "Basic YSUyMGI6cyUzQWUlMjBj");
}

TEST_F(ClientAuthentication, AnUnknownMethodIsNamed) {
  set("client_auth", "digest");
  EXPECT_EQ(fields(), "exchange.client_auth is \"digest\"");
}

TEST_F(ClientAuthentication, APrivateKeyThatIsNotThereIsNamed) {
  set("client_auth", "private_key_jwt");
  set("client_id", "me");
  EXPECT_EQ(fields(), "exchange.client_auth is private_key_jwt, and exchange.client_key_file is not set");
  const ScratchFolder folder;
  std::ofstream(folder / "key") << "no key";
  set("client_key_file", folder / "key");
  EXPECT_EQ(fields(),
            "exchange.client_key_file: " + (folder / "key") + " holds no private key that can be read");
}

}  // namespace
}  // namespace wif
