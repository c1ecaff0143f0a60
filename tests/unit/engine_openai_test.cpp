// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/openai.hpp"

#include <gtest/gtest.h>

#include "core/system.hpp"
#include "freed_memory.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_now = 1700000000;
const std::string k_jwt_type = "urn:ietf:params:oauth:token-type:jwt";
const std::string k_host = "auth.example";

struct Input {
  NamedValues settings{{"url", "https://auth.example/oauth/token"},
                       {"identity_provider_id", "idp_1"},
                       {"service_account_id", "sa_1"}};
  SubjectToken subject;
  Input() {
    subject.token = Secret(std::string_view("aaa.bbb.ccc"));
    subject.claims = "iss=https://i sub=s aud=a";
  }
  ExchangeInput get() const { return {settings, subject, k_jwt_type, real_system()}; }
};

HttpResponse response(int status, const std::string& body) {
  HttpResponse out;
  out.status = status;
  out.body = Secret(std::string_view(body));
  out.headers.push_back({"X-Request-Id", Secret(std::string_view("req_7"))});
  return out;
}

Result<Credential> read(const std::string& body, std::optional<std::int64_t> cap = {}) {
  return read_openai_answer(response(200, body), k_host, cap, Now{k_now, 5000});
}

std::string good(const std::string& more) {
  return R"({"access_token":"tok-1","token_type":"Bearer")" + more + "}";
}

EngineError error_of(int status, const std::string& body) {
  const Input input;
  return openai_error(response(status, body), k_host, "https://auth.example/oauth/token", input.subject);
}

class FakeHttp : public Http {
 public:
  HttpResult send(const HttpRequest& request) override {
    url = request.url;
    for (const auto& header : request.headers) names += header.name + ",";
    return response(status, body);
  }
  int status = 200;
  std::string body = good(R"(,"expires_in":600)");
  std::string url;
  std::string names;
};

TEST(OpenAiRequest, HasTheReferencesFieldsAndNoOthers) {
  const Input input;
  const auto json = Json::parse(openai_body(input.get()).reveal());
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["grant_type"].string(), "urn:ietf:params:oauth:grant-type:token-exchange");
  EXPECT_EQ((*json)["subject_token_type"].string(), k_jwt_type);
  EXPECT_EQ((*json)["subject_token"].string(), "aaa.bbb.ccc");
  EXPECT_EQ((*json)["identity_provider_id"].string(), "idp_1");
  EXPECT_EQ((*json)["service_account_id"].string(), "sa_1");
  EXPECT_EQ(json->root().members().size(), 5U);
}

TEST(OpenAiRequest, SendsTheClientIdOnlyIfSet) {
  Input input;
  input.settings.emplace_back("client_id", "");
  EXPECT_EQ(openai_body(input.get()).view().find("client_id"), std::string_view::npos);
  input.settings.back().second = "c_1";
  const auto json = Json::parse(openai_body(input.get()).reveal());
  EXPECT_EQ((*json)["client_id"].string(), "c_1");
}

TEST(OpenAiRequest, TakesTheTokenTypeFromSettingThenProviderThenDescriptor) {
  Input input;
  EXPECT_EQ(input.get().token_type(), k_jwt_type);
  input.subject.token_type = "provider-type";
  EXPECT_EQ(input.get().token_type(), "provider-type");
  input.settings.emplace_back("subject_token_type", "set-type");
  EXPECT_EQ(input.get().token_type(), "set-type");
}

TEST(OpenAiAnswer, IsReadWhole) {
  const auto credential = read(good(
      R"(,"expires_in":600,"scope":"a b","issued_token_type":"urn:ietf:params:oauth:token-type:access_token")"));
  ASSERT_TRUE(credential);
  EXPECT_EQ(credential->access_token.view(), "tok-1");
  EXPECT_EQ(credential->token_type, "Bearer");
  EXPECT_EQ(credential->scope, "a b");
  EXPECT_EQ(credential->issued_at, k_now);
  EXPECT_EQ(credential->issued_boot, 5);
  EXPECT_EQ(credential->expires_at, k_now + 600);
}

TEST(OpenAiAnswer, ExpiresAtTheEarliestOfAllThatIsSaid) {
  EXPECT_EQ(read(good(""))->expires_at, k_now + 3600);
  EXPECT_EQ(read(good(R"(,"expires_in":"900")"))->expires_at, k_now + 900);
  EXPECT_EQ(read(good(R"(,"expires_in":900,"expires_at":1700000300)"))->expires_at, k_now + 300);
  EXPECT_EQ(read(good(R"(,"expires_in":300,"expires_at":1700000900)"))->expires_at, k_now + 300);
  EXPECT_EQ(read(good(R"(,"expires_in":900)"), k_now + 100)->expires_at, k_now + 100);
  EXPECT_EQ(read(good(R"(,"expires_in":9223372036854775807)"), k_now + 100)->expires_at, k_now + 100);
}

TEST(OpenAiAnswer, AcceptsBearerInAnyCase) {
  EXPECT_TRUE(read(R"({"access_token":"t","token_type":"bEARER"})"));
}

