// SPDX-License-Identifier: Apache-2.0
#include "github/github.hpp"

#include <array>

#include <gtest/gtest.h>

#include "core/detection.hpp"
#include "fake_host.hpp"
#include "fake_system.hpp"
#include "util/encode.hpp"

extern "C" const wif_provider* wif_provider_init_github(std::uint32_t host_abi);

namespace wif::github {
namespace {

constexpr const char* k_audience = "https://api.openai.com/v1";
constexpr const char* k_url = "https://run.actions.githubusercontent.com/222//idtoken/a/b?api-version=2.0";

std::string token_for(const std::string& audience) {
  return base64url_encode(R"({"alg":"RS256"})") + "." + base64url_encode(R"({"aud":")" + audience + R"("})") +
         ".c2ln";
}

std::string body_with(const std::string& token) { return R"({"count":1,"value":")" + token + R"("})"; }

class GithubFetch : public ::testing::Test {
 protected:
  GithubFetch() {
    m_call.settings["audience"] = k_audience;
    m_call.variables = {{"GITHUB_ACTIONS", "true"},
                        {"ACTIONS_ID_TOKEN_REQUEST_URL", k_url},
                        {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token"}};
    m_call.time_left_ms = 50;  // no pause fits
  }
  // The token, or "STATUS message".
  std::string fetched() {
    wif_subject_token token{};
    const wif_provider* table = wif_provider_init_github(WIF_PROVIDER_ABI);
    const std::int32_t status = table->fetch(&FakeCall::host(), m_call.handle(), &token);
    if (status != WIF_OK) return std::to_string(status) + " " + m_call.message;
    return {token.token, token.token_size};
  }

  FakeCall m_call;
};

TEST_F(GithubFetch, AsksAsTheRunnerSays) {
  m_call.answers = {{200, body_with(token_for(k_audience)), {}}};
  EXPECT_EQ(fetched(), token_for(k_audience));
  ASSERT_EQ(m_call.asked.size(), 1U);
  EXPECT_EQ(m_call.asked[0].url, std::string(k_url) + "&audience=https%3A%2F%2Fapi.openai.com%2Fv1");
  EXPECT_EQ(m_call.asked[0].headers,
            (std::map<std::string, std::string>{{"Accept", "application/json"},
                                                {"Authorization", "bearer request-token"}}));
  // Nobody's metadata service: no plain http, and by way of the proxy that a runner may need.
  EXPECT_EQ(m_call.asked[0].flags, WIF_HTTP_NO_RETRY);
}

TEST(GithubRequest, GivesEachTryALimit) { EXPECT_EQ(build_request(k_url, "", "a").try_timeout_ms, 5000); }

TEST_F(GithubFetch, TakesAnEndpoint) {
  m_call.settings["endpoint"] = "http://127.0.0.1:8080/";
  m_call.answers = {{200, body_with(token_for(k_audience)), {}}};
  fetched();
  EXPECT_TRUE(m_call.asked.at(0).url.starts_with("http://127.0.0.1:8080/222//idtoken/a/b?api-version=2.0&"));
}

TEST_F(GithubFetch, WithoutThePermissionTheErrorNamesIt) {
  m_call.variables.erase("ACTIONS_ID_TOKEN_REQUEST_URL");
  m_call.variables.erase("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
  EXPECT_EQ(
      fetched(),
      "4 this GitHub Actions job may not ask for an OIDC token: ACTIONS_ID_TOKEN_REQUEST_URL is not set");
  EXPECT_NE(m_call.hint.find("permissions: id-token: write"), std::string::npos);
  EXPECT_TRUE(m_call.asked.empty());
}

TEST_F(GithubFetch, OneVariableAloneWasLeftBehindBySudoOrAContainer) {
  for (const char* name : {"ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"}) {
    const std::string value = m_call.variables[name];
    m_call.variables.erase(name);
    EXPECT_EQ(fetched(), std::string("4 only one of this GitHub Actions job's two variables came through: ") +
                             name + " is not set");
    EXPECT_EQ(m_call.hint.find("permissions"), std::string::npos);
    m_call.variables[name] = value;
  }
}

TEST_F(GithubFetch, OutsideAJobTheErrorSaysSo) {
  m_call.variables.clear();
  EXPECT_EQ(fetched(), "4 this is no GitHub Actions job: ACTIONS_ID_TOKEN_REQUEST_URL is not set");
  EXPECT_EQ(m_call.hint.find("permissions"), std::string::npos);
}

TEST_F(GithubFetch, ARequestTokenCantAddAHeader) {
  m_call.variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "a\r\nX-Other: b";
  EXPECT_EQ(fetched(), "4 ACTIONS_ID_TOKEN_REQUEST_TOKEN has characters that no token has");
  EXPECT_TRUE(m_call.asked.empty());
  m_call.variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "request-token\n";
  m_call.answers = {{200, body_with(token_for(k_audience)), {}}};
  fetched();
  EXPECT_EQ(m_call.asked.at(0).headers["Authorization"], "bearer request-token");
}

TEST_F(GithubFetch, AsksAgainWhileTheJobIsPending) {
  m_call.time_left_ms = 1000;
  m_call.answers = {{403, R"({"message":"Can't issue ID_TOKEN for job in 'Pending' state."})", {}},
                    {0, "", {}},
                    {200, body_with(token_for(k_audience)), {}}};
  EXPECT_EQ(fetched(), token_for(k_audience));
  EXPECT_EQ(m_call.asked.size(), 3U);
}

TEST_F(GithubFetch, SilenceIsExplained) {
  EXPECT_EQ(fetched(), "6 asking GitHub for this job's token: no network here");
  EXPECT_NE(m_call.hint.find("actions.githubusercontent.com"), std::string::npos);
}

TEST(GithubAtEndpoint, KeepsPathAndQuery) {
  const auto moved = [](const char* url, const char* endpoint) {
    return at_endpoint(url, endpoint).value_or("refused");
  };
  EXPECT_EQ(moved("https://h/p?q=1", "http://127.0.0.1:1"), "http://127.0.0.1:1/p?q=1");
  EXPECT_EQ(moved("https://h:8/p", "https://i/"), "https://i/p");
  EXPECT_EQ(moved("https://h?q=1", "https://i"), "https://i?q=1");
  EXPECT_EQ(moved("https://h", "https://i"), "https://i");
  EXPECT_EQ(moved("h/p", "https://i"), "refused");
  for (const char* wrong : {"", "i", "i:80", "https://i/p", "https://i?q"})
    EXPECT_EQ(moved("https://h/p", wrong), "refused") << wrong;
}

TEST(GithubRetry, IsShortAndBounded) {
  const auto pause = [](std::int32_t status, int number) {
    return pause_before_next({status, number, 0}).value_or(-1);
  };
  for (const int status : {0, 403, 408, 429, 500, 502, 503, 504}) {
    EXPECT_EQ(pause(status, 1), 250) << status;
    EXPECT_EQ(pause(status, 5), 4000) << status;
    EXPECT_EQ(pause(status, 6), -1) << status;
  }
  for (const int status : {200, 302, 400, 401, 404}) EXPECT_EQ(pause(status, 1), -1) << status;
}

struct Case {
  std::int32_t status;
  std::string body;
  std::int32_t category;
  const char* words;
  const char* hint;
};

TEST(GithubAnswer, ErrorsSayWhatToDo) {
  const std::array cases = {
      Case{401, R"({"message":"expired"})", WIF_REFUSED, "HTTP 401: expired", "while its own job runs"},
      Case{403, R"({"message":"Can't issue ID_TOKEN for job in 'Delayed' state."})", WIF_UNREACHABLE,
           "'Delayed'", "--timeout"},
      Case{403, "no", WIF_REFUSED, "refused to issue a token for this job: HTTP 403: no", "id-token: write"},
      Case{404, "", WIF_REFUSED, "HTTP 404", "id-token: write"},
      Case{429, "", WIF_UNREACHABLE, "HTTP 429", "outages"},
      Case{503, "<html>busy</html>", WIF_UNREACHABLE, "HTTP 503: <html>busy", "outages"},
      Case{302, "", WIF_UNREACHABLE, "redirects aren't followed", "proxy"},
      Case{200, "<html>Sign in</html>", WIF_UNREACHABLE, "not a JSON object: <html>Sign in", "proxy"},
      Case{200, R"(["value"])", WIF_UNREACHABLE, "not a JSON object", "proxy"},
      Case{200, "", WIF_UNREACHABLE, "not a JSON object", "proxy"},
      Case{200, "{}", WIF_UNREACHABLE, "without a token", "proxy"},
      Case{200, R"({"value":""})", WIF_UNREACHABLE, "without a token", "proxy"},
      Case{200, R"({"value":7})", WIF_UNREACHABLE, "without a token", "proxy"},
      Case{200, R"({"value":"opaque"})", WIF_UNREACHABLE, "is not a token", "proxy"},
      Case{200, body_with(token_for("https://github.com/octo-org")), WIF_UNREACHABLE,
           "not for the audience https://api.openai.com/v1", "proxy"},
  };
  for (const Case& one : cases) {
    const auto result = read_answer({one.status, nullptr, 0, one.body}, k_audience);
    ASSERT_FALSE(result) << one.body;
    EXPECT_EQ(result.error().status, one.category) << one.words;
    EXPECT_NE(result.error().message.find(one.words), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().hint.find(one.hint), std::string::npos) << result.error().hint;
  }
}

TEST(GithubAnswer, HalfATokenIsNotShown) {
  const std::string half = R"({"count":1,"value":"eyJhbGciOi)";
  const auto result = read_answer({200, nullptr, 0, half}, k_audience);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message.find("eyJ"), std::string::npos);
}

TEST(GithubDetection, TakesAJobFirstAndOneWithoutThePermissionBeforeTheMachinesVendor) {
  FakeSystem system;
  const auto by = [&] {
    Catalogue catalogue(system);
    const auto finding = detect(system, catalogue);
    return finding ? std::string(finding->descriptor.name) + " " + std::to_string(finding->rank) : "nothing";
  };
  system.variables["GITHUB_ACTIONS"] = "true";
  EXPECT_EQ(by(), "github 68");
  system.files["/sys/class/dmi/id/sys_vendor"] = "Google\n";
  system.files["/sys/class/dmi/id/product_name"] = "Google Compute Engine\n";
  system.variables["ACTIONS_ID_TOKEN_REQUEST_URL"] = k_url;
  EXPECT_EQ(by(), "github 68");
  system.variables["OPENAI_IDENTITY_TOKEN_FILE"] = "/t";
  EXPECT_EQ(by(), "file 40");
  system.variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "t";
  EXPECT_EQ(by(), "github 10");
}

}  // namespace
}  // namespace wif::github
