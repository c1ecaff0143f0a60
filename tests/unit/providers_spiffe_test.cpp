// SPDX-License-Identifier: Apache-2.0
// The Workload API's pure parts. What a real gRPC server makes of them is in tests/clients/providers_spiffe_test.py.
#include "spiffe/spiffe.hpp"

#include <gtest/gtest.h>

#include "util/encode.hpp"

namespace wif::spiffe {
namespace {

using namespace std::string_literals;

std::string field(int number, const std::string& text) {
  return static_cast<char>(number << 3 | 2) + std::string(1, static_cast<char>(text.size())) + text;
}

std::string frame(const std::string& message, char flag = 0) {
  return flag + "\0\0\0"s + static_cast<char>(message.size()) + message;
}

std::string svid(const std::string& id, const std::string& token, const std::string& hint = {}) {
  return field(1, field(1, id) + field(2, token) + (hint.empty() ? "" : field(3, hint)));
}

std::string why_not(std::string_view body) {
  const auto svids = read_svids(body);
  if (svids) return "it was read";
  EXPECT_EQ(svids.error().status, WIF_UNREACHABLE);
  return svids.error().message;
}

struct Answer {
  int status = 200;
  std::vector<wif_http_header> headers;
  std::string body;
  GrpcStatus read() const { return read_status({status, headers.data(), headers.size(), body}); }
};

std::string jwt(const std::string& header, const std::string& payload) {
  return base64url_encode(header) + "." + base64url_encode(payload) + ".c2ln";
}

const Query k_query{{"https://api.openai.com/v1"}, {}, {}};

// --- addresses

TEST(SpiffeEndpoint, IsASocketsPathOrAnAddressWithPort) {
  for (const char* uri : {"unix:///run/a.sock", "unix:/run/a.sock", "Unix:///run/%61.sock"}) {
    const auto endpoint = read_endpoint(uri, "S");
    ASSERT_TRUE(endpoint) << uri;
    EXPECT_EQ(endpoint->unix_socket, "/run/a.sock");
    EXPECT_EQ(endpoint->uri, uri);
  }
  EXPECT_EQ(read_endpoint("tcp://127.0.0.1:8081", "S")->url, "http://127.0.0.1:8081");
  EXPECT_EQ(read_endpoint("tcp://[::1]:1", "S")->url, "http://[::1]:1");
  EXPECT_EQ(read_endpoint("tcp://[::1]:1", "S")->unix_socket, "");
  EXPECT_TRUE(read_endpoint("unix:///" + std::string(106, 'x'), "S"));
}

TEST(SpiffeEndpoint, IsNothingElse) {
  const std::string long_path = "unix:///" + std::string(107, 'x');
  for (const std::string& uri : {""s,
                                 "unix"s,
                                 "unix:"s,
                                 "unix:/"s,
                                 "unix://"s,
                                 "unix:///"s,
                                 "unix:relative"s,
                                 "unix://host/path"s,
                                 "unix:///a?b"s,
                                 "unix:///a#b"s,
                                 "unix:///a%00b"s,
                                 long_path,
                                 "tcp:"s,
                                 "tcp:127.0.0.1:1"s,
                                 "tcp://127.0.0.1"s,
                                 "tcp://127.0.0.1:"s,
                                 "tcp://127.0.0.1:0"s,
                                 "tcp://127.0.0.1:65536"s,
                                 "tcp://127.0.0.1:+1"s,
                                 "tcp://127.0.0.1:1/"s,
                                 "tcp://127.0.0.1:1?a"s,
                                 "tcp://127.0.0.1:1#a"s,
                                 "tcp://u@127.0.0.1:1"s,
                                 "tcp://localhost:1"s,
                                 "tcp://::1:1"s,
                                 "tcp://[127.0.0.1]:1"s,
                                 "tcp://[]:1"s,
                                 "tcp://:1"s,
                                 "http://127.0.0.1:1"s,
                                 "/run/a.sock"s,
                                 "127.0.0.1:1"s}) {
    const auto endpoint = read_endpoint(uri, "SPIFFE_ENDPOINT_SOCKET");
    ASSERT_FALSE(endpoint) << uri;
    EXPECT_EQ(endpoint.error().status, WIF_CONFIGURATION) << uri;
    EXPECT_EQ(endpoint.error().message.find("SPIFFE_ENDPOINT_SOCKET is not an agent's address: "), 0u);
    EXPECT_FALSE(endpoint.error().hint.empty());
  }
}

TEST(SpiffePercent, IsDecodedWhereItIsWhole) {
  EXPECT_EQ(percent_decode("100%25 %C3%a4"), "100% \xc3\xa4");
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%4g%-1%+1% 1"), "%4g%-1%+1% 1");
  EXPECT_EQ(percent_decode(""), "");
}

// --- the messages

TEST(SpiffeRequest, IsOneFrame) {
  EXPECT_EQ(write_request({{"a", "bc"}, {}, {}}), "\0\0\0\0\7"s + "\x0a\1a\x0a\2bc");
  EXPECT_EQ(write_request({{"a"}, "spiffe://x", "hint"}), "\0\0\0\0\x0f"s + "\x0a\1a\x12\x0aspiffe://x");
  const std::string large = write_request({{std::string(70000, 'x')}, {}, {}});
  EXPECT_EQ(large.substr(0, 5), "\0\0\1\x11\x74"s);
  EXPECT_EQ(large.size(), 5u + 0x11174);
}

TEST(SpiffeAnswer, HasSvidsInTheirOrder) {
  const std::string body = frame(svid("spiffe://a", "t1") + svid("spiffe://b", "t2", "internal"));
  const auto svids = read_svids(body);
  ASSERT_TRUE(svids);
  ASSERT_EQ(svids->size(), 2u);
  EXPECT_EQ((*svids)[0].spiffe_id, "spiffe://a");
  EXPECT_EQ((*svids)[0].token, "t1");
  EXPECT_EQ((*svids)[0].hint, "");
  EXPECT_EQ((*svids)[1].hint, "internal");
}

TEST(SpiffeAnswer, SkipsUnknownFieldsAndWrongTypes) {
  // Field 9 as a varint, 2 as a varint in place of text, 10 as eight bytes, 11 as four.
  const std::string extra = "\x48\x01\x10\x01\x51"s + "12345678" + "\x5d" + "1234";
  const std::string body = frame(extra + field(1, extra + field(1, "id") + field(2, "t") + extra) + extra);
  const auto svids = read_svids(body);
  ASSERT_TRUE(svids) << svids.error().message;
  ASSERT_EQ(svids->size(), 1u);
  EXPECT_EQ((*svids)[0].token, "t");
}

TEST(SpiffeAnswer, IsRefusedIfItIsNotOneWholeFrame) {
  const std::string good = frame(svid("id", "t"));
  EXPECT_EQ(why_not(good), "it was read");
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(why_not(good.substr(0, size)), "it was read") << size;
  EXPECT_NE(why_not(good + good).find("more than one message"), std::string::npos);
  EXPECT_NE(why_not(frame(svid("id", "t"), 1)).find("compressed"), std::string::npos);
  EXPECT_NE(why_not(frame(svid("id", "t"), 2)).find("compressed"), std::string::npos);
  EXPECT_NE(why_not("\0\xff\xff\xff\xff"s + "x").find("cut off"), std::string::npos);
  EXPECT_NE(why_not(frame("")).find("no SVID"), std::string::npos);
  EXPECT_NE(why_not(frame(field(1, ""))).find("without a token"), std::string::npos);
  EXPECT_NE(why_not(frame(svid("", "t"))).find("without its SPIFFE ID"), std::string::npos);
  EXPECT_NE(why_not("<html>").find("compressed"), std::string::npos);
}

TEST(SpiffeAnswer, SurvivesEveryCutOfTheMessageInside) {
  const std::string message = svid("spiffe://a", "t1", "h") + svid("spiffe://b", "t2");
  const std::size_t between = svid("spiffe://a", "t1", "h").size();
  for (std::size_t size = 0; size < message.size(); ++size)
    EXPECT_EQ(why_not(frame(message.substr(0, size))) == "it was read", size == between) << size;
  for (int byte = 0; byte < 256; ++byte) why_not(frame(std::string(3, static_cast<char>(byte))));
}

// --- statuses

TEST(SpiffeStatus, IsTheHeadersOrTheTrailers) {
  const Answer good{200, {{"content-type", "application/grpc"}, {"Grpc-Status", "0"}}, ""};
  EXPECT_EQ(good.read().code, k_ok);
  const Answer refused{200, {{"grpc-status", "7"}, {"grpc-message", "no%20identity %E2%82%AC\x01"}}, ""};
  EXPECT_EQ(refused.read().code, k_permission_denied);
  EXPECT_EQ(refused.read().message, "no identity \xe2\x82\xac");
  // grpc-go's refusal of a wrong content type has both.
  EXPECT_EQ((Answer{415, {{"grpc-status", "3"}}, ""}.read().code), k_invalid_argument);
  for (const char* odd : {"", "x", "7x", "99999999999"})
    EXPECT_EQ((Answer{200, {{"grpc-status", odd}}, ""}.read().code), k_unknown) << odd;
}

TEST(SpiffeStatus, IsToldFromHttpWhereThereIsNone) {
  const auto code = [](int status, const char* type = "text/html") {
    return Answer{status, {{"content-type", type}}, "<html>"}.read().code;
  };
  EXPECT_EQ(code(200, "application/grpc+proto"), k_unknown);
  EXPECT_EQ(code(200), k_unimplemented);
  EXPECT_EQ(code(302), k_unimplemented);
  EXPECT_EQ(code(403), k_unimplemented);
  EXPECT_EQ(code(404), k_unimplemented);
  EXPECT_EQ(code(500), k_unknown);
  for (const int status : {429, 502, 503, 504}) EXPECT_EQ(code(status), k_unavailable);
  EXPECT_EQ((Answer{404, {}, "<html>no\nthing"}.read().message), "HTTP 404 <html>no thing");
}

TEST(SpiffeStatus, HasACategoryEach) {
  const Caller caller{"uid 7, pid 8, /x/wif-engine", "unix:///a"};
  const auto category = [&](int code) { return explain({code, "words"}, k_query, caller).status; };
  for (const int code : {1, 2, 4, 8, 13, 14}) EXPECT_EQ(category(code), WIF_UNREACHABLE) << code;
  for (const int code : {5, 6, 9, 10, 11, 15, 16, 17, -1}) EXPECT_EQ(category(code), WIF_REFUSED) << code;
  EXPECT_EQ(category(3), WIF_CONFIGURATION);
  EXPECT_EQ(category(7), WIF_NO_IDENTITY);
  EXPECT_EQ(category(12), WIF_CONFIGURATION);
  EXPECT_EQ(explain({3, "security header missing from request"}, k_query, caller).status, WIF_REFUSED);
  EXPECT_EQ(
      explain({7, "no identity issued"}, k_query, caller).message,
      "the SPIFFE agent at unix:///a says: no identity issued (gRPC status 7): no registration entry matches "
      "this process (uid 7, pid 8, /x/wif-engine)");
  EXPECT_NE(explain({7, ""}, {{}, "spiffe://b", {}}, caller).message.find("has the ID spiffe://b"),
            std::string::npos);
}

// --- the choice

TEST(SpiffeChoice, FollowsIdAndHint) {
  const std::vector<Svid> svids = {
      {"spiffe://a", "1", "x"}, {"spiffe://b", "2", "y"}, {"spiffe://b", "3", "y"}};
  EXPECT_EQ(choose(svids, k_query)->token, "1");
  EXPECT_EQ(choose(svids, {{}, "spiffe://b", {}})->token, "2");
  EXPECT_EQ(choose(svids, {{}, {}, "y"})->token, "2");
  EXPECT_EQ(choose(svids, {{}, "spiffe://a", "x"})->token, "1");
  for (const Query& query : {Query{{}, "spiffe://c", {}}, Query{{}, {}, "z"}, Query{{}, "spiffe://a", "y"}}) {
    const auto chosen = choose(svids, query);
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().status, WIF_NO_IDENTITY);
    EXPECT_NE(chosen.error().message.find("spiffe://a (hint x), spiffe://b (hint y)"), std::string::npos);
  }
}

TEST(SpiffeChoice, IsToldIfItWasArbitrary) {
  const std::vector<Svid> svids(7, Svid{"spiffe://a", "1", ""});
  const std::string told = arbitrary_choice(svids, k_query);
  EXPECT_NE(told.find("7 SPIFFE identities"), std::string::npos);
  EXPECT_NE(told.find("spiffe://a, ...; choose one by subject.spiffe_id or subject.hint"), std::string::npos);
  EXPECT_EQ(arbitrary_choice({svids[0]}, k_query), "");
  EXPECT_EQ(arbitrary_choice(svids, {{}, "spiffe://a", {}}), "");
  EXPECT_EQ(arbitrary_choice(svids, {{}, {}, "h"}), "");
}

// --- the token

TEST(SpiffeToken, NeedsWhatOpenaiNeeds) {
  const auto why = [](const std::string& header, const std::string& payload) {
    const std::string token = jwt(header, payload);
    const auto checked = check({"spiffe://a", token, {}}, {{"A", "B"}, {}, {}});
    if (checked) return "good"s;
    EXPECT_EQ(checked.error().status, WIF_NO_IDENTITY);
    EXPECT_EQ(checked.error().message.find(token), std::string::npos);
    return checked.error().message;
  };
  const std::string good_header = R"({"kid":"k"})";
  EXPECT_EQ(why(good_header, R"({"iat":1,"aud":["x","B"]})"), "good");
  EXPECT_EQ(why(good_header, R"({"iat":1.5,"aud":"A"})"), "good");
  EXPECT_EQ(why(good_header, R"({"iat":1,"aud":["x","y"]})"),
            "the JWT-SVID of spiffe://a is for the audience x, y, not for A, B; it was not sent");
  for (const char* header : {"{}", R"({"kid":""})", R"({"kid":7})"})
    EXPECT_NE(why(header, R"({"iat":1,"aud":"A"})").find("has no kid in its header"), std::string::npos);
  for (const char* payload : {R"({"aud":"A"})", R"({"aud":"A","iat":"1"})", R"({"aud":"A","iat":null})"})
    EXPECT_NE(why(good_header, payload).find("has no iat claim"), std::string::npos);
  EXPECT_NE(why("[]", "{}").find("is not a JSON Web Token"), std::string::npos);
}

}  // namespace
}  // namespace wif::spiffe
