// SPDX-License-Identifier: Apache-2.0
#include "util/text.hpp"

#include <gtest/gtest.h>

#include "util/fd.hpp"
#include "util/json.hpp"
#include "util/secret.hpp"

namespace wif {
namespace {

TEST(Nearest, FindsATypoAndNothingFarAway) {
  EXPECT_EQ(nearest("audiance", {"audience", "endpoint"}), "audience");
  EXPECT_EQ(nearest("zzz", {"audience", "endpoint"}), std::nullopt);
}

TEST(Duration, ReadsUnitsAndRefusesTheRest) {
  EXPECT_EQ(parse_duration("90"), 90);
  EXPECT_EQ(parse_duration("2m"), 120);
  EXPECT_EQ(parse_duration("12h"), 43200);
  EXPECT_EQ(parse_duration("1500ms"), 2);
  EXPECT_EQ(parse_duration("-1"), std::nullopt);
  EXPECT_EQ(parse_duration("2 m"), std::nullopt);
  EXPECT_EQ(parse_duration(""), std::nullopt);
}

TEST(Redact, HidesJwtsAndLongRunsAndKeepsWords) {
  EXPECT_EQ(redact("token eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.sig here"), "token [redacted] here");
  EXPECT_EQ(redact("token/1eyJhbGciOiJSUzI1NiJ9:half of one"), "token/[redacted]:half of one");
  EXPECT_EQ(redact("id " + std::string(64, 'a')), "id [redacted]");
  EXPECT_EQ(redact("audience https://api.openai.com/v1 differs"),
            "audience https://api.openai.com/v1 differs");
}

TEST(Printable, MakesOneLineOfAnything) {
  EXPECT_EQ(printable("a\r\n\tb\x1b[31m", 80), "a b [31m");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
  EXPECT_EQ(printable("a\xc2\x9b[31m\xe2\x80\xaeu\xe2\x80\xa8v", 80),
            "a [31m u v");  // C1, bidi override, line separator
}

TEST(Printable, IsUtf8WhateverItWas) {
  EXPECT_EQ(printable("M\xfcnchen \x9b", 80), "M?nchen ?");
  EXPECT_EQ(printable("M\xc3\xbcnchen", 80), "M\xc3\xbcnchen");
  EXPECT_EQ(printable("M\xc3\xbcnchen", 2), "M...");  // cut between letters
  EXPECT_EQ(printable("\xe2\x82", 80), "??");
}

TEST(Json, RefusesDepthNulAndTrailingText) {
  EXPECT_FALSE(Json::parse(std::string(65, '[') + std::string(65, ']')));
  EXPECT_TRUE(Json::parse(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(Json::parse(std::string("{}\0{}", 5)));
  EXPECT_FALSE(Json::parse("{} x"));
  EXPECT_FALSE(Json::parse("{\"a\":\"\xff\"}"));
  EXPECT_FALSE(Json::parse(""));
}

TEST(Json, ReadsOnlyWhatHasTheType) {
  auto json = Json::parse(R"({"s":"x","i":5,"f":1.5,"b":true,"a":["y"],"n":null})");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["s"].string(), "x");
  EXPECT_EQ((*json)["i"].integer(), 5);
  EXPECT_EQ((*json)["f"].integer(), std::nullopt);
  EXPECT_EQ((*json)["s"].integer(), std::nullopt);
  EXPECT_EQ((*json)["a"].elements().size(), 1U);
  EXPECT_TRUE((*json)["n"].is_null());
  EXPECT_FALSE((*json)["missing"]);
  EXPECT_FALSE((*json)["s"]["deeper"]);
}

TEST(JsonWriter, EscapesAndNests) {
  JsonWriter writer;
  writer.object().member("a", "q\"\\\n\x01").key("l").array().value(1).value(true).null().end().end();
  EXPECT_EQ(writer.take(), R"({"a":"q\"\\\n\u0001","l":[1,true,null]})");
}

TEST(JsonWriter, WritesUtf8WhateverItIsGiven) {
  JsonWriter writer;
  writer.array().value("\xc3\xbc").value("\xfc\"").end();
  const std::string text = writer.take();
  EXPECT_EQ(text, "[\"\xc3\xbc\",\"\xef\xbf\xbd\\\"\"]");
  EXPECT_TRUE(Json::parse(text));
}

TEST(Secret, IsEmptyAfterAMove) {
  Secret one("abc");
  Secret two(std::move(one));
  EXPECT_TRUE(one.empty());  // NOLINT(bugprone-use-after-move): what a moved-from secret holds is the point
  EXPECT_EQ(two.reveal(), "abc");
}

TEST(ReadFile, RefusesMoreThanItsLimit) {
  EXPECT_TRUE(read_file("/proc/self/status", 1 << 20, Category::cache));
  const auto text = read_file("/proc/self/status", 10, Category::cache);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().category, Category::cache);
}

}  // namespace
}  // namespace wif
