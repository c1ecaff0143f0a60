// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/oauth.hpp"

#include <gtest/gtest.h>

#include "engine/exchange/failure.hpp"
#include "engine/exchange/none.hpp"
#include "fake_system.hpp"
#include "util/encode.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

const std::string k_jwt_type = "urn:ietf:params:oauth:token-type:jwt";
const std::string k_id_token = "urn:ietf:params:oauth:token-type:id_token";

class FakeHttp : public Http {
 public:
  HttpResult send(const HttpRequest& request) override {
    url = request.url;
    body = request.body.reveal();
    headers.clear();
    for (const auto& header : request.headers) headers += header.name + ": " + header.value.reveal() + "\n";
    HttpResponse response;
    response.status = status;
    response.body = Secret(std::string_view(answer));
    return response;
  }
  int status = 200;
  std::string answer =
      R"({"access_token":"tok-1","issued_token_type":"x","token_type":"bearer","expires_in":600})";
  std::string url;
  std::string body;
  std::string headers;
};

class OAuth : public ::testing::Test {
 protected:
  OAuth() {
    m_subject.token = Secret(std::string_view("aaa.bbb.ccc"));
    m_subject.expires_at = m_system.time.wall + 300;
  }
  ExchangeInput input() const { return {m_settings, m_subject, k_jwt_type, m_system}; }
  void set(const std::string& name, const std::string& text) { m_settings.emplace_back(name, text); }
  ExchangeResult exchange() { return exchange_rfc8693(input(), m_http); }
  Credential good() {
    auto result = exchange();
    if (result) return std::move(*result);
    ADD_FAILURE() << result.error().error.message;
    return {};
  }
  Error bad() {
    auto result = exchange();
    if (!result) return result.error().error;
    ADD_FAILURE() << "no error";
    return {};
  }

  FakeSystem m_system;
  NamedValues m_settings{{"url", "https://as.example/token"}};
  SubjectToken m_subject;
  FakeHttp m_http;
};

TEST_F(OAuth, TheRequestIsAFormOfEveryFieldThatIsSet) {
  good();
  EXPECT_EQ(m_http.url, "https://as.example/token");
  EXPECT_EQ(m_http.body,
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=aaa.bbb.ccc"
            "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt");
  EXPECT_NE(m_http.headers.find("Content-Type: application/x-www-form-urlencoded\n"), std::string::npos);
  set("audience", "a b\nc&d");
  set("resource", "https://r");
  set("scope", "one\ntwo");
  set("requested_token_type", k_id_token);
  set("subject_token_type", k_id_token);
  set("fields.connector_id", "k8s");
  good();
  EXPECT_NE(m_http.body.find("&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token"
                             "&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token"
                             "&audience=a%20b&audience=c%26d&resource=https%3A%2F%2Fr&scope=one%20two"
                             "&connector_id=k8s"),
            std::string::npos)
      << m_http.body;
}

TEST_F(OAuth, AnActorIsSentWithItsType) {
  SubjectToken actor;
  actor.token = Secret(std::string_view("act"));
  actor.token_type = k_id_token;
  ExchangeInput with = input();
  with.actor = &actor;
  ASSERT_TRUE(exchange_rfc8693(with, m_http));
  EXPECT_NE(m_http.body.find(
                "&actor_token=act&actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token"),
            std::string::npos);
}

TEST_F(OAuth, JwtBearerSendsAnAssertionAsFormOrJson) {
  set("fields.organization_id", "o\"1");
  ASSERT_TRUE(exchange_jwt_bearer(input(), m_http));
  EXPECT_EQ(m_http.body,
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=aaa.bbb.ccc"
            "&organization_id=o%221");
  set("encoding", "json");
  ASSERT_TRUE(exchange_jwt_bearer(input(), m_http));
  EXPECT_EQ(m_http.body,
            R"({"grant_type":"urn:ietf:params:oauth:grant-type:jwt-bearer","assertion":"aaa.bbb.ccc",)"
            R"("organization_id":"o\"1"})");
  EXPECT_NE(m_http.headers.find("Content-Type: application/json\n"), std::string::npos);
}

