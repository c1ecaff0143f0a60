// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/diagnosis.hpp"
#include "core/jwt.hpp"
#include "engine/diagnosis/comparison.hpp"
#include "engine/diagnosis/issuer.hpp"
#include "engine/diagnosis/jwks.hpp"
#include "engine/diagnosis/route.hpp"
#include "fake_system.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

std::string decoded(std::string_view text) {
  std::string out;
  EXPECT_TRUE(base64url_decode(text, out));
  return out;
}

Json json(const char* text) {
  auto parsed = Json::parse(text);
  EXPECT_TRUE(parsed);
  return std::move(*parsed);
}

TEST(Difference, IsSaidAsAPersonWould) {
  EXPECT_EQ(difference("https://a/", "https://a"), "the token's ends with a slash, the expected one doesn't");
  EXPECT_EQ(difference("https://a", "https://a/"), "the expected one ends with a slash, the token's doesn't");
  EXPECT_EQ(difference("http://a", "https://a"), "the token says http, https is expected");
  EXPECT_EQ(difference("", "x"), "there is none");
  EXPECT_EQ(difference("abcdX", "abcdY"), "they part at character 5: 'X' for 'Y'");
  EXPECT_EQ(difference("abcd", "abcde"), "they part at character 5: its end for 'e'");
  EXPECT_EQ(difference("abcDE", "abcdE"), "only upper and lower case differ");
  EXPECT_EQ(difference("abcdE", "abcde"),
            "only upper and lower case differ; they part at character 5: 'E' for 'e'");
  EXPECT_EQ(difference("https://a", "https://b"), "");  // nothing in common
  EXPECT_EQ(apart("https://a", "https://b"), "");
  EXPECT_EQ(apart("", "b"), "; there is none");
}

TEST(Difference, KnowsTheIssuersAndSubjectsOfTheGuides) {
  EXPECT_EQ(difference("system:serviceaccount:dev:app", "system:serviceaccount:prod:app"),
            "another namespace: 'dev' for 'prod'");
  EXPECT_EQ(difference("system:serviceaccount:prod:a", "system:serviceaccount:prod:b"),
            "another service account of the namespace: 'a' for 'b'");
  EXPECT_EQ(difference("spiffe://a/x", "spiffe://b/x"), "another trust domain: 'a' for 'b'");
  EXPECT_EQ(
      difference("https://login.microsoftonline.com/1/v2.0", "https://login.microsoftonline.com/2/v2.0"),
      "another tenant: '1' for '2'");
  EXPECT_EQ(difference("arn:aws:iam::1:role/a", "arn:aws:sts::1:assumed-role/a/me"),
            "the token names the role itself, and a session of a role is expected");
  EXPECT_EQ(difference("1042", "a@p.iam.gserviceaccount.com"),
            "the token names the account by its number, and an e-mail address is expected");
  EXPECT_EQ(difference("https://sts.windows.net/1/", "https://login.microsoftonline.com/1/v2.0"),
            "the token is of Entra's v1.0 endpoint, and v2.0's is expected");
}

TEST(MappingRow, HasOneWildcardAtItsEnd) {
  EXPECT_TRUE(row_matches("repo:acme/*", "repo:acme/x"));
  EXPECT_FALSE(row_matches("repo:acme/*", "repo:other/x"));
  EXPECT_TRUE(row_matches("exact", "exact"));
  EXPECT_FALSE(row_problem("a*"));
  EXPECT_TRUE(row_problem("*"));
  EXPECT_TRUE(row_problem("a*b"));
  EXPECT_TRUE(row_problem(""));
}

TEST(AttributePath, IsFollowedWhereItIsPlain) {
  const std::string header = base64url_encode(R"({"alg":"RS256"})");
  const std::string payload = base64url_encode(R"({"sub":"s","kubernetes.io":{"pod":{"name":"p"}}})");
  const auto jwt = decode_jwt(header + "." + payload + ".AA");
  ASSERT_TRUE(jwt);
  EXPECT_EQ(evaluate_path("assertion.sub", *jwt)->string(), "s");
  EXPECT_EQ(evaluate_path(" assertion['kubernetes.io'].pod[\"name\"] ", *jwt)->string(), "p");
  EXPECT_FALSE(*evaluate_path("assertion.absent.deeper", *jwt));  // evaluated, and not there
  for (const char* more :
       {"assertion", "assertion.sub + 'x'", "assertion.sub.size()", "'x'", "assertion.", "assertion['a"})
    EXPECT_FALSE(evaluate_path(more, *jwt)) << more;
}

