// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/aws_sts.hpp"

#include <gtest/gtest.h>

#include "fake_system.hpp"

namespace wif {
namespace {

const std::string k_type = "urn:ietf:params:oauth:token-type:jwt";
constexpr std::int64_t k_now = 1'440'900'000;

// As the API reference's example has it.
const std::string k_answer =
    R"(<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>sub</SubjectFromWebIdentityToken>
    <Audience>aud</Audience>
    <Credentials>
      <SessionToken>session+/token==</SessionToken>
      <SecretAccessKey>secret/key</SecretAccessKey>
      <Expiration>2015-08-30T12:36:00Z</Expiration>
      <AccessKeyId>ASIAEXAMPLE</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>)";

HttpResponse response(int status, const std::string& body) {
  HttpResponse out;
  out.status = status;
  out.body = Secret(std::string_view(body));
  return out;
}

Result<Credential> read(const std::string& body) {
  return read_aws_sts_answer(response(200, body), "sts", Now{k_now, 5000});
}

std::string without(std::string text, const std::string& part) {
  text.erase(text.find(part), part.size());
  return text;
}

std::string form(const NamedValues& settings) {
  SubjectToken subject;
  subject.token = Secret(std::string_view("a.b.c"));
  const FakeSystem system;
  const auto fields = aws_sts_fields({settings, subject, k_type, system});
  return fields ? form_body(*fields).reveal() : fields.error().message;
}

TEST(AwsSts, TheEndpointIsTheRegions) {
  EXPECT_EQ(aws_sts_url({{"region", "eu-west-1"}}), "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(aws_sts_url({{"region", "cn-north-1"}}), "https://sts.cn-north-1.amazonaws.com.cn/");
  EXPECT_EQ(aws_sts_url({}), "https://sts.amazonaws.com/");
  EXPECT_EQ(aws_sts_url({{"region", "eu-west-1"}, {"url", "http://127.0.0.1:1/"}}), "http://127.0.0.1:1/");
}

TEST(AwsSts, TheRequestHasWhatIsSet) {
  EXPECT_EQ(form({{"role_arn", "arn:aws:iam::1:role/r"}, {"session_name", "me"}}),
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"
            "&RoleSessionName=me&WebIdentityToken=a.b.c");
  EXPECT_EQ(
      form({{"duration", "2h"}, {"policy", "{}"}, {"policy_arns", "arn:1\narn:2"}}),
      "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=&RoleSessionName=&DurationSeconds=7200"
      "&Policy=%7B%7D&PolicyArns.member.1.arn=arn%3A1&PolicyArns.member.2.arn=arn%3A2&WebIdentityToken=a.b.c");
  EXPECT_EQ(form({{"duration", "5m"}}), "exchange.duration is 5m, which AWS doesn't give");
  EXPECT_EQ(form({{"duration", "13h"}}), "exchange.duration is 13h, which AWS doesn't give");
}

TEST(AwsSts, TheAnswerIsThreeSecretsAndTheirEnd) {
  const auto credential = read(k_answer);
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_TRUE(credential->is_aws());
  EXPECT_EQ(credential->access_key_id.reveal(), "ASIAEXAMPLE");
  EXPECT_EQ(credential->secret_access_key.reveal(), "secret/key");
  EXPECT_EQ(credential->access_token.reveal(), "session+/token==");
  EXPECT_EQ(credential->expires_at, 1440938160);
}

TEST(AwsSts, AnAnswerThatLacksAnythingIsRefused) {
  for (const char* part : {"ASIAEXAMPLE", "secret/key", "session+/token==", "2015-08-30T12:36:00Z"}) {
    const auto credential = read(without(k_answer, part));
    ASSERT_FALSE(credential) << part;
    EXPECT_EQ(credential.error().category, Category::unreachable) << part;
  }
  for (const char* body : {"", "<html>sign in</html>", "{}", "<a><b>"}) EXPECT_FALSE(read(body)) << body;
  EXPECT_FALSE(read_aws_sts_answer(response(200, k_answer), "sts", Now{1440938160, 5000})) << "expired";
}

TEST(AwsSts, ErrorCodesBecomeMends) {
  const auto error_of = [](int status, const std::string& code) {
    SubjectToken subject;
    subject.claims = "iss=https://i sub=s aud=a";
    return aws_sts_error(
        response(status, "<ErrorResponse><Error><Type>Sender</Type><Code>" + code +
                             "</Code><Message>because</Message></Error><RequestId>r-1</RequestId>"
                             "</ErrorResponse>"),
        "sts", subject);
  };
  const auto denied = error_of(403, "AccessDenied");
  EXPECT_EQ(denied.error.category, Category::refused);
  EXPECT_EQ(denied.error.message,
            "AWS STS (sts) refused the exchange: HTTP 403 AccessDenied: because (request id r-1)");
  EXPECT_NE(denied.error.hint.find("the token says iss=https://i sub=s aud=a; the role's trust policy"),
            std::string::npos);
  EXPECT_NE(error_of(400, "ExpiredTokenException").error.hint.find("rotated"), std::string::npos);
  EXPECT_EQ(error_of(400, "IDPCommunicationError").error.category, Category::unreachable);
  EXPECT_EQ(error_of(400, "Throttling").error.category, Category::unreachable);
  const auto down = error_of(503, "ServiceUnavailable").error;
  EXPECT_EQ(down.category, Category::unreachable);
  EXPECT_EQ(down.message, "AWS STS (sts) failed: HTTP 503 ServiceUnavailable: because (request id r-1)");
  EXPECT_EQ(down.hint, "try again later");
  EXPECT_EQ(error_of(400, "Unheard").error.hint,
            "the token says iss=https://i sub=s aud=a; compare that with the role and its trust policy");
  EXPECT_EQ(aws_sts_error(response(502, "<html>"), "sts", {}).error.category, Category::unreachable);
}

}  // namespace
}  // namespace wif
