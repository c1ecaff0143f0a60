// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "cli/setup_advice.hpp"
#include "core/jwt.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

Jwt token(const std::string& claims) {
  auto jwt =
      decode_jwt(base64url_encode(R"({"alg":"RS256","kid":"k"})") + "." + base64url_encode(claims) + ".AAAA");
  EXPECT_TRUE(jwt) << claims;
  return std::move(*jwt);
}

// "key=value" of each row, a "?" before those that only narrow further.
std::string rows(const Advice& advice) {
  std::string out;
  for (const auto& row : advice.rows) {
    EXPECT_FALSE(row.reason.empty()) << row.key;
    out += (out.empty() ? "" : " ") + std::string(row.recommended ? "" : "?") + row.key + "=" + row.value;
  }
  return out;
}

TEST(Advice, OfAKubernetesTokenIsItsSubject) {
  const Advice advice = advise(token(
      R"({"iss":"https://k.example","aud":["https://api.openai.com/v1"],"sub":"system:serviceaccount:prod:app"})"));
  EXPECT_EQ(advice.issuer, "https://k.example");
  EXPECT_EQ(advice.audience, "https://api.openai.com/v1");
  EXPECT_FALSE(advice.more_audiences);
  EXPECT_EQ(rows(advice), "sub=system:serviceaccount:prod:app");
  ASSERT_TRUE(advice.service_account);
  EXPECT_EQ(advice.service_account->space + "/" + advice.service_account->name, "prod/app");
}

TEST(Advice, SaysThatThereAreMoreAudiences) {
  EXPECT_TRUE(advise(token(R"({"iss":"https://a","aud":["x","y"],"sub":"s"})")).more_audiences);
}

TEST(Advice, OfWhatIsNoServiceAccountHasNoObjects) {
  for (const char* subject : {"spiffe://a/b", "system:serviceaccount:prod", "system:serviceaccount::app",
                              "system:serviceaccount:a:b:c"})
    EXPECT_FALSE(
        advise(token(R"({"iss":"https://a","sub":")" + std::string(subject) + "\"}")).service_account)
        << subject;
}

// The guide: appid, or azp in its place, and tid.
TEST(Advice, OfAManagedIdentityIsWhatTheTokenHas) {
  const std::string head =
      R"({"iss":"https://login.microsoftonline.com/t/v2.0","aud":"api://x","tid":"t","sub":"s",)";
  EXPECT_NE(rows(advise(token(head + R"("appid":"c"})"))).find("appid=c"), std::string::npos);
  const std::string azp = rows(advise(token(head + R"("azp":"c"})")));
  EXPECT_NE(azp.find("azp=c"), std::string::npos);
  EXPECT_EQ(azp.find("appid"), std::string::npos);
  EXPECT_NE(azp.find("tid=t"), std::string::npos);
}

TEST(Advice, OfAnAwsTokenDerivesWhatIsNested) {
  const Advice advice =
      advise(token(R"({"iss":"https://i.tokens.sts.global.api.aws","sub":"arn:aws:iam::1:role/app",)"
                   R"("https://sts.amazonaws.com/":{"aws_account":"1"}})"));
  EXPECT_EQ(rows(advice), "sub=arn:aws:iam::1:role/app ?openai.aws_account=1");
  ASSERT_EQ(advice.transformations.size(), 1U);
  EXPECT_EQ(advice.transformations[0].attribute, "aws_account");
  EXPECT_EQ(advice.transformations[0].expression, "assertion['https://sts.amazonaws.com/'].aws_account");
}

TEST(WhyUpload, OnlyWhereNobodyElseReachesTheIssuer) {
  for (const char* issuer :
       {"https://kubernetes.default.svc.cluster.local", "http://kubernetes.example", "https://k8s",
        "https://10.0.0.1", "https://172.16.0.1:6443", "https://172.31.255.1", "https://192.168.1.1",
        "https://127.0.0.1:6443", "https://[::1]", "https://[fd00::1]:6443", "https://[2::1]",
        "https://[fe80::1]", "https://k.internal", "kubernetes/serviceaccount"})
    EXPECT_TRUE(why_upload(issuer)) << issuer;
  for (const char* issuer :
       {"https://token.actions.githubusercontent.com", "https://172.32.0.1", "https://172.1.0.1",
        "https://[2a00:1450::1]:6443", "https://fd.example", "https://accounts.google.com"})
    EXPECT_FALSE(why_upload(issuer)) << issuer;
}

}  // namespace
}  // namespace wif
