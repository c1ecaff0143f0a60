// SPDX-License-Identifier: Apache-2.0
#include "google/google.hpp"

#include <array>

#include <gtest/gtest.h>

#include "core/detection.hpp"
#include "fake_host.hpp"
#include "fake_system.hpp"
#include "util/encode.hpp"

extern "C" const wif_provider* wif_provider_init_google(std::uint32_t host_abi);

namespace wif::google {
namespace {

constexpr const char* k_audience = "https://api.openai.com/v1";

std::string token_for(const std::string& audience) {
  return base64url_encode(R"({"alg":"RS256"})") + "." + base64url_encode(R"({"aud":")" + audience + R"("})") +
         ".c2ln";
}

Question question() {
  Question out;
  out.server = "http://metadata.google.internal";
  out.audience = k_audience;
  return out;
}

class GoogleFetch : public ::testing::Test {
 protected:
  GoogleFetch() {
    m_call.settings = {{"audience", k_audience}, {"service_account", "default"}};
    m_call.time_left_ms = 50;  // no pause fits
  }
  void answer(std::int32_t status, const std::string& body) {
    m_call.answers.push_back({status, body, {{"metadata-flavor", "Google"}}});
  }
  // The token, or "STATUS message".
  std::string fetched() {
    wif_subject_token token{};
    const wif_provider* table = wif_provider_init_google(WIF_PROVIDER_ABI);
    const std::int32_t status = table->fetch(&FakeCall::host(), m_call.handle(), &token);
    if (status != WIF_OK) return std::to_string(status) + " " + m_call.message;
    return {token.token, token.token_size};
  }
  std::string asked() {
    m_call.asked.clear();
    m_call.answers.clear();
    answer(200, token_for(k_audience));
    const std::string result = fetched();
    return m_call.asked.empty() ? result : m_call.asked[0].url;
  }

