// SPDX-License-Identifier: Apache-2.0
// The provider aws: its pure parts, and where credentials come from, by scripted answers.
#include <sys/stat.h>

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "aws/credentials.hpp"
#include "aws/imds.hpp"
#include "aws/profile.hpp"
#include "aws/sts.hpp"
#include "fake_host.hpp"
#include "scratch_folder.hpp"

namespace wif::aws {
namespace {

std::string body_of(const char* action, const std::string& result) {
  const std::string name(action);
  return "<?xml version=\"1.0\"?><" + name +
         "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + name + "Result>" + result + "</" +
         name + "Result><ResponseMetadata/></" + name + "Response>";
}

std::string token_body(const std::string& inner) { return body_of("GetWebIdentityToken", inner); }

std::string error_body(const std::string& code, const std::string& message) {
  return "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message +
         "</Message></Error><RequestId>id-1</RequestId></ErrorResponse>";
}

kit::Failure error_of(std::int32_t status, std::string body, const char* action = "GetWebIdentityToken") {
  return read_error(status, body.data(), body.size(), action, "the environment");
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(AwsEndpoint, IsTheRegionsInItsPartition) {
  EXPECT_EQ(regional_endpoint("eu-west-1"), "https://sts.eu-west-1.amazonaws.com");
  EXPECT_EQ(regional_endpoint("us-gov-west-1"), "https://sts.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(regional_endpoint("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(regional_endpoint("eusc-de-east-1"), "https://sts.eusc-de-east-1.amazonaws.eu");
}

TEST(AwsForm, IsEncodedAndNumbered) {
  EXPECT_EQ(
      token_form({"https://api.openai.com/v1", "RS256", 300, {{"a b", "x=y&z"}, {"c", ""}}}),
      "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=https%3A%2F%2Fapi.openai.com%2Fv1"
      "&SigningAlgorithm=RS256&DurationSeconds=300&Tags.member.1.Key=a%20b&Tags.member.1.Value=x%3Dy%26z"
      "&Tags.member.2.Key=c&Tags.member.2.Value=");
  EXPECT_EQ(role_form({"arn:aws:iam::1:role/r", "/unused", "me"}, "a.b+c/d"),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
            "&RoleSessionName=me&WebIdentityToken=a.b%2Bc%2Fd");
}

TEST(AwsToken, IsReadWithItsExpiry) {
  std::string xml = token_body(
      "<WebIdentityToken>\n a.b.c </WebIdentityToken><Expiration>2015-08-30T12:36:00.5Z</Expiration>");
  const auto token = read_token(xml.data(), xml.size());
  ASSERT_TRUE(token);
  EXPECT_EQ(token->token, "a.b.c");
  EXPECT_EQ(token->expires_at, 1440938160);
}

TEST(AwsToken, AnUnusualExpiryIsLeftToTheTokenItself) {
  std::string xml = token_body("<WebIdentityToken>t</WebIdentityToken><Expiration>soon</Expiration>");
  EXPECT_EQ(read_token(xml.data(), xml.size())->expires_at, 0);
}

TEST(AwsToken, WhatIsNoneIsUnreachable) {
  const std::string good = token_body("<WebIdentityToken>t</WebIdentityToken>");
  for (std::string xml :
       {std::string(), std::string("{}"), std::string("<html><p>no</html>"), good.substr(0, good.size() - 3),
        token_body("<WebIdentityToken></WebIdentityToken>"), token_body("<Other>t</Other>"),
        body_of("GetCallerIdentity", "<WebIdentityToken>t</WebIdentityToken>"), std::string(20000, '<'),
        std::string("\0\0", 2)}) {
    const auto token = read_token(xml.data(), xml.size());
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().status, WIF_UNREACHABLE);
  }
}

TEST(AwsToken, EntitiesOfADocumentTypeAreNotExpanded) {
  std::string xml =
      "<!DOCTYPE x [<!ENTITY e \"secret\">]>" + token_body("<WebIdentityToken>&e;</WebIdentityToken>");
  EXPECT_EQ(read_token(xml.data(), xml.size())->token, "&e;");
}

TEST(AwsRole, HalfAnAnswerIsNone) {
  const auto read = [](const std::string& inner) {
    static std::string xml;
    xml = body_of("AssumeRoleWithWebIdentity", "<Credentials>" + inner + "</Credentials>");
    return read_credentials(xml.data(), xml.size(), "the source");
  };
  const std::string key = "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s/+</SecretAccessKey>";
  const auto whole = read(key + "<SessionToken>t==</SessionToken>");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->access_key_id, "ASIA");
  EXPECT_EQ(whole->secret_access_key, "s/+");
  EXPECT_EQ(whole->session_token, "t==");
  EXPECT_EQ(whole->source, "the source");
  EXPECT_FALSE(read(key));
  EXPECT_FALSE(read(""));
}

TEST(AwsError, SaysWhatAwsSaidAndHowToMendIt) {
  const auto failure =
      error_of(403, error_body("OutboundWebIdentityFederationDisabledException", "not &lt;enabled&gt;"));
  EXPECT_EQ(failure.status, WIF_REFUSED);
  EXPECT_EQ(
      failure.message,
      "AWS STS refused GetWebIdentityToken (HTTP 403 OutboundWebIdentityFederationDisabled): not <enabled> "
      "[request id-1]");
  EXPECT_TRUE(has(failure.hint, "enable-outbound-web-identity-federation"));
}

TEST(AwsError, MayBeWrappedTwice) {
  const auto failure = error_of(
      403, "<ErrorResponse><Errors><Error><Code>ExpiredToken</Code></Error></Errors></ErrorResponse>");
  EXPECT_TRUE(has(failure.message, "(HTTP 403 ExpiredToken)"));
}

TEST(AwsError, NamesWhereTheCredentialsCameFrom) {
  EXPECT_EQ(error_of(403, error_body("ExpiredToken", "")).hint,
            "the credentials from the environment have expired: renew them");
}

TEST(AwsError, ADeniedRoleIsAMatterOfItsTrustPolicy) {
  EXPECT_TRUE(has(error_of(403, error_body("AccessDenied", "")).hint, "sts:GetWebIdentityToken"));
  EXPECT_TRUE(
      has(error_of(403, error_body("AccessDenied", ""), "AssumeRoleWithWebIdentity").hint, "trust policy"));
}

TEST(AwsError, WhatMayPassIsUnreachable) {
  EXPECT_EQ(error_of(400, error_body("Throttling", "")).status, WIF_UNREACHABLE);
  EXPECT_EQ(error_of(400, error_body("IDPCommunicationError", "")).status, WIF_UNREACHABLE);
  EXPECT_EQ(error_of(503, error_body("ServiceUnavailable", "")).status, WIF_UNREACHABLE);
  EXPECT_EQ(error_of(429, "").status, WIF_UNREACHABLE);
  EXPECT_EQ(error_of(302, "").status, WIF_UNREACHABLE);
  EXPECT_EQ(error_of(403, "<html>no</html>").status, WIF_REFUSED);
}

TEST(AwsContainerUrl, IsThisMachinesOrHttps) {
  for (const char* good : {"https://anywhere.example/x", "http://127.0.0.1/x", "http://127.9.9.9:80/x",
                           "http://localhost:9/", "HTTP://LOCALHOST/", "http://[::1]:1/x",
                           "http://169.254.170.2/v2", "http://169.254.170.23/v1", "http://[fd00:ec2::23]/v1"})
    EXPECT_TRUE(is_container_url(good)) << good;
  for (const char* bad :
       {"", "http://", "http://169.254.169.254/x", "http://10.0.0.1/", "http://example.com/",
        "ftp://127.0.0.1/", "http://127.0.0.1@example.com/", "http://127.0.0.1:80@example.com/",
        "http://localhost.example.com/", "http://[fd00:ec2::24]/", "http://127.0.0.1.example.com/"})
    EXPECT_FALSE(is_container_url(bad)) << bad;
}

TEST(AwsProfile, IsReadFromItsSections) {
  const std::string config =
      "# of a comment\nregion = nowhere\n[default]\nregion=us-east-1\r\n[profile a]\nregion = eu-west-1\ns3 =\n  region = "
      "nested\n; another\nno value\n[profile \"two words\"]\nregion = ap-south-1\n[profile a]\nsso_session = x\n[a]\nregion=z\n";
  EXPECT_EQ(read_section(config, "default", true), (Section{{"region", "us-east-1"}}));
  EXPECT_EQ(read_section(config, "a", true),
            (Section{{"region", "eu-west-1"}, {"s3", ""}, {"sso_session", "x"}}));
  EXPECT_EQ(read_section(config, "two words", true), (Section{{"region", "ap-south-1"}}));
  EXPECT_EQ(read_section(config, "a", false), (Section{{"region", "z"}}));
  EXPECT_TRUE(read_section(config, "b", true).empty());
  EXPECT_TRUE(read_section("[", "b", true).empty());
  EXPECT_TRUE(read_section("[a\nkey=v", "", false).empty());
}

class Places : public ::testing::Test {
 protected:
  Places() { m_call.variables["HOME"] = m_folder.path(); }
  void write(const std::string& name, const std::string& text) {
    mkdir((m_folder / ".aws").c_str(), 0700);
    std::ofstream(m_folder / (".aws/" + name)) << text;
  }
  kit::Host host() { return {&FakeCall::host(), m_call.handle()}; }
  kit::Result<Credentials> find() {
    const kit::Host services = host();
    const auto profile = load_profile(services);
    if (!profile) return tl::unexpected<kit::Failure>(profile.error());
    Imds imds(services);
    return find_credentials(services, *profile, imds, [&](const WebIdentity& identity) {
      m_assumed = identity;
      return kit::Result<Credentials>(Credentials{"ASIAWEB", "s", "t", "web"});
    });
  }
  kit::Failure failure() {
    const auto found = find();
    if (!found) return found.error();
    ADD_FAILURE() << "found " << found->access_key_id;
    return {};
  }
  std::string id() {
    const auto found = find();
    return found ? found->access_key_id : "failed: " + found.error().message;
  }
  void answer_as_instance() {
    m_call.answers = {
        {200, "session==", {}},
        {200, "app-role\n", {}},
        {200, R"({"Code":"Success","AccessKeyId":"ASIAINST","SecretAccessKey":"s","Token":"t"})", {}}};
  }

