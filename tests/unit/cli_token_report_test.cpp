// SPDX-License-Identifier: Apache-2.0
#include "cli/token_report.hpp"

#include <gtest/gtest.h>

#include "util/encode.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_now = 1'800'000'000;

Jwt token(const std::string& payload, const std::string& header = R"({"alg":"RS256","kid":"k1"})") {
  return decode_jwt(base64url_encode(header) + "." + base64url_encode(payload) + ".c2ln").value();
}

const std::string k_good =
    R"({"iss":"https://issuer","sub":"s","aud":["a","b"],"iat":1799999900,"exp":1800003500,"x":{"y":[1]}})";

std::vector<std::string> claims_matched(const std::string& payload) {
  std::vector<std::string> out;
  for (const auto& row : match_rows(token(payload))) out.push_back(row.claim + "=" + row.value);
  return out;
}

TEST(MatchRows, AreWhatTheGuidesMatchOn) {
  using Rows = std::vector<std::string>;
  EXPECT_EQ(claims_matched(k_good), Rows{"sub=s"});
  EXPECT_EQ(claims_matched(R"({"iss":"https://accounts.google.com","sub":"110","email":"e@x","azp":"1"})"),
            (Rows{"sub=110", "email=e@x"}));
  EXPECT_EQ(
      claims_matched(R"({"iss":"https://login.microsoftonline.com/T/v2.0","sub":"s","appid":"a","tid":"T"})"),
      (Rows{"appid=a", "tid=T"}));
  EXPECT_EQ(
      claims_matched(R"({"iss":"https://token.actions.githubusercontent.com","sub":"s","repository":"o/r"})"),
      (Rows{"repository=o/r", "sub=s"}));
  EXPECT_EQ(claims_matched(R"({"iss":"https://login.microsoftonline.com/T","sub":"only"})"),
            Rows{"sub=only"});
}

TEST(Concerns, AreNoneForAGoodToken) { EXPECT_TRUE(concerns(token(k_good), k_now).empty()); }

TEST(Concerns, NameWhatWouldBeRefused) {
  const auto first = [](const Jwt& jwt, std::int64_t now) { return concerns(jwt, now).at(0); };
  const std::string rest = R"("sub":"s","aud":"a","exp":1800003500})";
  EXPECT_NE(first(token(k_good, R"({"alg":"RS256"})"), k_now).find("no kid"), std::string::npos);
  EXPECT_NE(first(token(k_good, R"({"alg":"HS256","kid":"k"})"), k_now).find("HS256"), std::string::npos);
  EXPECT_NE(first(token(R"({"iss":"i",)" + rest), k_now).find("no iat"), std::string::npos);
  EXPECT_NE(first(token(k_good), k_now + 3600).find("expired 100 s ago"), std::string::npos);
  EXPECT_NE(first(token(k_good), k_now - 300).find("in the future"), std::string::npos);
  EXPECT_EQ(concerns(token("{}", "{}"), k_now).size(), 6U);
}

TEST(Report, ShowsTimesInWordsAndEveryClaim) {
  TokenReport report{"file", "configured", "urn:type", std::string(64, 'a'), k_now};
  const std::string text = report_text(report, token(k_good));
  for (const char* part :
       {"provider    file (configured)\n", "signed      RS256, key k1 (not verified here)\n",
        "audience    a, b\n", "(100 s ago)\n", "(in 58 min)\n", "lives       60 min\n",
        "sha256      aaaaaaaa\n", "  x = {\"y\":[1]}\n", "  sub = s\n"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find("c2ln"), std::string::npos);
}

TEST(Report, KeepsControlCharactersOffTheTerminal) {
  const std::string text = report_text(
      {}, token(R"({"iss":"i\u001b[2J","sub":"a\nb","aud":"a","\u001b]0;x":"\u0007","iat":1,"exp":2})"));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
}

TEST(Report, IsJsonToo) {
  const auto json = Json::parse(
      report_json({"file", "configured", "urn:type", std::string(64, 'a'), k_now}, token(k_good)));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["claims"]["x"].text(), R"({"y":[1]})");
  EXPECT_EQ((*json)["expires_at"].string(), "2027-01-15T08:58:20Z");
  EXPECT_EQ((*json)["match"]["sub"].string(), "s");
  EXPECT_EQ((*json)["concerns"].elements().size(), 0U);
}

}  // namespace
}  // namespace wif
