// SPDX-License-Identifier: Apache-2.0
#include "engine/url.hpp"

#include <gtest/gtest.h>

namespace wif {
namespace {

bool accepts(const std::string& url, UrlAllowance allowance = {}) {
  return check_url(url, allowance).has_value();
}

TEST(Url, PlainHttpStaysOnTheMachineOrTheLink) {
  for (const char* good : {"https://auth.openai.com/oauth/token", "http://127.0.0.1:8080/x",
                           "http://127.8.9.10/", "http://[::1]:1/", "http://localhost:1/",
                           "http://169.254.169.254/latest", "http://[fe80::1]/", "http://[fd00:ec2::254]/",
                           "http://[fd00:ec2::23]/", "http://[::ffff:127.0.0.1]/", "HTTPS://X.example/"})
    EXPECT_TRUE(accepts(good)) << good;
  for (const char* bad :
       {"http://auth.openai.com/", "http://10.0.0.1/", "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/", "http://[fd00:ec2::255]/", "http://[::ffff:10.0.0.1]/",
        "ftp://localhost/", "file:///etc/passwd", "https://user@x.example/", "https://user:word@x.example/",
        "auth.openai.com/oauth/token", "", "https://"})
    EXPECT_FALSE(accepts(bad)) << bad;
}

TEST(Url, AModuleMayVouchForItsMetadataHost) {
  EXPECT_FALSE(accepts("http://metadata.google.internal/x"));
  EXPECT_TRUE(accepts("http://metadata.google.internal/x", {true, false}));
  EXPECT_TRUE(accepts("http://spire/x", {false, true}));
}

TEST(Url, ErrorsShowTheHostAndNoMore) {
  const auto url = check_url("http://x.example:8080/secret?token=secret", {});
  EXPECT_EQ(url.error().category, Category::configuration);
  EXPECT_NE(url.error().message.find("x.example:8080"), std::string::npos);
  EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
}

TEST(Url, LocalHostsAreNeverProxied) {
  for (const char* local :
       {"https://localhost:1/", "http://0x7f.1/", "http://[::1]/", "http://169.254.169.254/latest",
        "http://169.254.170.2/v2", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://[fd00:ec2::23]/"})
    EXPECT_TRUE(check_url(local, {})->local) << local;
  for (const char* remote : {"https://10.0.0.1/", "https://169.253.1.1/", "https://localhost.example/",
                             "https://exchange.localhost/", "https://[fd00::1]/"})
    EXPECT_FALSE(check_url(remote, {})->local) << remote;
}

TEST(Url, NamesARedirectsTarget) {
  EXPECT_EQ(redirect_target("https://a.example/x", "https://b.example:444/y?z"), "https://b.example:444");
  EXPECT_EQ(redirect_target("https://a.example/x", "/y"), "https://a.example");
}

}  // namespace
}  // namespace wif
