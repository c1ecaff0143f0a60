// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4 as libcurl makes it, against the signatures that AWS published in its test suite ("AWS Signature
// Version 4 test suite", aws-sig-v4-test-suite): those for a POST without a query. A listener on loopback reads what is
// really sent; a Host and an X-Amz-Date of the test's own make it the suite's request.
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/curl_transport.hpp"
#include "fake_system.hpp"
#include "loopback_server.hpp"
#include "testbed/standin_aws_signature.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_key_id = "AKIDEXAMPLE";
constexpr const char* k_secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr const char* k_date = "20150830T123600Z";
constexpr const char* k_session_token =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8Y"
    "UuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8Y"
    "QcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICC"
    "R/oLxBA==";

struct Vector {
  const char* name;
  std::map<std::string, std::string> headers;
  std::string body;
  const char* signed_headers;
  const char* signature;
};

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> k_vectors = {
      {"post-vanilla",
       {},
       "",
       "host;x-amz-date",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-x-www-form-urlencoded",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"post-sts-header-before",
       {{"X-Amz-Security-Token", k_session_token}},
       "",
       "host;x-amz-date;x-amz-security-token",
       "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"}};
  return k_vectors;
}

std::string header_in(const std::string& head, const std::string& name) {
  for (const std::string_view line : split(head, '\n'))
    if (starts_with_ignoring_case(line, name + ":")) return std::string(trim(line.substr(name.size() + 1)));
  return {};
}

HttpRequest request_of(const Vector& vector, const std::string& url) {
  HttpRequest request;
  request.method = "POST";
  request.url = url;
  request.headers.push_back({"Host", Secret("example.amazonaws.com")});
  request.headers.push_back({"X-Amz-Date", Secret(k_date)});
  for (const auto& [name, value] : vector.headers)
    request.headers.push_back({name, Secret(std::string_view(value))});
  request.has_body = true;
  request.body = Secret(std::string_view(vector.body));
  request.aws = AwsSignature{"aws:amz:us-east-1:service", k_key_id, Secret(k_secret)};
  return request;
}

TEST(SignatureV4, EqualsThePublishedOnes) {
  const FakeSystem system;
  const Log log(0, false, 2);
  for (const Vector& vector : vectors()) {
    SCOPED_TRACE(vector.name);
    std::string head;
    {
      const LoopbackServer server([&](int connection) {
        head = receive_request(connection);
        send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      });
      CurlTransport transport(system, log);
      ASSERT_TRUE(transport.attempt(request_of(vector, server.url() + "/"), 10000));
    }
    EXPECT_EQ(header_in(head, "Authorization"),
              std::string("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                          "SignedHeaders=") +
                  vector.signed_headers + ", Signature=" + vector.signature);
    for (const auto& [name, value] : vector.headers) EXPECT_EQ(header_in(head, name), value);
  }
}

// What the testbed's stand-in for AWS verifies with was written from the description, not from libcurl.
TEST(SignatureV4, TheStandInsIsThePublishedOneToo) {
  for (const Vector& vector : vectors()) {
    testbed::SignedRequest request;
    request.method = "POST";
    request.path = "/";
    request.headers = {{"host", "example.amazonaws.com"}, {"x-amz-date", k_date}};
    for (const auto& [name, value] : vector.headers) request.headers[to_lower(name)] = value;
    request.body = vector.body;
    EXPECT_EQ(testbed::aws_signature(request, {"20150830", "us-east-1", "service"}, k_secret),
              vector.signature)
        << vector.name;
  }
  testbed::SignedRequest spaces{"GET", "/", "", {}, ""};  // get-header-value-trim
  spaces.headers = {{"host", "example.amazonaws.com"},
                    {"my-header1", " value1"},
                    {"my-header2", "\"a   b   c\""},
                    {"x-amz-date", k_date}};
  EXPECT_EQ(testbed::aws_signature(spaces, {"20150830", "us-east-1", "service"}, k_secret),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
}

}  // namespace
}  // namespace wif