TEST(AttributePath, IsMadeOfWhatWasWrittenWithDots) {
  const Json json =
      std::move(*Json::parse(R"({"a":{"b":1},"kubernetes.io":{"pod":{"name":"p"},"list":[1]},"top":"t"})"));
  EXPECT_EQ(path_to(json.root(), "kubernetes.io.pod.name"), "[\"kubernetes.io\"].pod.name");
  EXPECT_EQ(path_to(json.root(), "a.b"), ".a.b");
  EXPECT_EQ(path_to(json.root(), "top"), ".top");
  for (const char* none : {"kubernetes.io", "kubernetes.io.list", "a.c", "a.", "absent", ""})
    EXPECT_FALSE(path_to(json.root(), none)) << none;
}

// RFC 7515, appendix A.3.
TEST(Signature, OfAnEllipticCurveVerifies) {
  const Json key = json(R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})");
  const std::string text =
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  const std::string signature =
      decoded("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q");
  EXPECT_TRUE(*verifies(key.root(), "ES256", text, signature));
  EXPECT_FALSE(*verifies(key.root(), "ES256", text + "x", signature));
  EXPECT_FALSE(*verifies(key.root(), "ES256", text, signature.substr(1)));
  EXPECT_FALSE(verifies(key.root(), "RS256", text, signature));
  EXPECT_FALSE(verifies(key.root(), "none", text, signature));
}

