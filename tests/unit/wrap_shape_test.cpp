// SPDX-License-Identifier: Apache-2.0
#include "wrap/shape.hpp"

#include <gtest/gtest.h>

#include "util/encode.hpp"

namespace wif::wrap {
namespace {

std::string jwt(const std::string& claims) {
  return base64url_encode(R"({"alg":"RS256"})") + "." + base64url_encode(claims) + ".c2ln";
}

std::string aws(const std::string& more) {
  return R"({"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"k")" + more + "}";
}

std::string exec_credential(const std::string& status, const std::string& version = "v1") {
  return R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/)" + version +
         R"(","status":{)" + status + "}}";
}

std::string google(const std::string& more) { return R"({"version":1,"success":true,)" + more + "}"; }

const std::string k_google_type = R"("token_type":"urn:ietf:params:oauth:token-type:id_token")";

// "SHAPE TOKEN EXPIRY", or the error's words.
std::string read(const std::string& output, const std::string& format = "") {
  const auto answer = read_answer(output, format);
  if (!answer) {
    EXPECT_EQ(answer.error().category, Category::unreachable);
    EXPECT_TRUE(answer.error().message.starts_with("printed ")) << answer.error().message;
    EXPECT_TRUE(answer.error().hint.empty());
    return answer.error().message;
  }
  std::string text(answer->shape);
  if (answer->kind == Answer::Kind::refusal) return text + " refusal";
  if (answer->kind == Answer::Kind::nothing) return text + " nothing";
  return text + " " + answer->token.reveal() + " " +
         (answer->expires_at ? std::to_string(*answer->expires_at) : "never");
}

bool is_refused(const std::string& output, const std::string& format = "") {
  return read(output, format).starts_with("printed ");
}

TEST(WrapShape, Aws) {
  EXPECT_EQ(read(aws("")), "aws k never");
  EXPECT_EQ(read(aws(R"(,"SessionToken":null,"Expiration":null)")), "aws k never");
  EXPECT_EQ(read(aws(R"(,"SessionToken":"s","Expiration":"2026-01-02T03:04:05Z")") + "\n"),
            "aws s 1767323045");
  EXPECT_EQ(read(aws(R"(,"Expiration":"2026-01-02T04:04:05+01:00")")), "aws k 1767323045");
  for (const char* wrong :
       {R"({"Version":2,"AccessKeyId":"a","SecretAccessKey":"b"})",
        R"({"AccessKeyId":"a","SecretAccessKey":"b"})", R"({"Version":1,"AccessKeyId":"a"})",
        R"({"Version":1,"SecretAccessKey":"b"})", R"({"Version":1,"AccessKeyId":"","SecretAccessKey":"b"})",
        R"({"Version":1,"AccessKeyId":"a","SecretAccessKey":7})"})
    EXPECT_TRUE(is_refused(wrong)) << wrong;
  // A time without a zone is anybody's guess (botocore#1980).
  for (const char* wrong :
       {R"("2026-01-02T03:04:05")", R"("")", R"("soon")", "1767323045", R"("0001-01-01T00:00:00Z")"})
    EXPECT_NE(read(aws(std::string(R"(,"Expiration":)") + wrong)).find("Expiration is not a time"),
              std::string::npos)
        << wrong;
  EXPECT_TRUE(is_refused(aws(R"(,"SessionToken":"")")));
}

TEST(WrapShape, Kubernetes) {
  for (const char* version : {"v1", "v1beta1"})
    EXPECT_EQ(read(exec_credential(R"("token":"t","expirationTimestamp":"2026-01-02T03:04:05Z")", version)),
              "kubernetes t 1767323045");
  EXPECT_EQ(read(exec_credential(R"("token":"t")")), "kubernetes t never");
  EXPECT_EQ(read(exec_credential(R"("clientCertificateData":"c","clientKeyData":"k")")),
            "kubernetes c never");
  EXPECT_TRUE(is_refused(exec_credential(R"("clientCertificateData":"c")")));
  EXPECT_TRUE(is_refused(exec_credential(R"("token":"t")", "v1alpha1")));
  EXPECT_TRUE(is_refused(exec_credential("")));
  EXPECT_TRUE(is_refused(exec_credential(R"("token":"")")));
  EXPECT_TRUE(is_refused(exec_credential(R"("token":"a b")")));
  EXPECT_TRUE(is_refused(exec_credential(R"("token":"t","expirationTimestamp":"2026-01-02T03:04:05")")));
  EXPECT_TRUE(is_refused(R"({"kind":"ExecCredential","status":{"token":"t"}})"));
}

