// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "azure/azure.hpp"
#include "util/encode.hpp"

namespace wif::azure {
namespace {

constexpr const char* k_audience = "api://00000000-1111-2222-3333-444444444444";
constexpr const char* k_client = "5e29463d-71da-4fe0-8e69-999b57db23b0";
constexpr const char* k_resource = "/subscriptions/s/resourcegroups/g/userAssignedIdentities/app";

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

kit::Response response_of(std::int32_t status, std::string_view body) { return {status, nullptr, 0, body}; }

constexpr std::int64_t k_now = 1'800'000'000;

Result<Answer> answer(std::string_view body, Kind kind = Kind::imds) {
  return read_answer(kind, response_of(200, body), k_now);
}

TEST(AzureAnswer, HasATokenAndItsEnd) {
  const auto whole = answer(
      R"({"access_token":" a.b.c\n","expires_in":"3599","expires_on":"1800003600","token_type":"Bearer"})");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->token, "a.b.c");
  EXPECT_EQ(whole->expires_at, 1'800'003'600);
  EXPECT_EQ(answer(R"({"access_token":"t","expires_on":1800003600})")->expires_at, 1'800'003'600);
  EXPECT_EQ(answer(R"({"access_token":"t","expires_in":"60"})")->expires_at, k_now + 60);
  EXPECT_EQ(answer(R"({"access_token":"t","expires_in":60,"expires_on":null})")->expires_at, k_now + 60);
  EXPECT_EQ(answer(R"({"access_token":"t","token_type":"bearer"})")->expires_at, 0);
}

TEST(AzureAnswer, AnUnusableOneIsNoToken) {
  for (const char* body : {"",
                           "<html>sign in</html>",
                           "null",
                           "[]",
                           "\"eyJhbGciOiJub25lIn0\"",
                           R"({"access_token":"eyJhbG)",
                           "{}",
                           R"({"access_token":""})",
                           R"({"access_token":" \n"})",
                           R"({"access_token":7})",
                           R"({"access_token":null})",
                           R"({"access_token":"t","expires_on":"soon"})",
                           R"({"access_token":"t","expires_on":"-1"})",
                           R"({"access_token":"t","expires_on":"10/25/2017 5:26:35 PM +00:00"})",
                           R"({"access_token":"t","expires_on":0})",
                           R"({"access_token":"t","expires_on":1.5})",
                           R"({"access_token":"t","expires_on":true})",
                           R"({"access_token":"t","expires_on":"99999999999999999999"})",
                           R"({"access_token":"t","expires_in":-5})",
                           R"({"access_token":"t","expires_in":""})",
                           R"({"access_token":"t","expires_in":999999999999999})",
                           R"({"access_token":"t","token_type":"N_A"})",
                           R"({"access_token":"t","token_type":["Bearer"]})"}) {
    const auto result = answer(body);
    ASSERT_FALSE(result) << body;
    EXPECT_EQ(result.error().status, WIF_UNREACHABLE) << body;
    EXPECT_TRUE(has(result.error().message, "answered 200")) << body;
    EXPECT_FALSE(has(result.error().message, "eyJ")) << result.error().message;
  }
  EXPECT_TRUE(has(answer("<html>", Kind::app_service).error().hint, "IDENTITY_ENDPOINT"));
  EXPECT_TRUE(has(answer(R"({"error":"x","error_description":"why"})").error().message, "x: why"));
}

TEST(AzureAnswer, SaysWhatCameInPlaceOfJson) {
  const wif_http_header header = {"content-type", "text/html"};
  const auto result = read_answer(Kind::imds, {200, &header, 1, "<html>"}, k_now);
  ASSERT_FALSE(result);
  EXPECT_TRUE(has(result.error().message, "6 bytes of text/html")) << result.error().message;
}

std::optional<Failure> other(Kind kind, const std::string& json, const Identity& wanted) {
  return other_identity(kind, *Json::parse(json), wanted);
}

TEST(AzureIdentity, IsThatWhichWasAskedFor) {
  const Identity client{"client_id", k_client};
  const Identity resource{"msi_res_id", k_resource};
  for (const Kind kind : {Kind::imds, Kind::app_service, Kind::arc}) {
    EXPECT_FALSE(other(kind, "{}", {}));
    EXPECT_FALSE(other(kind, R"({"client_id":"5E29463D-71DA-4FE0-8E69-999B57DB23B0"})", client));
    const auto wrong = other(kind, R"({"client_id":"another"})", client);
    ASSERT_TRUE(wrong);
    EXPECT_EQ(wrong->status, WIF_REFUSED);
    EXPECT_TRUE(has(wrong->message, "another managed identity"));
    EXPECT_FALSE(other(kind, std::string(R"({"mi_res_id":")") + k_resource + "\"}", resource));
    EXPECT_FALSE(other(kind, std::string(R"({"msi_res_id":")") + k_resource + "\"}", resource));
  }
  EXPECT_FALSE(other(Kind::imds, "{}", client));
  EXPECT_FALSE(other(Kind::app_service, R"({"client_id":"x"})", {"object_id", "o"}));
}

TEST(AzureIdentity, ArcHasToConfirmIt) {
  for (const char* json : {"{}", R"({"client_id":""})", R"({"client_id":7})"}) {
    const auto silent = other(Kind::arc, json, {"client_id", k_client});
    ASSERT_TRUE(silent) << json;
    EXPECT_EQ(silent->status, WIF_REFUSED);
    EXPECT_TRUE(has(silent->hint, "update the agent"));
  }
  EXPECT_TRUE(other(Kind::arc, R"({"msi_res_id":"/a","mi_res_id":"/b"})", {"msi_res_id", "/a"}));
}

TEST(AzureAudience, AnotherOneIsWorthAWarning) {
  const auto token = [](const std::string& payload) {
    return base64url_encode(R"({"alg":"RS256"})") + "." + base64url_encode(payload) + ".c2ln";
  };
  EXPECT_FALSE(other_audience(token(std::string(R"({"aud":")") + k_audience + "\"}"), k_audience));
  EXPECT_FALSE(other_audience("opaque", k_audience));
  const auto guid = other_audience(token(R"({"aud":"00000000-1111-2222-3333-444444444444"})"), k_audience);
  ASSERT_TRUE(guid);
  EXPECT_TRUE(has(*guid, "is 00000000-1111-2222-3333-444444444444, not api://0")) << *guid;
  EXPECT_TRUE(has(*guid, "requestedAccessTokenVersion"));
  EXPECT_TRUE(has(other_audience(token("{}"), k_audience).value_or(""), "missing"));
}

Failure refused(std::int32_t status, std::string_view body, Identity identity = {}, Kind kind = Kind::imds,
                std::string_view secret = {}) {
  return refusal(kind, {k_audience, std::move(identity)}, response_of(status, body), secret);
}

TEST(AzureRefusal, SeveralIdentitiesAndNoneChosenNamesTheSettings) {
  const auto failure = refused(
      400,
      R"({"error":"invalid_request","error_description":"Multiple user assigned identities exist, please )"
      R"(specify the clientId / resourceId of the identity in the token request"})");
  EXPECT_EQ(failure.status, WIF_REFUSED);
  EXPECT_TRUE(has(failure.message, "none is chosen")) << failure.message;
  for (const char* name : {"subject.client_id", "AZURE_CLIENT_ID", "subject.object_id", "subject.msi_res_id"})
    EXPECT_TRUE(has(failure.hint, name)) << name;
}