// RFC 8037, appendix A.4.
TEST(Signature, OfEd25519Verifies) {
  const Json key = json(R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
  EXPECT_TRUE(*verifies(
      key.root(), "EdDSA", "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
      decoded("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")));
}

// RFC 7638, section 3.1.
TEST(Jwk, HasItsThumbprint) {
  const Json key = json(
      R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"})");
  EXPECT_EQ(name_of(key.root()).key_id, "2011-04-29");
  std::string hex;
  for (const unsigned char c : decoded("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")) {
    constexpr std::string_view k_digits = "0123456789abcdef";
    hex += k_digits[c >> 4U];
    hex += k_digits[c & 15U];
  }
  EXPECT_EQ(name_of(key.root()).thumbprint, hex);
}

TEST(Jwks, SaysWhatIsWrongWithIt) {
  EXPECT_FALSE(keys_of(json("{}")));
  EXPECT_FALSE(keys_of(json(R"({"keys":[]})")));
  EXPECT_FALSE(keys_of(json(R"({"keys":["x"]})")));
}

TEST(Discovery, IsBelowTheIssuer) {
  EXPECT_EQ(discovery_url("https://a/b"), "https://a/b/.well-known/openid-configuration");
  EXPECT_EQ(discovery_url("https://a/"), "https://a/.well-known/openid-configuration");
}

TEST(ProxyOf, IsTheEnvironmentsWithoutItsPassword) {
  FakeSystem system;
  system.variables["https_proxy"] = "http://user:secret@proxy:3128";
  system.variables["no_proxy"] = ".corp.example, other";
  EXPECT_EQ(proxy_of(system, "https", "auth.openai.com"), "https_proxy=http://…@proxy:3128");
  EXPECT_EQ(proxy_of(system, "https", "a.corp.example"), "");
  EXPECT_EQ(proxy_of(system, "https", "notcorp.example"), "https_proxy=http://…@proxy:3128");
  EXPECT_EQ(proxy_of(system, "https", "127.0.0.1"), "");
  EXPECT_EQ(proxy_of(system, "http", "auth.openai.com"), "");
}

DoctorStep failure(const char* id, bool certain, const char* found = "") {
  DoctorStep step = failed_step(id, id, {Category::refused, found, "", ""});
  step.certain = certain;
  return step;
}

TEST(ProbableCause, IsTheFirstThatFailed) {
  EXPECT_FALSE(probable_cause({ok_step("iss", "", "")}));
  EXPECT_EQ(probable_cause({failure("kid", true), failure("exchange", false)})->id, "kid");
}

TEST(ProbableCause, IsTheServersWordOverASupposition) {
  EXPECT_EQ(probable_cause({failure("iss", false), failure("exchange", true, "provider disabled")})->id,
            "exchange");
  const auto agreed = probable_cause(
      {failure("iss", false), failure("aud", false), failure("exchange", true, "wrong_audience")});
  EXPECT_EQ(agreed->id, "aud");
  EXPECT_TRUE(agreed->certain);
}

DoctorStep failing(const char* id, bool certain, const char* words = "x") {
  DoctorStep step = failed_step(id, id, {Category::refused, words, {}, {}});
  step.certain = certain;
  return step;
}

TEST(ProbableCause, TakesTheServersWordsForWords) {
  const auto named = [](const char* words) {
    return probable_cause({failing("iss", false), failing("exchange", true, words)})->id;
  };
  EXPECT_EQ(named("HTTP 401: the issuer is not trusted"), "iss");
  EXPECT_EQ(named("HTTP 401: bad iss."), "iss");
  EXPECT_EQ(named("HTTP 403: permission missing"), "exchange");
}

TEST(ProbableCause, IsWhatIsCertainOfTheWayOverASupposition) {
  EXPECT_EQ(probable_cause({failing("iss", false), failing("dns", true)})->id, "dns");
  EXPECT_EQ(probable_cause({failing("discovery", false), failing("tls", true)})->id, "tls");
  EXPECT_EQ(probable_cause({failing("clock", false), failing("exp", true)})->id, "clock");
  EXPECT_EQ(probable_cause({failing("iss", false), failing("exchange", false), failing("cache", true)})->id,
            "iss");
}

TEST(ProbableCause, IsWhyTheTokenWasNotSent) {
  DoctorStep unsent = skipped_step("exchange", "exchange", "the token wasn't sent");
  unsent.cause = "a legacy token";
  unsent.certain = true;
  EXPECT_EQ(probable_cause({unsent})->cause, "a legacy token");
  EXPECT_EQ(probable_cause({failing("iss", false), unsent})->cause, "a legacy token");
  EXPECT_EQ(probable_cause({failing("aud", true), unsent})->cause, "a legacy token");
  EXPECT_EQ(probable_cause({failing("exp", true), unsent})->id, "exp");
  EXPECT_EQ(probable_cause({failing("clock", false), failing("exp", true), unsent})->id, "clock");
}

TEST(Guesses, AreBlamedByARefusalAndRefutedByASuccess) {
  DoctorStep guess = ok_step("aud", "aud", "x");
  guess.status = StepStatus::warning;
  guess.guessed = true;
  guess.cause = "not the guides'";
  std::vector<DoctorStep> steps = {guess};
  EXPECT_FALSE(probable_cause(steps));
  blame_guesses(steps);
  EXPECT_EQ(probable_cause(steps)->id, "aud");
  steps = {guess};
  relax_after_success(steps);
  EXPECT_EQ(steps[0].status, StepStatus::ok);
  EXPECT_FALSE(worth_a_look(steps));
}

TEST(WorthALook, IsTheFirstWarningButAFormerFailure) {
  DoctorStep former = ok_step("last_failure", "last failure", "x");
  former.status = StepStatus::warning;
  DoctorStep key = ok_step("environment", "environment", "x");
  key.status = StepStatus::warning;
  EXPECT_EQ(worth_a_look({ok_step("aud", "aud", "x"), former, key})->id, "environment");
  EXPECT_FALSE(worth_a_look({former}));
}

TEST(OtherForm, IsToldByItsLooksAlone) {
  EXPECT_NE(other_form("{\"token\": 1}").find("JSON"), std::string::npos);
  EXPECT_NE(other_form("<html>").find("page"), std::string::npos);
  EXPECT_NE(other_form("-----BEGIN PRIVATE KEY-----").find("PEM"), std::string::npos);
  EXPECT_NE(other_form("sk-proj-secret").find("API key"), std::string::npos);
  EXPECT_EQ(other_form("sk-proj-secret").find("secret"), std::string::npos);
  EXPECT_NE(other_form("Bearer a.b.c").find("Bearer"), std::string::npos);
  EXPECT_NE(other_form("$CI_JOB_JWT").find("variable"), std::string::npos);
  EXPECT_NE(other_form("'a.b.c'").find("quotes"), std::string::npos);
  EXPECT_NE(other_form("a.b\n.c").find("line break"), std::string::npos);
  EXPECT_EQ(other_form("a.b.c"), "");
}

TEST(RelaxAfterSuccess, LeavesWhatIsNotTheTokens) {
  std::vector<DoctorStep> steps = {failure("iss", false), failure("scopes", true)};
  relax_after_success(steps);
  EXPECT_EQ(steps[0].status, StepStatus::warning);
  EXPECT_EQ(steps[1].status, StepStatus::failed);
}

TEST(Step, ComesBackAsItWas) {
  DoctorStep step = failed_step("tls", "TLS", {Category::unreachable, "found", "mend", ""});
  step.ms = 12;
  JsonWriter writer;
  write_step(writer, step);
  const Json read = json(writer.take().c_str());
  const DoctorStep back = read_step(read.root());
  EXPECT_EQ(back.id, "tls");
  EXPECT_EQ(back.status, StepStatus::failed);
  EXPECT_EQ(back.category, Category::unreachable);
  EXPECT_EQ(back.mend, "mend");
  EXPECT_EQ(back.ms, 12);
  EXPECT_TRUE(back.certain);
}

}  // namespace
}  // namespace wif
