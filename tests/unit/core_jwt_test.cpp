// SPDX-License-Identifier: Apache-2.0
#include "core/jwt.hpp"

#include <gtest/gtest.h>

#include "util/encode.hpp"

namespace wif {
namespace {

std::string jwt(const std::string& header, const std::string& payload) {
  return base64url_encode(header) + "." + base64url_encode(payload) + "." + base64url_encode("signature");
}

std::string why_not(const std::string& token) {
  const auto decoded = decode_jwt(token);
  return decoded ? "" : decoded.error().message;
}

TEST(Jwt, ReadsAKubernetesToken) {
  const auto decoded =
      decode_jwt(jwt(R"({"alg":"RS256","kid":"k1"})",
                     R"({"aud":["https://api.openai.com/v1"],"exp":1716239022,"iat":1716235422,
      "iss":"https://kubernetes.example.com","sub":"system:serviceaccount:default:openai-wif","kubernetes.io":{}})"));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->algorithm, "RS256");
  EXPECT_EQ(decoded->key_id, "k1");
  EXPECT_EQ(decoded->issuer, "https://kubernetes.example.com");
  EXPECT_EQ(decoded->subject, "system:serviceaccount:default:openai-wif");
  EXPECT_EQ(decoded->audience, std::vector<std::string>{"https://api.openai.com/v1"});
  EXPECT_TRUE(decoded->audience_is_array);
  EXPECT_EQ(decoded->expires_at, 1716239022);
  EXPECT_EQ(decoded->issued_at, 1716235422);
}

TEST(Jwt, ReadsAFractionalTimeAndAPlainAudience) {
  const auto decoded = decode_jwt(jwt("{}", R"({"exp":12.75,"aud":"a"})"));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->expires_at, 12);
  EXPECT_EQ(decoded->audience, std::vector<std::string>{"a"});
  EXPECT_FALSE(decoded->audience_is_array);
}

TEST(Jwt, SaysWhichPartIsWrong) {
  EXPECT_NE(why_not("abc").find("1 parts"), std::string::npos);
  EXPECT_NE(why_not("a.b.c.d").find("4 parts"), std::string::npos);
  EXPECT_NE(why_not("e30=.e30.e30").find("header is not base64url"), std::string::npos);
  EXPECT_NE(why_not(".e30.e30").find("header"), std::string::npos);
  EXPECT_NE(why_not(jwt("[]", "{}")).find("header is not a JSON object"), std::string::npos);
  EXPECT_NE(why_not(jwt("{}", "{")).find("payload is not JSON"), std::string::npos);
  EXPECT_NE(why_not(jwt("{}", "{\"a\":\"\xff\"}")).find("UTF-8"), std::string::npos);
  EXPECT_NE(why_not("e30.e30.!").find("signature"), std::string::npos);
}

TEST(Jwt, RefusesRegisteredClaimsOfTheWrongType) {
  EXPECT_NE(why_not(jwt("{}", R"({"exp":"soon"})")).find("\"exp\""), std::string::npos);
  EXPECT_NE(why_not(jwt("{}", R"({"exp":-1})")).find("\"exp\""), std::string::npos);
  EXPECT_NE(why_not(jwt("{}", R"({"exp":1e300})")).find("\"exp\""), std::string::npos);
  EXPECT_NE(why_not(jwt("{}", R"({"iss":5})")).find("\"iss\""), std::string::npos);
  EXPECT_NE(why_not(jwt("{}", R"({"aud":[5]})")).find("\"aud\""), std::string::npos);
}

}  // namespace
}  // namespace wif