TEST(AzureRefusal, NoIdentityIsToldFromTheWrongOne) {
  constexpr const char* k_imds = R"({"error":"invalid_request","error_description":"Identity not found"})";
  constexpr const char* k_app =
      R"({"statusCode":400,"message":"No User Assigned or Delegated Managed Identity found for specified ClientId"})";
  for (const char* body :
       {k_imds, k_app, R"({"error":{"code":"DefaultIdentityNotDefined","message":"m"}})"}) {
    const auto none = refused(400, body);
    EXPECT_EQ(none.status, WIF_NO_IDENTITY) << body;
    EXPECT_TRUE(has(none.hint, "identity assign")) << body;
    const auto wrong = refused(400, body, {"client_id", k_client});
    EXPECT_EQ(wrong.status, WIF_REFUSED) << body;
    EXPECT_TRUE(has(wrong.message, "subject.client_id")) << body;
    EXPECT_TRUE(has(wrong.hint, "AZURE_CLIENT_ID"));
    EXPECT_FALSE(has(refused(400, body, {"object_id", "o"}).hint, "AZURE_CLIENT_ID"));
  }
  EXPECT_EQ(refused(404, "{}", {"object_id", "o"}, Kind::arc).status, WIF_REFUSED);
  EXPECT_EQ(refused(404, "{}", {}, Kind::arc).status, WIF_UNREACHABLE);
}

