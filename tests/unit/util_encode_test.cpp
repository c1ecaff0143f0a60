// SPDX-License-Identifier: Apache-2.0
#include "util/encode.hpp"

#include <gtest/gtest.h>

namespace wif {
namespace {

bool decodes(std::string_view text) {
  std::string out;
  return base64url_decode(text, out);
}

TEST(Base64Url, DecodesWhatItEncodes) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "\xff\xfe\x00z"}) {
    std::string out;
    ASSERT_TRUE(base64url_decode(base64url_encode(text), out));
    EXPECT_EQ(out, text);
  }
}

TEST(Base64Url, RefusesPaddingForeignLettersAndImpossibleLengths) {
  EXPECT_FALSE(decodes("Zg=="));
  EXPECT_FALSE(decodes("Zm9+"));
  EXPECT_FALSE(decodes("Zm9/"));
  EXPECT_FALSE(decodes("Zm 9"));
  EXPECT_FALSE(decodes("Z"));
  EXPECT_FALSE(decodes("Zm9vY"));
}

TEST(Base64Url, RefusesTrailingBitsThatAreNotZero) {
  EXPECT_TRUE(decodes("Zg"));
  EXPECT_FALSE(decodes("Zh"));
  EXPECT_TRUE(decodes("Zm8"));
  EXPECT_FALSE(decodes("Zm9"));
}

TEST(Sha256, GivesThePublishedVectors) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(FastHash, GivesThePublishedVectors) {
  EXPECT_EQ(hex64(fast_hash("")), "cbf29ce484222325");
  EXPECT_EQ(hex64(fast_hash("a")), "af63dc4c8601ec8c");
}

TEST(Rfc3339, IsUtcWithZ) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(1767323045), "2026-01-02T03:04:05Z");
}

TEST(Rfc3339, IsReadWithAnyOffset) {
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05Z"), 1767323045);
  EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.123456z"), 1767323045);
  EXPECT_EQ(parse_rfc3339("2026-01-02T04:34:05+01:30"), 1767323045);
  EXPECT_EQ(parse_rfc3339("2026-01-01T23:04:05-04:00"), 1767323045);
  EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"), 1709164800);
  EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), 1483228800);
  EXPECT_EQ(parse_rfc3339("2026-01-02t03:04:05z"), 1767323045);
  for (const char* text :
       {"", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-1-2T03:04:05Z",
        "2026-13-02T03:04:05Z", "2026-00-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-32T03:04:60Z",
        "2026-01-00T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:60:05Z", "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+1:00", "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:00 ", "7"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Utf8, TellsWellFormedFromNot) {
  EXPECT_TRUE(is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));          // overlong
  EXPECT_FALSE(is_utf8("\xe0\x80\xaf"));      // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // past U+10FFFF
  EXPECT_FALSE(is_utf8("\xc3"));
}

TEST(HeaderSafeToken, RefusesWhatCouldEndAHeader) {
  EXPECT_TRUE(is_header_safe_token("abc.DEF-_~+/12=="));
  EXPECT_FALSE(is_header_safe_token(""));
  EXPECT_FALSE(is_header_safe_token("=="));
  EXPECT_FALSE(is_header_safe_token("a=b"));
  EXPECT_FALSE(is_header_safe_token("a\nb"));
  EXPECT_FALSE(is_header_safe_token("a b"));
}

}  // namespace
}  // namespace wif