TEST(WrapShape, Google) {
  EXPECT_EQ(read(google(k_google_type + R"(,"id_token":"i","expiration_time":1767323045)")),
            "google i 1767323045");
  EXPECT_EQ(read(google(R"("token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"i")")),
            "google i never");
  EXPECT_EQ(read(google(R"("token_type":"urn:ietf:params:oauth:token-type:saml2","saml_response":"<s/>")")),
            "google <s/> never");
  EXPECT_EQ(read(R"({"version":1,"success":false,"code":"401","message":"no"})"), "google refusal");
  EXPECT_TRUE(is_refused(R"({"version":2,"success":false})"));
  EXPECT_TRUE(is_refused(R"({"version":1,"success":"true"})"));
  EXPECT_TRUE(is_refused(google(R"("token_type":"urn:x","id_token":"i")")));
  EXPECT_TRUE(is_refused(google(k_google_type)));
  EXPECT_TRUE(
      is_refused(google(k_google_type + R"(,"id_token":"i","expiration_time":"2026-01-02T03:04:05Z")")));
  EXPECT_TRUE(is_refused(google(k_google_type + R"(,"id_token":"i","expiration_time":1e300)")));
}

TEST(WrapShape, Docker) {
  EXPECT_EQ(read(R"({"ServerURL":"https://x","Username":"u","Secret":"p w"})"), "docker p w never");
  EXPECT_EQ(read(R"({"Username":"","Secret":"p"})"), "docker p never");
  EXPECT_TRUE(is_refused(R"({"ServerURL":"https://x","Username":"u","Secret":""})"));
  EXPECT_TRUE(is_refused(R"({"Username":7,"Secret":"p"})"));
}

TEST(WrapShape, TokenAndExpiresAt) {
  EXPECT_EQ(read(R"({"token":"t","expires_at":"2026-01-02T03:04:05Z"})"), "json t 1767323045");
  EXPECT_EQ(read(R"({"token":"t","expires_at":1767323045})"), "json t 1767323045");
  EXPECT_EQ(read(R"({"token":"t"})"), "json t never");
  EXPECT_EQ(read(R"( {"token":"t","expires_at":null}
)"),
            "json t never");
  EXPECT_TRUE(is_refused(R"({"token":"t","expires_at":"1767323045"})"));
  EXPECT_TRUE(is_refused(R"({"token":"t","expires_at":-1})"));
  EXPECT_TRUE(is_refused(R"({"token":null})"));
  EXPECT_TRUE(is_refused(R"({"token":"a\nb"})"));
}

TEST(WrapShape, Git) {
  EXPECT_EQ(read("username=u\npassword=p=q\npassword_expiry_utc=1767323045\n"), "git p=q 1767323045");
  EXPECT_EQ(read("protocol=https\nhost=h\nusername=u\npassword=p\n\n"), "git p never");
  EXPECT_EQ(read("capability[]=authtype\nauthtype=Bearer\ncredential=c\nephemeral=1\n"), "git c never");
  EXPECT_EQ(read("quit=1\n"), "git nothing");
  EXPECT_EQ(read("", "git"), "git nothing");
  EXPECT_EQ(read("\n", "git"), "git nothing");
  EXPECT_NE(read("username=u\npassword=p").find("half"), std::string::npos);
  EXPECT_TRUE(is_refused("username=u\n"));
  EXPECT_TRUE(is_refused("username=u\npassword=\n"));
  EXPECT_TRUE(is_refused("username=u\nnonsense\npassword=p\n"));
  EXPECT_TRUE(is_refused("username=u\npassword=p\npassword_expiry_utc=soon\n"));
  EXPECT_TRUE(is_refused("username=u\npassword=p\npassword_expiry_utc=1767323045x\n"));
  EXPECT_TRUE(is_refused("hello\n", "git"));
}

TEST(WrapShape, BareJwt) {
  const std::string token = jwt(R"({"exp":1767323045})");
  EXPECT_EQ(read(token), "jwt " + token + " 1767323045");
  EXPECT_EQ(read(token + "\r\n"), "jwt " + token + " 1767323045");
  EXPECT_EQ(read(jwt("{}")), "jwt " + jwt("{}") + " never");
  for (std::size_t size = 4; size < token.size() - 4; ++size)  // up to where only the signature is short
    EXPECT_TRUE(is_refused(token.substr(0, size))) << size;
  EXPECT_TRUE(is_refused("opaque", "jwt"));
}

TEST(WrapShape, BareToken) {
  EXPECT_EQ(read("hvs.CAES\n"), "bare hvs.CAES never");
  EXPECT_EQ(read("dGVzdA==\n"), "bare dGVzdA== never");
  EXPECT_EQ(read("eyJ.e.f.g.h"), "bare eyJ.e.f.g.h never");  // encrypted
  for (const char* wrong : {"null", "None\n", "true", "two words", "<html>", "\"quoted\"", "[]"})
    EXPECT_TRUE(is_refused(wrong)) << wrong;
}

TEST(WrapShape, ATokenThatIsAJwtHasItsOwnExpiryWhereTheAnswerNamesNone) {
  const std::string token = jwt(R"({"exp":1767323045})");
  EXPECT_TRUE(read(R"({"token":")" + token + R"("})").ends_with(" 1767323045"));
  EXPECT_TRUE(read(exec_credential(R"("token":")" + token + R"(")")).ends_with(" 1767323045"));
  EXPECT_TRUE(read(google(k_google_type + R"(,"id_token":")" + token + R"(")")).ends_with(" 1767323045"));
  EXPECT_TRUE(read(R"({"token":")" + token + R"(","expires_at":1767323000})").ends_with(" 1767323000"));
}

TEST(WrapShape, NothingAndHalfAndForeignAreRefused) {
  EXPECT_EQ(read(""), "printed nothing");
  EXPECT_EQ(read(" \n\t"), "printed nothing");
  const std::string whole = aws(R"(,"SessionToken":"s","Expiration":"2026-01-02T03:04:05Z")");
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_TRUE(is_refused(whole.substr(0, size))) << size;
  EXPECT_TRUE(is_refused(whole + whole));
  EXPECT_TRUE(is_refused(R"({"access_token":"a"})"));
  EXPECT_TRUE(is_refused("{}"));
  EXPECT_TRUE(is_refused(std::string("a\0b", 3)));
  EXPECT_TRUE(is_refused("\xff"));
}

TEST(WrapShape, ANamedFormIsTheOnlyOne) {
  EXPECT_TRUE(is_refused(aws(""), "kubernetes"));
  EXPECT_TRUE(is_refused("token", "json"));
  EXPECT_TRUE(is_refused(R"({"token":"t"})", "bare"));
  EXPECT_TRUE(is_refused(exec_credential(R"("token":"t")"), "google"));
  EXPECT_EQ(read(R"({"token":"t","success":true})", "json"), "json t never");
  for (const char* name : {"aws", "kubernetes", "google", "docker", "json", "git", "jwt", "bare"}) {
    EXPECT_TRUE(is_format(name));
    EXPECT_NE(format_names().find(name), std::string::npos);
    EXPECT_TRUE(is_refused("{}", name));
  }
  EXPECT_FALSE(is_format(""));
  EXPECT_FALSE(is_format("aw"));
}

TEST(WrapShape, ErrorsHoldNothingOfTheAnswer) {
  for (const std::string output :
       {R"({"token":"S3CRET-1)", R"({"token":"S3CRET-1 x"})", "S3CRET-1 x", "password=S3CRET-1",
        "eyJ.S3CRET-1", R"({"S3CRET-1":1})", R"({"Version":"S3CRET-1","AccessKeyId":"a"})",
        "username=S3CRET-1\nS3CRET-1\n"})
    EXPECT_EQ(read(output).find("S3CRET"), std::string::npos) << output;
}

TEST(WrapShape, FailuresOwnForms) {
  EXPECT_TRUE(is_failure_form("credentials not found in native keychain\n", ""));
  EXPECT_TRUE(is_failure_form(R"({"version":1,"success":false,"code":"1","message":"m"})", ""));
  EXPECT_TRUE(is_failure_form(R"({"version":1,"success":false})", "google"));
  EXPECT_TRUE(is_failure_form("no credentials server URL", "docker"));
  EXPECT_FALSE(is_failure_form("no credentials server URL", ""));
  EXPECT_FALSE(is_failure_form("", "docker"));
  EXPECT_FALSE(is_failure_form(R"({"Username":"u","Secret":"s"})", "docker"));
  EXPECT_FALSE(is_failure_form(R"({"version":1,"success":false})", "aws"));
  EXPECT_FALSE(is_failure_form(google(k_google_type + R"(,"id_token":"i")"), ""));
  EXPECT_FALSE(is_failure_form(aws(""), ""));
  EXPECT_FALSE(is_failure_form(R"({"version":1,"success":fal)", ""));
}

}  // namespace
}  // namespace wif::wrap