  ScratchFolder m_folder;
  FakeCall m_call;
  WebIdentity m_assumed;
};

TEST_F(Places, NoneIsTheInstance) {
  answer_as_instance();
  const auto found = find();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key_id, "ASIAINST");
  EXPECT_TRUE(found->on_aws);
  ASSERT_EQ(m_call.asked.size(), 3U);
  EXPECT_EQ(m_call.asked[0].method, "PUT");
  EXPECT_EQ(m_call.asked[0].url, "http://169.254.169.254/latest/api/token");
  EXPECT_EQ(m_call.asked[0].headers["X-aws-ec2-metadata-token-ttl-seconds"], "300");
  EXPECT_EQ(m_call.asked[2].url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/app-role");
  EXPECT_EQ(m_call.asked[2].headers["X-aws-ec2-metadata-token"], "session==");
}

TEST_F(Places, TheInstancesAddressMayBeAnother) {
  answer_as_instance();
  m_call.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = "IPv6";
  EXPECT_EQ(id(), "ASIAINST");
  EXPECT_EQ(m_call.asked[0].url, "http://[fd00:ec2::254]/latest/api/token");
  m_call.asked.clear();
  m_call.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:8/";
  EXPECT_EQ(id(), "ASIAINST");
  EXPECT_EQ(m_call.asked[0].url, "http://127.0.0.1:8/latest/api/token");
}

TEST_F(Places, ASilentInstanceIsAskedThriceAndTheHopLimitNamed) {
  m_call.time_left_ms = 60000;
  const auto silent = failure();
  EXPECT_EQ(silent.status, WIF_UNREACHABLE);
  EXPECT_TRUE(has(silent.hint, "--http-put-response-hop-limit 2"));
  EXPECT_EQ(m_call.asked.size(), 3U);
}

TEST_F(Places, TheContainersRelativeAddressIsEcssOwn) {
  m_call.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/some-id";
  m_call.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1/other";
  m_call.answers = {{200, R"({"AccessKeyId":"ASIATASK","SecretAccessKey":"s","Token":"t"})", {}}};
  EXPECT_EQ(id(), "ASIATASK");
  EXPECT_EQ(m_call.asked[0].url, "http://169.254.170.2/v2/credentials/some-id");
  EXPECT_EQ(m_call.asked[0].headers.count("Authorization"), 0U);
  m_call.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "@example.com/";
  EXPECT_EQ(failure().status, WIF_CONFIGURATION);
}

TEST_F(Places, TheContainersTokenInAFileComesFirst) {
  m_call.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  m_call.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "variable";
  m_call.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = m_folder / "token";
  std::ofstream(m_folder / "token") << "file\n";
  m_call.answers = {{200, R"({"AccessKeyId":"ASIATASK","SecretAccessKey":"s","Token":"t"})", {}}};
  EXPECT_EQ(id(), "ASIATASK");
  EXPECT_EQ(m_call.asked[0].headers["Authorization"], "file");
}

TEST_F(Places, KeysOfAProfileComeFromOneFile) {
  write("credentials", "[default]\naws_access_key_id = AKIAONE\naws_secret_access_key = one\n");
  write("config", "[default]\naws_session_token = two\naws_access_key_id = AKIATWO\nrole_arn =\n");
  const auto found = find();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->access_key_id, "AKIAONE");
  EXPECT_EQ(found->secret_access_key, "one");
  EXPECT_EQ(found->session_token, "");
  write("credentials", "[default]\naws_session_token = one\n");
  write("config", "[default]\naws_access_key_id = AKIATWO\naws_secret_access_key = two\n");
  EXPECT_EQ(id(), "AKIATWO");
  EXPECT_EQ(find()->session_token, "");
}

TEST_F(Places, AProfileWithoutCredentialsIsPassedOverUnlessItWasSet) {
  write("config", "[profile app]\nregion = eu-west-1\n");
  m_call.variables["AWS_PROFILE"] = "app";
  answer_as_instance();
  EXPECT_EQ(id(), "ASIAINST");
  m_call.settings["aws_profile"] = "app";
  EXPECT_EQ(failure().status, WIF_CONFIGURATION);
}

TEST_F(Places, KeysComeBeforeACredentialProcess) {
  write("credentials", "[default]\naws_access_key_id = AKIAONE\naws_secret_access_key = one\n");
  write("config", "[default]\ncredential_process = /bin/false\n");
  EXPECT_EQ(id(), "AKIAONE");
  write("config", "[default]\nsso_session = corp\n");
  EXPECT_TRUE(has(failure().message, "SSO"));
}

TEST_F(Places, FilesElsewhereAreNamedByVariables) {
  m_call.variables["AWS_SHARED_CREDENTIALS_FILE"] = "~/keys";
  std::ofstream(m_folder / "keys") << "[default]\naws_access_key_id = AKIAKEYS\naws_secret_access_key = s\n";
  EXPECT_EQ(id(), "AKIAKEYS");
  m_call.variables["AWS_SHARED_CREDENTIALS_FILE"] = m_folder.path();  // a folder
  EXPECT_EQ(failure().status, WIF_CONFIGURATION);
}

TEST_F(Places, SomebodyElsesHomeIsAsGoodAsNone) {
  write("credentials", "[default]\naws_access_key_id = AKIAONE\naws_secret_access_key = one\n");
  answer_as_instance();
  chmod((m_folder / ".aws/credentials").c_str(), 0);
  // Root may read everything, so it becomes nobody for the time of the call.
  const uid_t user = geteuid();
  ASSERT_EQ(chmod(m_folder.path().c_str(), 0755), 0);
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);
  const std::string found = id();
  m_call.variables["AWS_SHARED_CREDENTIALS_FILE"] = m_folder / ".aws/credentials";
  const auto named = find();
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_EQ(found, "ASIAINST");
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().status, WIF_CONFIGURATION);
}

TEST_F(Places, AWebIdentityHasItsSessionsName) {
  m_call.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/token";
  m_call.variables["AWS_ROLE_ARN"] = "arn";
  EXPECT_EQ(id(), "ASIAWEB");
  EXPECT_EQ(m_assumed.session_name, "wif");
  m_call.variables["AWS_ROLE_SESSION_NAME"] = "me";
  EXPECT_EQ(id(), "ASIAWEB");
  EXPECT_EQ(m_assumed.session_name, "me");
}

}  // namespace
}  // namespace wif::aws
