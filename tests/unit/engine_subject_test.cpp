// SPDX-License-Identifier: Apache-2.0
#include "engine/subject.hpp"

#include <gtest/gtest.h>

#include "freed_memory.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_now = 1'800'000'000;
const std::string k_jwt = "urn:ietf:params:oauth:token-type:jwt";
const std::string k_signature = "the signature is what makes it a token";

std::string token_of(const std::string& claims) {
  return base64url_encode(R"({"alg":"RS256","kid":"k"})") + "." + base64url_encode("{" + claims + "}") + "." +
         base64url_encode(k_signature);
}

std::string expiring(std::int64_t at) {
  return token_of(R"("iss":"https://i","sub":"s","aud":["a","b"],"exp":)" + std::to_string(at));
}

class Subject : public testing::Test {
 protected:
  // `told`: the expiry that the provider told, if it did.
  Status check(const std::string& token, const std::string& type = k_jwt,
               std::optional<std::int64_t> told = {}) {
    m_subject = {};
    m_subject.expires_at = told;
    m_subject.token = Secret(std::string_view(token));
    return check_subject(m_subject, "provider 'file'", type, k_now);
  }
  // The message; every refusal is of one category and has a hint.
  std::string refusal(const std::string& token, const std::string& type = k_jwt,
                      std::optional<std::int64_t> told = {}) {
    const Status status = check(token, type, told);
    if (status) return "taken";
    EXPECT_EQ(status.error().category, Category::no_identity);
    EXPECT_FALSE(status.error().hint.empty());
    EXPECT_EQ((status.error().message + status.error().hint).find(base64url_encode(k_signature)),
              std::string::npos);
    return status.error().message;
  }
  SubjectToken m_subject;
};

TEST_F(Subject, IsDescribedByItsClaimsAndItsHash) {
  const std::string token = expiring(k_now + 60);
  ASSERT_TRUE(check(token));
  EXPECT_EQ(m_subject.hash, sha256_hex(token));
  EXPECT_EQ(m_subject.claims, "iss=https://i sub=s aud=a,b exp=" + rfc3339(k_now + 60));
  EXPECT_EQ(m_subject.expires_at, k_now + 60);
  EXPECT_EQ(m_subject.token.view(), token);
}

TEST_F(Subject, ClaimsAreOneLineAndCut) {
  ASSERT_TRUE(check(token_of(R"("iss":"https://i\n\u001b[31m","sub":")" + std::string(5000, 's') + "\"")));
  EXPECT_EQ(m_subject.claims.find('\n'), std::string::npos);
  EXPECT_EQ(m_subject.claims.find('\x1b'), std::string::npos);
  EXPECT_LT(m_subject.claims.size(), 300U);
}

TEST_F(Subject, ExpiredIsRefusedHere) {
  EXPECT_EQ(refusal(expiring(k_now - 180)),
            "the subject token from provider 'file' expired 3 min ago; it was not sent");
  EXPECT_NE(refusal(expiring(k_now)).find("expired just now"), std::string::npos);
  EXPECT_TRUE(check(expiring(k_now + 1)));
}

TEST_F(Subject, ExpiresByTheEarlierOfItsClaimAndItsProvidersWord) {
  ASSERT_TRUE(check(expiring(k_now + 60), k_jwt, k_now + 5));
  EXPECT_EQ(m_subject.expires_at, k_now + 5);
  ASSERT_TRUE(check(expiring(k_now + 60), k_jwt, k_now + 90));
  EXPECT_EQ(m_subject.expires_at, k_now + 60);
  EXPECT_NE(refusal(expiring(k_now + 60), k_jwt, k_now).find("expired"), std::string::npos);
}

// Clocks differ by seconds, and the relying party's is the one that counts: refusing it here would break what works.
TEST_F(Subject, NotYetValidIsLeftToTheRelyingParty) {
  const std::string later = std::to_string(k_now + 30);
  EXPECT_TRUE(
      check(token_of("\"nbf\":" + later + ",\"iat\":" + later + ",\"exp\":" + std::to_string(k_now + 600))));
}

TEST_F(Subject, WithoutAnExpiryItHasNone) {
  ASSERT_TRUE(check(token_of(R"("iss":"i")")));
  EXPECT_FALSE(m_subject.expires_at);
}

TEST_F(Subject, NotAJwtWhereOneIsDueIsRefusedWithWhatIsWrong) {
  for (const std::string type :
       {"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"}) {
    EXPECT_NE(refusal("opaque", type).find("1 parts where three are due"), std::string::npos);
    EXPECT_NE(refusal("e30.e30", type).find("2 parts"), std::string::npos);
    EXPECT_NE(refusal("e30.e3.e30", type).find("its payload is not base64url"), std::string::npos);
    EXPECT_NE(refusal(token_of("\"exp\":\"soon\""), type).find("\"exp\" is not a time"), std::string::npos);
  }
  EXPECT_EQ(m_subject.hash, sha256_hex(m_subject.token.view()));  // by which a log can name it
}

TEST_F(Subject, OfAnotherTypeMayBeOpaque) {
  const std::string type = "urn:ietf:params:oauth:token-type:access_token";
  ASSERT_TRUE(check("opaque", type, k_now + 5));
  EXPECT_EQ(m_subject.claims, "");
  EXPECT_EQ(m_subject.expires_at, k_now + 5);
  EXPECT_NE(refusal("opaque", type, k_now - 5).find("expired"), std::string::npos);
}

TEST_F(Subject, WhatIsNoTokenAtAllIsRefused) {
  for (const std::string text : {"", "a b", "a\nb", "a\r\nX-Header: y", "\"quoted\"", "caf\xc3\xa9", "a=b"})
    EXPECT_NE(refusal(text, "other").find("characters that no token has"), std::string::npos) << text;
}

TEST_F(Subject, LeavesNeitherTheTokenNorItsSignatureInFreedMemory) {
  const std::string token = expiring(k_now + 60);
  for (const std::string& secret : {base64url_encode(k_signature), k_signature}) {
    const FreedMemory freed(secret);
    {
      SubjectToken subject;
      subject.token = Secret(std::string_view(token));
      SubjectToken moved = std::move(subject);
      ASSERT_TRUE(check_subject(moved, "provider 'file'", k_jwt, k_now));
    }
    EXPECT_EQ(freed.found(), 0) << secret;
  }
}

}  // namespace
}  // namespace wif