  FakeCall m_call;
};

TEST_F(GoogleFetch, AsksAsTheReferenceSays) {
  answer(200, token_for(k_audience) + "\n");
  EXPECT_EQ(fetched(), token_for(k_audience));
  ASSERT_EQ(m_call.asked.size(), 1U);
  EXPECT_EQ(m_call.asked[0].method, "GET");
  EXPECT_EQ(m_call.asked[0].url,
            "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"
            "?audience=https%3A%2F%2Fapi.openai.com%2Fv1&format=full");
  EXPECT_EQ(m_call.asked[0].headers, (std::map<std::string, std::string>{{"Metadata-Flavor", "Google"}}));
  EXPECT_NE(m_call.asked[0].flags & WIF_HTTP_LINK_LOCAL, 0U);
}

TEST(GoogleRequest, GivesEachTryALimit) { EXPECT_EQ(build_request(question()).try_timeout_ms, 5000); }

TEST_F(GoogleFetch, TakesAccountAndLicences) {
  m_call.settings["service_account"] = "a-b.c_d@p.example.com.iam.gserviceaccount.com";
  m_call.settings["licenses"] = "true";
  const std::string url = asked();
  EXPECT_NE(url.find("/service-accounts/a-b.c_d@p.example.com.iam.gserviceaccount.com/identity?"),
            std::string::npos);
  EXPECT_TRUE(url.ends_with("&format=full&licenses=TRUE")) << url;
  m_call.settings["licenses"] = "false";
  EXPECT_TRUE(asked().ends_with("&format=full"));
}

TEST_F(GoogleFetch, TakesTheServerFromTheSettingThenFromTheVariable) {
  m_call.variables["GCE_METADATA_HOST"] = "10.1.2.3:8080";
  EXPECT_TRUE(asked().starts_with("http://10.1.2.3:8080/computeMetadata/"));
  EXPECT_NE(m_call.asked[0].flags & WIF_HTTP_LINK_LOCAL, 0U);
  m_call.settings["endpoint"] = "https://metadata.example:8443/";
  EXPECT_TRUE(asked().starts_with("https://metadata.example:8443/computeMetadata/"));
}

// The host refuses plain http to it.
TEST_F(GoogleFetch, ASettingNamesNoPlainHttpHostButGooglesOwn) {
  const auto allowed = [&](const char* endpoint) {
    m_call.settings["endpoint"] = endpoint;
    asked();
    return (m_call.asked.at(0).flags & WIF_HTTP_LINK_LOCAL) != 0;
  };
  EXPECT_TRUE(allowed("Metadata.google.internal:80"));
  EXPECT_TRUE(allowed("https://elsewhere.example"));
  EXPECT_FALSE(allowed("elsewhere.example"));
  EXPECT_FALSE(allowed("metadata.google.internal.example"));
  EXPECT_FALSE(allowed("x.metadata.google.internal"));
}

TEST_F(GoogleFetch, WrongSettingsAreNamed) {
  m_call.settings["service_account"] = "../../project";
  EXPECT_EQ(fetched(), "3 subject.service_account is not a service account's name");
  m_call.settings["service_account"] = "default";
  m_call.variables["GCE_METADATA_HOST"] = "host/path";
  EXPECT_EQ(fetched(), "3 GCE_METADATA_HOST is not a metadata server's address");
  m_call.settings["endpoint"] = "ftp://host";
  EXPECT_EQ(fetched(), "3 subject.endpoint is not a metadata server's address");
  m_call.settings.erase("audience");
  EXPECT_EQ(fetched(), "3 subject.audience is not set");
}

TEST_F(GoogleFetch, SilenceIsExplained) {
  EXPECT_EQ(fetched(),
            "6 asking Google's metadata server at http://metadata.google.internal: no network here");
  EXPECT_NE(m_call.hint.find("first seconds"), std::string::npos);
  EXPECT_NE(m_call.hint.find("169.254.169.254"), std::string::npos);
}

TEST_F(GoogleFetch, AsksAgainWhileAPodStarts) {
  m_call.time_left_ms = 1000;
  m_call.answers = {{0, "", {}}, {503, "", {}}, {404, "", {}}};
  answer(200, token_for(k_audience));
  EXPECT_EQ(fetched(), token_for(k_audience));
  EXPECT_EQ(m_call.asked.size(), 4U);
}

TEST_F(GoogleFetch, InAPodA404IsAboutTheBinding) {
  answer(404, "Not Found");
  fetched();
  EXPECT_NE(m_call.hint.find("attach a service account"), std::string::npos);
  m_call.asked.clear();
  m_call.variables["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  fetched();
  EXPECT_NE(m_call.hint.find("iam.gke.io/gcp-service-account"), std::string::npos);
}

TEST(GoogleServerUrl, TakesHostsAndRefusesTheRest) {
  const auto url = [](const char* text) { return server_url(text, "x").value_or("refused"); };
  EXPECT_EQ(url("metadata.google.internal"), "http://metadata.google.internal");
  EXPECT_EQ(url("169.254.169.254:80"), "http://169.254.169.254:80");
  EXPECT_EQ(url("[fd20:ce::254]:80"), "http://[fd20:ce::254]:80");
  EXPECT_EQ(url("HTTP://h:1/"), "http://h:1");
  EXPECT_EQ(url("https://h"), "https://h");
  for (const char* wrong : {"", "http://", "ftp://h", "h/p", "u@h", "h?q", "h#f", "h h", "h\n", "://h"})
    EXPECT_EQ(url(wrong), "refused") << wrong;
}

TEST(GoogleServiceAccount, IsAnAddressOrAWord) {
  for (const char* good :
       {"default", "a@b.iam.gserviceaccount.com", "1234-compute@developer.gserviceaccount.com"})
    EXPECT_TRUE(is_service_account(good)) << good;
  for (const char* wrong : {"", ".", "..", "a/b", "a?b", "a b", "a%2fb", "a\n"})
    EXPECT_FALSE(is_service_account(wrong)) << wrong;
}

TEST(GoogleRetry, WaitsForAPodToStartAndGivesUpOnTheRest) {
  const auto pause = [](std::int32_t status, int number) {
    return pause_before_next({status, number, 0}, false).value_or(-1);
  };
  EXPECT_EQ(pause(0, 1), 100);
  EXPECT_EQ(pause(0, 2), 200);
  EXPECT_EQ(pause(0, 6), 2000);
  EXPECT_EQ(pause(0, 1000), 2000);
  EXPECT_EQ(pause(503, 50), 2000);
  for (const int status : {408, 429, 500, 502, 504}) {
    EXPECT_EQ(pause(status, 5), 1600) << status;
    EXPECT_EQ(pause(status, 6), -1) << status;
  }
  EXPECT_EQ(pause(404, 3), 400);
  EXPECT_EQ(pause(404, 4), -1);
  for (const int status : {200, 301, 400, 401, 403}) EXPECT_EQ(pause(status, 1), -1) << status;
}

TEST(GoogleRetry, GivesANameWithoutAddressUpSoon) {
  const auto pause = [](int number, std::int64_t elapsed_ms, bool starting = false) {
    return pause_before_next({0, number, elapsed_ms, WIF_HTTP_NO_ADDRESS}, starting).value_or(-1);
  };
  EXPECT_EQ(pause(1, 0), 100);
  EXPECT_EQ(pause(4, 1999), 800);
  EXPECT_EQ(pause(5, 0), -1);
  EXPECT_EQ(pause(1, 2000), -1);  // a resolver that doesn't answer
  // But not where a pod or a machine of Google's may be ahead of its DNS.
  EXPECT_EQ(pause(5, 0, true), 1600);
  EXPECT_EQ(pause(500, 900'000, true), 2000);
}

struct Case {
  std::int32_t status;
  const char* body;
  std::int32_t category;
  const char* words;
  const char* hint;
};

TEST(GoogleAnswer, ErrorsSayWhatToDo) {
  const std::array cases = {
      Case{404, "Not Found", WIF_NO_IDENTITY, "for service account 'default': HTTP 404: Not Found", "attach"},
      Case{404, "Your Kubernetes service account (d/app) is not annotated with a target", WIF_NO_IDENTITY,
           "not annotated", "iam.gke.io/gcp-service-account"},
      Case{403, "Request has X-Forwarded-For header", WIF_REFUSED, "X-Forwarded-For", "sidecar"},
      Case{403, "Permission 'iam.serviceAccounts.getOpenIdToken' denied", WIF_REFUSED, "denied",
           "roles/iam.workloadIdentityUser"},
      Case{400, "non-empty audience parameter required", WIF_REFUSED, "HTTP 400: non-empty",
           "subject.audience; it is https://api.openai.com/v1"},
      Case{401, "", WIF_REFUSED, "refused: HTTP 401", ""},
      Case{429, "", WIF_UNREACHABLE, "too often", "later"},
      Case{500, "could not get iam.serviceAccounts", WIF_UNREACHABLE, "failed: HTTP 500", "annotate"},
      Case{503, "", WIF_UNREACHABLE, "failed: HTTP 503", "later"},
      Case{302, "", WIF_UNREACHABLE, "HTTP 302 where 200 is due", "proxy"},
      Case{200, " \n", WIF_UNREACHABLE, "with an empty body", "proxy"},
      Case{200, "<html>Sign in</html>", WIF_UNREACHABLE, "is not a token: <html>Sign in", "proxy"},
  };
  const wif_http_header flavor{"Metadata-Flavor", "Google"};
  for (const Case& one : cases) {
    const auto result = read_answer({one.status, &flavor, 1, one.body}, question());
    ASSERT_FALSE(result) << one.body;
    EXPECT_EQ(result.error().status, one.category) << one.words;
    EXPECT_NE(result.error().message.find(one.words), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().hint.find(one.hint), std::string::npos) << result.error().hint;
  }
}

TEST(GoogleAnswer, HalfATokenIsNotShown) {
  const wif_http_header flavor{"Metadata-Flavor", "Google"};
  const std::string half = token_for(k_audience).substr(0, 20);
  const auto result = read_answer({200, &flavor, 1, half}, question());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message.find(half.substr(0, 8)), std::string::npos);
  EXPECT_NE(result.error().message.find("is not a token"), std::string::npos);
}

TEST(GoogleAnswer, OfAnotherServerIsNoToken) {
  const std::string token = token_for(k_audience);
  const wif_http_header other{"Metadata-Flavor", "Other"};
  for (const auto& answer : {kit::Response{200, nullptr, 0, token}, kit::Response{200, &other, 1, token},
                             kit::Response{404, nullptr, 0, "no"}}) {
    const auto result = read_answer(answer, question());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().status, WIF_UNREACHABLE);
    EXPECT_NE(result.error().message.find("is not Google's metadata server"), std::string::npos);
  }
}

TEST(GoogleAnswer, ForAnotherAudienceIsRefused) {
  const wif_http_header flavor{"Metadata-Flavor", "Google"};
  const auto result = read_answer({200, &flavor, 1, token_for("https://other")}, question());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().status, WIF_UNREACHABLE);
  EXPECT_NE(result.error().message.find("not for the audience https://api.openai.com/v1"), std::string::npos);
}

class GoogleDetected : public ::testing::Test {
 protected:
  std::string by() {
    Catalogue catalogue(m_system);
    const auto finding = detect(m_system, catalogue);
    return finding ? std::string(finding->descriptor.name) + " " + std::to_string(finding->rank) : "nothing";
  }
  FakeSystem m_system;
};

TEST_F(GoogleDetected, OnAVirtualMachineButNotOnAChromebook) {
  m_system.files["/sys/class/dmi/id/sys_vendor"] = "Google\n";
  m_system.files["/sys/class/dmi/id/product_name"] = "Eve\n";
  EXPECT_EQ(by(), "nothing");
  for (const char* product : {"Google Compute Engine\n", "Google\n"}) {
    m_system.files["/sys/class/dmi/id/product_name"] = product;
    EXPECT_EQ(by(), "google 70");
  }
}

TEST_F(GoogleDetected, WhereAMetadataHostIsNamed) {
  m_system.variables["GCE_METADATA_HOST"] = "127.0.0.1:8080";
  EXPECT_EQ(by(), "google 64");
}

TEST_F(GoogleDetected, OnCloudRunButNotInFirebasesEmulatorOrKnative) {
  m_system.variables = {{"K_SERVICE", "s"}, {"K_REVISION", "1"}};
  EXPECT_EQ(by(), "nothing");
  m_system.variables["K_CONFIGURATION"] = "s";
  EXPECT_EQ(by(), "google 82");
  m_system.files["/var/run/secrets/kubernetes.io/serviceaccount/token"] = "t";
  EXPECT_NE(by(), "google 82");
  m_system.files.clear();
  m_system.variables = {{"CLOUD_RUN_JOB", "j"}, {"CLOUD_RUN_EXECUTION", "j-1"}};
  EXPECT_EQ(by(), "google 84");
  m_system.variables = {{"CLOUD_RUN_WORKER_POOL", "w"}, {"CLOUD_RUN_WORKER_POOL_REVISION", "w-1"}};
  EXPECT_EQ(by(), "google 86");
}

}  // namespace
}  // namespace wif::google
