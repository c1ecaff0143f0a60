// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/kubernetes.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "fake_host.hpp"
#include "scratch_folder.hpp"
#include "util/encode.hpp"
#include "util/text.hpp"

extern "C" const wif_provider* wif_provider_init_kubernetes(uint32_t host_abi);

namespace wif::kubernetes {
namespace {

constexpr std::int64_t k_now = 1'800'000'000;
constexpr const char* k_path = "/var/run/secrets/tokens/token";
constexpr const char* k_pods_path = "/var/run/secrets/kubernetes.io/serviceaccount/token";
constexpr const char* k_audience = "https://api.openai.com/v1";
// What a message or a hint may be long: the host cuts the rest.
constexpr std::size_t k_line = 500;

std::string jwt(const std::string& claims) {
  return base64url_encode(R"({"alg":"RS256","kid":"k"})") + "." + base64url_encode(claims) + ".c2ln";
}
std::string projected(const std::string& audience, std::int64_t exp = k_now + 3600) {
  return jwt(R"({"iss":"https://cluster","aud":[")" + audience + R"("],"exp":)" + std::to_string(exp) +
             R"(,"kubernetes.io":{"namespace":"default","node":{"name":"node-1"}}})");
}
kit::Failure problem(const std::string& token, const std::string& path = k_path) {
  const auto failure = problem_of(token, path, k_audience, k_now);
  if (!failure) {
    ADD_FAILURE() << "no problem";
    return {};
  }
  EXPECT_EQ(failure->status, WIF_NO_IDENTITY);
  EXPECT_NE(failure->message.find(path), std::string::npos) << failure->message;
  EXPECT_EQ(redact(failure->message + failure->hint), failure->message + failure->hint);
  EXPECT_LE(failure->message.size(), k_line);
  EXPECT_LE(failure->hint.size(), k_line) << failure->hint;
  return *failure;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Kubernetes, AProjectedTokenForTheAudienceMayBeSent) {
  EXPECT_FALSE(problem_of(projected(k_audience), k_path, k_audience, k_now));
  EXPECT_FALSE(problem_of(projected("a\",\"https://api.openai.com/v1"), k_path, k_audience, k_now));
  EXPECT_FALSE(problem_of(projected("other"), k_path, "other", k_now));
  EXPECT_FALSE(
      problem_of(jwt(R"({"iss":"i","aud":"https://api.openai.com/v1"})"), k_path, k_audience, k_now));
}

TEST(Kubernetes, WhatIsNoJwtIsLeftToTheHost) {
  for (const char* token : {"opaque", "a.b.c", "", "a..b"})
    EXPECT_FALSE(problem_of(token, k_path, k_audience, k_now)) << token;
}

TEST(Kubernetes, ALegacyTokenIsNamedAndMended) {
  const auto failure = problem(jwt(R"({"iss":"kubernetes/serviceaccount",
      "kubernetes.io/serviceaccount/namespace":"default","sub":"system:serviceaccount:default:a"})"));
  EXPECT_TRUE(has(failure.message, "legacy")) << failure.message;
  EXPECT_TRUE(has(failure.hint, volume_snippet(k_audience)));
}

TEST(Kubernetes, TheApiServersOwnTokenIsNamedAndMended) {
  for (const auto& [token, path] :
       {std::pair(projected("https://kubernetes.default.svc.cluster.local"), k_path),
        std::pair(projected("https://cluster"), k_path),
        std::pair(projected("https://container.googleapis.com/v1/projects/p"), k_pods_path),
        std::pair(jwt(R"({"iss":"https://cluster","exp":1})"), k_pods_path)}) {
    const auto failure = problem(token, path);
    EXPECT_TRUE(has(failure.message, "the pod's own for the cluster's API server")) << failure.message;
    EXPECT_TRUE(has(failure.message, ", not for https://api.openai.com/v1; it was not sent"));
    EXPECT_TRUE(has(failure.hint, volume_snippet(k_audience)));
    EXPECT_FALSE(has(failure.hint, "subject.audience"));  // nobody is told to send that one
  }
}

TEST(Kubernetes, AnotherAudienceIsNamedAndMended) {
  const auto failure = problem(projected("sts.amazonaws.com"));
  EXPECT_TRUE(has(failure.message, "is for audience sts.amazonaws.com, not for https://api.openai.com/v1"));
  EXPECT_TRUE(has(failure.hint, "subject.audience"));
  EXPECT_TRUE(has(failure.hint, volume_snippet(k_audience)));
  EXPECT_TRUE(has(problem(jwt(R"({"iss":"i","exp":1})")).message, "is for no audience"));
  std::string long_one;
  for (int i = 0; i < 300; ++i) long_one += "aud ";
  problem(projected(long_one));
}

TEST(Kubernetes, AnExpiredTokenHasTheKubeletNotRotated) {
  const auto failure = problem(projected(k_audience, k_now - 180));
  EXPECT_TRUE(has(failure.message, "expired 3 min ago; the kubelet has not rotated it")) << failure.message;
  EXPECT_TRUE(has(failure.hint, "on node node-1"));
  EXPECT_TRUE(has(problem(projected(k_audience, k_now)).message, "expired just now"));
  EXPECT_FALSE(problem_of(projected(k_audience, k_now + 1), k_path, k_audience, k_now));
  for (const char* odd : {"-1e300", "-1", "0", "1.5"})
    problem(jwt(R"({"iss":"i","aud":"https://api.openai.com/v1","exp":)" + std::string(odd) + "}"));
  EXPECT_FALSE(
      problem_of(jwt(R"({"aud":"https://api.openai.com/v1","exp":1e300})"), k_path, k_audience, k_now));
}

TEST(Kubernetes, TheSnippetQuotesTheAudience) {
  EXPECT_TRUE(has(volume_snippet("it's: {"), "audience: 'it''s: {',"));
}

class KubernetesModule : public ::testing::Test {
 protected:
  std::string fetch() {
    wif_subject_token token{};
    token.struct_size = sizeof token;
    const wif_provider* table = wif_provider_init_kubernetes(WIF_PROVIDER_ABI);
    if (table->fetch(&FakeCall::host(), m_call.handle(), &token) != WIF_OK) return "failed";
    return {token.token, token.token_size};
  }
  ScratchFolder m_folder;
  FakeCall m_call;
};

TEST_F(KubernetesModule, TakesTheFileAndChecksIt) {
  EXPECT_EQ(fetch(), "failed");
  EXPECT_EQ(m_call.status, WIF_CONFIGURATION);
  m_call.settings["path"] = m_folder / "token";
  EXPECT_EQ(fetch(), "failed");
  EXPECT_EQ(m_call.status, WIF_NO_IDENTITY);
  const std::string good = projected(k_audience, 99'999'999'999);
  std::ofstream(m_folder / "token") << good << "\n";
  EXPECT_EQ(fetch(), good);
  for (const char* platform :
       {"https://kubernetes.default.svc", "sts.amazonaws.com", "api://AzureADTokenExchange"}) {
    std::ofstream(m_folder / "token") << projected(platform, 99'999'999'999) << "\n";
    EXPECT_EQ(fetch(), "failed") << platform;  // that has to be meant
    EXPECT_EQ(m_call.status, WIF_CONFIGURATION);
    EXPECT_TRUE(has(m_call.message, "subject.audience is not set, and the token in "));
  }
  std::ofstream(m_folder / "token") << good << "\n";
  m_call.settings["audience"] = "other";
  EXPECT_EQ(fetch(), "failed");
  EXPECT_EQ(m_call.status, WIF_NO_IDENTITY);
  std::ofstream(m_folder / "token") << " \n";
  EXPECT_EQ(fetch(), "failed");
  EXPECT_TRUE(has(m_call.message, "is empty"));
}

}  // namespace
}  // namespace wif::kubernetes