TEST(OpenAiAnswer, IsRefusedWhenItIsNotWhole) {
  const std::vector<std::string> bodies = {
      "",
      "<html>sign in</html>",
      "[]",
      "\"x\"",
      "{}",
      R"({"token_type":"Bearer"})",
      R"({"access_token":"","token_type":"Bearer"})",
      R"({"access_token":7,"token_type":"Bearer"})",
      R"({"access_token":"a\nb","token_type":"Bearer"})",
      R"({"access_token":"a b","token_type":"Bearer"})",
      R"({"access_token":"t"})",
      R"({"access_token":"t","token_type":"N_A"})",
      good(R"(,"expires_in":0)"),
      good(R"(,"expires_in":-1)"),
      good(R"(,"expires_in":1.5)"),
      good(R"(,"expires_in":"soon")"),
      good(R"(,"expires_in":"60s")"),
      good(R"(,"expires_in":null)"),
      good(R"(,"expires_in":true)"),
      good(R"(,"expires_at":"x")"),
      good(R"(,"expires_at":1)"),
      good(R"(,"issued_token_type":"urn:ietf:params:oauth:token-type:jwt")"),
      good(R"(,"scope":7)")};
  for (const auto& body : bodies) {
    const auto credential = read(body);
    ASSERT_FALSE(credential) << body;
    EXPECT_EQ(credential.error().category, Category::unreachable) << body;
    EXPECT_EQ(credential.error().message.find("tok-1"), std::string::npos) << body;
  }
}

TEST(OpenAiError, ShowsCodeDescriptionAndRequestId) {
  const auto failure = error_of(401, R"({"error":"invalid_grant","error_description":"no\nmapping"})");
  EXPECT_EQ(failure.error.category, Category::refused);
  EXPECT_EQ(failure.error.cause, "invalid_grant");
  EXPECT_EQ(failure.request_id, "req_7");
  EXPECT_EQ(failure.error.message,
            "auth.example refused the exchange: HTTP 401 invalid_grant: no mapping (request id req_7)");
  EXPECT_NE(failure.error.hint.find("iss=https://i sub=s aud=a"), std::string::npos);
  EXPECT_FALSE(failure.reused_subject);
}

TEST(OpenAiError, ReadsTheApisOwnForm) {
  EXPECT_EQ(error_of(400, R"({"error":{"code":"x1","message":"no"}})").error.cause, "x1");
}

TEST(OpenAiError, NeverShowsTheTokenThatWasSent) {
  const auto failure =
      error_of(400, R"({"error":"invalid_grant","error_description":"bad aaa.bbb.ccc here"})");
  EXPECT_EQ(failure.error.message.find("aaa.bbb.ccc"), std::string::npos);
}

TEST(OpenAiError, TellsAReusedAssertion) {
  for (const char* body :
       {R"({"error":"jti_reused"})",
        R"({"error":"invalid_grant","error_description":"Assertion has Already Been Used"})",
        R"({"error":"invalid_grant","error_description":"replay detected"})"})
    EXPECT_TRUE(error_of(401, body).reused_subject) << body;
}

TEST(OpenAiError, KnowsWhatComparingTheTokenCanExplain) {
  EXPECT_TRUE(error_of(403, R"({"error":"invalid_grant"})").misfit);
  for (const int status : {404, 405, 429, 503}) EXPECT_FALSE(error_of(status, "").misfit) << status;
  for (const char* code : {"invalid_client", "unsupported_grant_type", "jti_reused"})
    EXPECT_FALSE(error_of(400, R"({"error":")" + std::string(code) + R"("})").misfit) << code;
}

TEST(OpenAiError, SaysWhatABare500UsuallyMeans) {
  const auto failure = error_of(500, "");
  EXPECT_EQ(failure.error.category, Category::unreachable);
  EXPECT_TRUE(failure.misfit);
  EXPECT_NE(failure.error.hint.find("iss="), std::string::npos);
  EXPECT_NE(failure.error.message.find("audience"), std::string::npos);
}

TEST(OpenAiError, SortsStatusesIntoCategories) {
  for (const int status : {400, 401, 403, 404, 410})
    EXPECT_EQ(error_of(status, "").error.category, Category::refused) << status;
  for (const int status : {204, 302, 429, 500, 502, 503, 504})
    EXPECT_EQ(error_of(status, "").error.category, Category::unreachable) << status;
}

TEST(OpenAiError, NamesWhereARedirectLeads) {
  const Input input;
  auto redirect = response(307, "");
  redirect.headers.push_back({"Location", Secret(std::string_view("https://evil.example/x"))});
  const auto failure = openai_error(redirect, k_host, "https://auth.example/oauth/token", input.subject);
  EXPECT_NE(failure.error.message.find("https://evil.example"), std::string::npos);
}

TEST(OpenAiExchange, LeavesNoTokenInFreedMemory) {
  const Input input;
  FakeHttp http;
  http.body = R"({"access_token":"an-access-token-that-is-long-enough","token_type":"Bearer"})";
  {
    const FreedMemory freed(input.subject.token.view());
    EXPECT_TRUE(exchange_openai(input.get(), http));
    EXPECT_EQ(freed.found(), 0);
  }
  const FreedMemory freed("an-access-token-that-is-long-enough");
  EXPECT_TRUE(exchange_openai(input.get(), http));
  EXPECT_EQ(freed.found(), 0);
}

TEST(OpenAiExchange, PostsWithoutAnAuthorizationHeader) {
  const Input input;
  FakeHttp http;
  const auto credential = exchange_openai(input.get(), http);
  ASSERT_TRUE(credential);
  EXPECT_EQ(http.url, "https://auth.example/oauth/token");
  EXPECT_EQ(http.names, "Content-Type,Accept,");
}

}  // namespace
}  // namespace wif
