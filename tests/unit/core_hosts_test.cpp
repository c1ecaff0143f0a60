// SPDX-License-Identifier: Apache-2.0
// Whose token goes where: what a request names, against what a profile's `hosts` say.
#include "core/hosts.hpp"

#include <gtest/gtest.h>

namespace wif {
namespace {

std::string shown(std::string_view text, std::string_view scheme = "https") {
  const auto target = parse_target(text, scheme);
  if (!target) return std::string(to_string(target.error().category));
  return target->scheme + " " + target->host + " " + std::to_string(target->port) + " " + target->path;
}

std::size_t close_to(std::string_view patterns, std::string_view url) {
  const auto target = parse_target(url);
  EXPECT_TRUE(target) << url;
  return target ? closeness(patterns, *target) : 0;
}

// --- what a request names

TEST(Target, IsASchemeAHostAPortAndAPath) {
  EXPECT_EQ(shown("https://git.example/o/r.git"), "https git.example 443 /o/r.git");
  EXPECT_EQ(shown("HTTPS://Git.Example:8443"), "https git.example 8443 ");
  EXPECT_EQ(shown("http://localhost/"), "http localhost 80 /");
  EXPECT_EQ(shown("https://a.example/p?q=/x#/y"), "https a.example 443 /p");
  EXPECT_EQ(shown("https://a.example?q=/x"), "https a.example 443 ");
  EXPECT_EQ(shown("https://a.example#/x"), "https a.example 443 ");
}

TEST(Target, WithoutASchemeHasTheOneThatItsProtocolMeans) {
  EXPECT_EQ(shown("registry.example:5000/v2/"), "https registry.example 5000 /v2/");
  EXPECT_EQ(shown("localhost", "http"), "http localhost 80 ");
  EXPECT_EQ(shown("https://a.example", "http"), "https a.example 443 ");
}

TEST(Target, IsNamedAsAPatternNamesIt) {
  EXPECT_EQ(parse_target("https://a.example:443/x")->authority(), "a.example");
  EXPECT_EQ(parse_target("https://a.example:80")->authority(), "a.example:80");
  EXPECT_EQ(parse_target("https://[::1]:8443")->authority(), "[::1]:8443");
  EXPECT_EQ(parse_target("https://[2001:DB8::1]")->authority(), "[2001:db8::1]");
}

TEST(Target, AnAbsoluteNameIsTheSameHost) {
  EXPECT_EQ(shown("https://a.example./x"), "https a.example 443 /x");
  EXPECT_EQ(close_to("a.example", "https://A.EXAMPLE.:443"), close_to("a.example", "https://a.example"));
}

TEST(Target, UserInformationIsRefusedSinceItPosesAsAHost) {
  for (const char* const url :
       {"https://api.openai.com@evil.example", "https://u:p@a.example",
        "https://api.openai.com:443@evil.example", "https://@a.example", "api.openai.com:x@evil.example"})
    EXPECT_EQ(shown(url), "usage") << url;
}

TEST(Target, WhatIsNoHostIsRefused) {
  for (const char* const url : {"",
                                "https://",
                                "https:///path",
                                "https://:443",
                                "https://.example",
                                "https://a..example",
                                "https://a%2eb",
                                "https://a.example:",
                                "https://a.example:0",
                                "https://a.example:65536",
                                "https://a.example:-1",
                                "https://a.example:+443",
                                "https://a.example: 443",
                                "https://a.example:443:443",
                                "https://[::1",
                                "https://[a.example]",
                                "https://[]",
                                "https://[::1]x",
                                "https://[::1%25eth0]",
                                "https://b\xc3\xbc.example",
                                "https://*.example",
                                "mailto:a",
                                "://a.example:80"})
    EXPECT_EQ(shown(url), "usage") << url;
  EXPECT_EQ(shown("https://" + std::string(254, 'a')), "usage");
}

TEST(Target, AnUnknownSchemeIsOneThatNobodyServes) {
  EXPECT_EQ(shown("ftp://a.example"), "ftp a.example 0 ");
  EXPECT_EQ(close_to("a.example\na.example:*", "ftp://a.example"), 0U);
  EXPECT_EQ(close_to("a.example\na.example:*", "ftp://a.example:443"), 0U);
}

TEST(Target, AMalformedSchemeIsRefused) {
  for (const char* const url : {"://a.example:80", "a/b://a.example", "4https://a.example",
                                "https:x://a.example", "a.example/?://evil.example"})
    EXPECT_EQ(shown(url), "usage") << url;
}

TEST(Target, ControlCharactersSpacesAndBackslashesAreRefused) {
  using namespace std::string_view_literals;
  for (const std::string_view url :
       {"https://a.example\n"sv, "https://a.example\r"sv, "https://a.\0example"sv, "https://a.example/\0x"sv,
        " https://a"sv, "https://evil.example\\.a.example"sv, "https://a.example/\x7f"sv,
        "https://a.example/\t"sv})
    EXPECT_EQ(shown(url), "usage") << url;
}

TEST(Target, AnErrorShowsNoControlCharacter) {
  const auto target = parse_target("https://a\n\x1b[2J" + std::string(500, 'x'));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().message.find_first_of("\n\x1b"), std::string::npos);
  EXPECT_LT(target.error().message.size(), 200U);
}

// --- this machine

TEST(Loopback, IsThisMachineInEachWayOfWritingIt) {
  for (const char* const host :
       {"localhost", "127.0.0.1", "127.255.255.254", "127.1", "::1", "registry.localhost"})
    EXPECT_TRUE(is_loopback(host)) << host;
}

TEST(Loopback, IsNothingThatOnlyBeginsOrEndsLikeIt) {
  for (const char* const host : {"127.evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
                                 "notlocalhost", "128.0.0.1", "::2", "::ffff:10.0.0.1", "10.127.0.1", ""})
    EXPECT_FALSE(is_loopback(host)) << host;
}

// --- patterns

TEST(HostPattern, IsANameADomainOrAnAddressWithAPortBehindIt) {
  for (const char* const pattern :
       {"a.example", "A.Example", "*.example", "*.corp.example:8443", "a.example:*", "127.0.0.1:*", "[::1]",
        "[::1]:*", "localhost", "my_registry:5000"})
    EXPECT_EQ(pattern_problem(pattern), std::nullopt) << pattern;
}

TEST(HostPattern, WhatCannotBeOneIsToldWhy) {
  const auto problem = [](std::string_view pattern) { return pattern_problem(pattern).value_or("none"); };
  EXPECT_EQ(problem("https://a.example"), "is a host, without a scheme or path");
  EXPECT_EQ(problem("a.example/path"), "is a host, without a scheme or path");
  for (const char* const pattern : {"a.*.example", "*", "**.example", "*a.example", "*.*.example"})
    EXPECT_EQ(problem(pattern), "may begin with \"*.\", and have no other '*' in its name") << pattern;
  for (const char* const pattern :
       {"", "*.", ".example", "a b", "[::1", "[a]", "u@a.example", "a..b", ":443"})
    EXPECT_EQ(problem(pattern), "is no host") << pattern;
  for (const char* const pattern :
       {"a.example:", "a.example:0", "a.example:x", "a.example:65536", "a.example:4*"})
    EXPECT_EQ(problem(pattern), "needs a port from 1 to 65535, or * for any, behind its colon") << pattern;
}

TEST(HostPattern, ANameIsThatNameOnly) {
  EXPECT_GT(close_to("a.example", "https://a.example/x"), 0U);
  EXPECT_GT(close_to("A.Example", "https://a.EXAMPLE"), 0U);
  for (const char* const url : {"https://b.a.example", "https://example", "https://aa.example",
                                "https://a.example.evil", "https://a-example"})
    EXPECT_EQ(close_to("a.example", url), 0U) << url;
}

TEST(HostPattern, ADomainIsAnyHostBelowItButNotItself) {
  EXPECT_GT(close_to("*.corp.example", "https://a.corp.example"), 0U);
  EXPECT_GT(close_to("*.corp.example", "https://a.b.corp.example"), 0U);
  for (const char* const url :
       {"https://corp.example", "https://evilcorp.example", "https://a.corp.example.evil"})
    EXPECT_EQ(close_to("*.corp.example", url), 0U) << url;
}

TEST(HostPattern, ItsPortIsTheSchemesUnlessItSaysAnother) {
  EXPECT_EQ(close_to("a.example", "https://a.example:8443"), 0U);
  EXPECT_GT(close_to("a.example:8443", "https://a.example:8443"), 0U);
  EXPECT_EQ(close_to("a.example:8443", "https://a.example"), 0U);
  EXPECT_GT(close_to("a.example:443", "https://a.example"), 0U);
  EXPECT_GT(close_to("a.example:*", "https://a.example:1"), 0U);
  EXPECT_GT(close_to("a.example:*", "https://a.example"), 0U);
  EXPECT_EQ(close_to("a.example:*", "https://b.example"), 0U);
}

TEST(HostPattern, ASchemeWithoutTlsIsThisMachinesOnly) {
  EXPECT_EQ(close_to("a.example:*\n*.example:*", "http://a.example"), 0U);
  EXPECT_EQ(close_to("a.example:*", "ftp://a.example:443"), 0U);
  EXPECT_EQ(close_to("127.evil.example:*", "http://127.evil.example"), 0U);
  EXPECT_GT(close_to("127.0.0.1:*", "http://127.0.0.1:5000"), 0U);
  EXPECT_GT(close_to("[::1]:*", "http://[::1]:5000"), 0U);
  EXPECT_GT(close_to("localhost", "http://localhost"), 0U);
  EXPECT_EQ(close_to("localhost:*", "ssh://localhost:22"), 0U);
}

TEST(HostPattern, AnExactNameIsCloserThanALongerDomainThanAShorterOne) {
  const char* const url = "https://a.corp.example";
  const std::size_t exact = close_to("a.corp.example", url);
  const std::size_t longer = close_to("*.corp.example", url);
  const std::size_t shorter = close_to("*.example", url);
  EXPECT_GT(exact, longer);
  EXPECT_GT(longer, shorter);
  EXPECT_GT(shorter, 0U);
  EXPECT_EQ(close_to("*.example\na.corp.example\n*.corp.example", url), exact);
  const std::string longest = std::string(240, 'd') + ".example";
  EXPECT_GT(close_to("a." + longest, "https://a." + longest),
            close_to("*." + longest, "https://a." + longest));
}

TEST(HostPattern, NoPatternsServeNobody) {
  EXPECT_EQ(close_to("", "https://a.example"), 0U);
  EXPECT_EQ(close_to("\n\n", "https://a.example"), 0U);
}

}  // namespace
}  // namespace wif