TEST_F(OAuth, TheAnswersTypeMayBeOfAnyCaseAndN_AOnlyForWhatIsNoAccessToken) {
  const auto answer = [](const std::string& type, const std::string& issued) {
    return R"({"access_token":"t","expires_in":600,"token_type":")" + type + R"(","issued_token_type":")" +
           issued + "\"}";
  };
  m_http.answer = answer("BEARER", std::string(k_access_token_type));
  EXPECT_EQ(good().token_type, "Bearer");
  m_http.answer = answer("n_a", k_id_token);
  const Credential other = good();
  EXPECT_EQ(other.token_type, "N_A");
  EXPECT_EQ(other.issued_token_type, k_id_token);
  m_http.answer = answer("N_A", std::string(k_access_token_type));
  EXPECT_EQ(bad().message, "as.example answered 200, but its token_type is N_A, not Bearer");
  m_http.answer = R"({"access_token":"t","expires_in":600,"token_type":"N_A"})";
  EXPECT_EQ(bad().category, Category::unreachable);
  m_http.answer = answer("DPoP", std::string(k_access_token_type));
  EXPECT_EQ(bad().category, Category::unreachable);
}

TEST_F(OAuth, ALifeThatIsNotSaidIsTheTokensOwnOrTheSetting) {
  m_http.answer = R"({"access_token":"opaque","token_type":"Bearer"})";
  EXPECT_EQ(good().expires_at, m_system.time.wall + 3600);
  set("lifetime", "10m");
  EXPECT_EQ(good().expires_at, m_system.time.wall + 600);
  const std::string header = base64url_encode(R"({"alg":"none"})");
  const std::string claims = base64url_encode("{\"exp\":" + std::to_string(m_system.time.wall + 77) + "}");
  m_http.answer = R"({"access_token":")" + header + "." + claims + R"(.c2ln","token_type":"Bearer"})";
  EXPECT_EQ(good().expires_at, m_system.time.wall + 77);
}

TEST_F(OAuth, TheCapByTheSubjectIsASetting) {
  EXPECT_EQ(good().expires_at, m_system.time.wall + 600);
  set("cap_by_subject", "true");
  EXPECT_EQ(good().expires_at, m_system.time.wall + 300);
}

TEST_F(OAuth, ARefreshTokenIsKeptAndUsed) {
  m_http.answer = R"({"access_token":"t","token_type":"Bearer","expires_in":60,"refresh_token":"r-1"})";
  const Credential former = good();
  EXPECT_EQ(former.refresh_token.reveal(), "r-1");
  m_http.answer = R"({"access_token":"t2","token_type":"Bearer","expires_in":60})";
  set("scope", "one");
  const auto renewed = renew_oauth(input(), former, m_http);
  ASSERT_TRUE(renewed);
  EXPECT_EQ(m_http.body, "grant_type=refresh_token&refresh_token=r-1&scope=one");
  EXPECT_EQ(renewed->access_token.reveal(), "t2");
  EXPECT_EQ(renewed->refresh_token.reveal(),
            "r-1");  // RFC 6749 section 6: no new one, so the old one is good
}

TEST_F(OAuth, ErrorsNameTheServersCodeAndAMend) {
  m_http.status = 401;
  m_http.answer = R"({"error":"invalid_client","error_description":"who?"})";
  const Error error = bad();
  EXPECT_EQ(error.category, Category::refused);
  EXPECT_EQ(error.cause, "invalid_client");
  EXPECT_EQ(error.message, "as.example refused the exchange: HTTP 401 invalid_client: who?");
  EXPECT_NE(error.hint.find("exchange.client_id"), std::string::npos);
  m_http.status = 500;
  m_http.answer = "";
  EXPECT_EQ(bad().message, "as.example failed: HTTP 500");
}

TEST_F(OAuth, NoneHandsOverTheSubjectToken) {
  m_subject.token_type = k_id_token;
  const auto whole = exchange_none(input(), m_http);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->access_token.reveal(), "aaa.bbb.ccc");
  EXPECT_EQ(whole->issued_token_type, k_id_token);
  EXPECT_EQ(whole->expires_at, m_system.time.wall + 300);
  m_subject.expires_at = {};
  set("lifetime", "7m");
  EXPECT_EQ(exchange_none(input(), m_http)->expires_at, m_system.time.wall + 420);
  EXPECT_EQ(m_http.url, "");
}

}  // namespace
}  // namespace wif