TEST(AzureRefusal, AnUnknownResourceIsAWrongApplicationIdUri) {
  for (
      const char* body :
      {R"({"error":"invalid_resource","error_description":"AADSTS500011: The resource principal named x was not"})",
       R"({"statusCode":400,"message":"AADSTS500011: The resource principal named x was not found"})",
       R"({"error":"e","error_description":"AADSTS50001: The application named x was not found"})"}) {
    const auto failure = refused(400, body);
    EXPECT_EQ(failure.status, WIF_REFUSED) << body;
    EXPECT_TRUE(has(failure.message, "Application ID URI api://0000")) << failure.message;
    EXPECT_TRUE(has(failure.hint, "subject.audience")) << body;
    EXPECT_TRUE(has(failure.hint, "OPENAI_WIF_AUDIENCE")) << body;
  }
  EXPECT_EQ(refused(500, R"({"Message":"AADSTS500011: no"})").status, WIF_REFUSED);
  EXPECT_FALSE(
      has(refused(400, R"({"error":"e","error_description":"AADSTS500014: disabled"})").message, "URI"));
}

TEST(AzureRefusal, AMissingAppRoleIsNamed) {
  const auto failure = refused(
      400, R"({"error":"e","error_description":"AADSTS501051: Application 'a' is not assigned to a role"})");
  EXPECT_EQ(failure.status, WIF_REFUSED);
  EXPECT_TRUE(has(failure.hint, "app role"));
}

TEST(AzureRefusal, OtherwiseTheStatusDecides) {
  for (const std::int32_t later : {302, 404, 408, 410, 429, 500, 503})
    EXPECT_EQ(refused(later, "{}").status, WIF_UNREACHABLE) << later;
  for (const std::int32_t no : {400, 401, 403, 405}) EXPECT_EQ(refused(no, "{}").status, WIF_REFUSED) << no;
  EXPECT_TRUE(has(refused(410, "{}").hint, "--timeout"));
  EXPECT_TRUE(has(refused(429, "{}").hint, "WIF_CACHE_DIR"));
  EXPECT_TRUE(has(refused(404, "{}").hint, "wif providers"));
  EXPECT_TRUE(has(refused(302, "").hint, "redirects"));
  EXPECT_TRUE(has(refused(401, "", {}, Kind::app_service).hint, "IDENTITY_HEADER"));
  EXPECT_TRUE(has(refused(401, "", {}, Kind::arc).hint, "azcmagent"));
  // A redirect's body is whatever it likes.
  EXPECT_EQ(refused(302, "AADSTS500011: x").status, WIF_UNREACHABLE);
}

TEST(AzureRefusal, KeepsTheTraceIdOfLongWords) {
  const auto failure = refused(
      400, R"({"error":"invalid_resource","error_description":"AADSTS500011: )" + std::string(500, 'x') +
               R"(\r\nTrace ID: ab366fb9-c13f-4b41-b441-5833b3592401\r\nCorrelation"})");
  EXPECT_TRUE(failure.message.ends_with("x... Trace ID: ab366fb9-c13f-4b41-b441-5833b3592401"))
      << failure.message;
  EXPECT_LT(failure.message.size(), 400U);
}

TEST(AzureRefusal, NoAnswerSaysWhereToLook) {
  for (const auto& [kind, words] : {std::pair(Kind::imds, "wif providers"), std::pair(Kind::arc, "azcmagent"),
                                    std::pair(Kind::app_service, "environment")}) {
    const auto failure = unanswered(kind, {WIF_UNREACHABLE, "no connection", {}});
    EXPECT_EQ(failure.status, WIF_UNREACHABLE);
    EXPECT_EQ(failure.message, "no connection");
    EXPECT_TRUE(has(failure.hint, words)) << failure.hint;
    EXPECT_TRUE(has(unanswered(kind, {WIF_CONFIGURATION, "plain http", {}}).hint, "https"));
  }
}

TEST(AzureRefusal, ShowsTheServersWordsWithoutOurSecret) {
  EXPECT_EQ(refused(403, R"({"error":{"code":"C","message":"m"}})").message,
            "Azure's instance metadata service answered 403: C: m");
  EXPECT_EQ(refused(403, "<h1>no</h1>\n\n!").message,
            "Azure's instance metadata service answered 403: <h1>no</h1> !");
  EXPECT_EQ(refused(403, "").message, "Azure's instance metadata service answered 403");
  const auto failure = refused(401, R"({"message":"s3cret and s3cret"})", {}, Kind::app_service, "s3cret");
  EXPECT_TRUE(has(failure.message, "[redacted] and [redacted]")) << failure.message;
}

}  // namespace
}  // namespace wif::azure
