// SPDX-License-Identifier: Apache-2.0
// The engine's HTTP by real sockets: what is sent, what is taken, and where nothing may go.
#include "engine/curl_transport.hpp"

#include <array>
#include <cstdlib>

#include <gtest/gtest.h>
#include <unistd.h>

#include "fake_system.hpp"
#include "loopback_server.hpp"
#include "scratch_folder.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_plenty_ms = 60'000;

// For one test: libcurl asks the environment itself.
class Variables {
 public:
  Variables() {
    for (const char* name : k_names) unsetenv(name);
  }
  ~Variables() {
    for (const char* name : k_names) unsetenv(name);
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;
  static void all_point_to(const LoopbackServer& proxy) {
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
      setenv(name, proxy.url().c_str(), 1);
  }

 private:
  static constexpr std::array k_names = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                         "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
};

LoopbackServer::Talk answering(std::string text) {
  return [text = std::move(text)](int connection) {
    if (!receive_request(connection).empty()) send_text(connection, text);
  };
}

class Transports : public testing::Test {
 protected:
  HttpResult get(const std::string& url, std::int64_t timeout_ms = k_plenty_ms) {
    HttpRequest request;
    request.url = url;
    return m_transport.attempt(request, timeout_ms);
  }
  // What the answer `text` is taken for.
  HttpResult taken(std::string text) {
    const LoopbackServer server(answering(std::move(text)));
    return get(server.url());
  }
  static std::string names(const HttpResponse& response) {
    std::string out;
    for (const auto& header : response.headers) out += header.name + "=" + header.value.reveal() + ";";
    return out;
  }

  Variables m_variables;
  ScratchFolder m_folder;
  FakeSystem m_system;
  Log m_log{0, false, STDERR_FILENO};
  CurlTransport m_transport{m_system, m_log};
};

TEST_F(Transports, SendWhatWasAskedForAndLittleElse) {
  std::string seen;
  const LoopbackServer server([&seen](int connection) {
    seen = receive_request(connection);
    send_text(connection, "HTTP/1.1 201 Fine\r\nX-One: 1\r\nContent-Length: 2\r\n\r\nok");
  });
  HttpRequest request;
  request.method = "POST";
  request.url = server.url() + "/token?x=y";
  request.headers.push_back({"Content-Type", Secret("application/json")});
  request.has_body = true;
  request.body = Secret("{\"a\":1}");
  const auto response = m_transport.attempt(request, k_plenty_ms);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body.view(), "ok");
  EXPECT_EQ(names(*response), "X-One=1;Content-Length=2;");
  EXPECT_EQ(seen,
            "POST /token?x=y HTTP/1.1\r\nHost: 127.0.0.1:" + server.port() +
                "\r\nUser-Agent: wif/" WIF_VERSION
                "\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST_F(Transports, RefuseALineBreakInAHeader) {
  const LoopbackServer server(answering("HTTP/1.1 200 OK\r\n\r\n"));
  HttpRequest request;
  request.url = server.url();
  request.headers.push_back({"X-Token", Secret("a\r\nX-Other: b")});
  const auto response = m_transport.attempt(request, k_plenty_ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().error.category, Category::bug);
  EXPECT_EQ(server.connections(), 0);
}

TEST_F(Transports, TakeTheOldestAnswersToo) {
  const auto response = taken("HTTP/1.0 200 OK\r\ncontent-TYPE:  text/plain \r\n\r\nuntil it closes");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body.view(), "until it closes");
  EXPECT_EQ(response->header("Content-Type"), "text/plain");
}

TEST_F(Transports, TakeTrailersAfterHeadersAndForgetWhatCameBefore) {
  const auto response = taken(
      "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\nok\r\n0\r\nX-Checksum: 9\r\n\r\n");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body.view(), "ok");
  EXPECT_EQ(names(*response), "Transfer-Encoding=chunked;X-Checksum=9;");
}

TEST_F(Transports, TakeAMebibyteAndNoMore) {
  const std::string body(k_body_limit, 'x');
  for (const bool told : {true, false}) {
    const auto head = [told](std::size_t size) {
      return "HTTP/1.1 200 OK\r\nConnection: close\r\n" +
             (told ? "Content-Length: " + std::to_string(size) + "\r\n" : std::string()) + "\r\n";
    };
    const auto whole = taken(head(body.size()) + body);
    ASSERT_TRUE(whole) << whole.error().error.message;
    EXPECT_EQ(whole->body.size(), body.size());
    const auto larger = taken(head(body.size() + 1) + body + "x");
    ASSERT_FALSE(larger) << told;
    EXPECT_NE(larger.error().error.message.find("over 1 MiB"), std::string::npos)
        << larger.error().error.message;
    EXPECT_FALSE(larger.error().retryable());
  }
}

TEST_F(Transports, TakeNoMoreOfHeadersEither) {
  const LoopbackServer server([](int connection) {
    receive_request(connection);
    send_text(connection, "HTTP/1.1 200 OK\r\n");
    const std::string line = "X-Padding: " + std::string(10'000, 'x') + "\r\n";
    for (int i = 0; i < 30; ++i) send_text(connection, line);
    send_text(connection, "Content-Length: 0\r\n\r\n");
    await_close(connection);
  });
  const auto response = get(server.url());
  ASSERT_FALSE(response);
  EXPECT_NE(response.error().error.message.find("headers over"), std::string::npos)
      << response.error().error.message;
  EXPECT_FALSE(response.error().retryable());
}

TEST_F(Transports, FollowNoRedirect) {
  const LoopbackServer other(answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  for (const char* status : {"301", "302", "303", "307", "308"}) {
    const auto response = taken(std::string("HTTP/1.1 ") + status + " Moved\r\nLocation: " + other.url() +
                                "/\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(response);
    EXPECT_EQ(std::to_string(response->status), status);
    EXPECT_EQ(response->header("location"), other.url() + "/");
  }
  EXPECT_EQ(other.connections(), 0);
}

TEST_F(Transports, TellWhatMayHaveArrivedFromWhatHasNot) {
  std::string gone;
  {
    const LoopbackServer server([](int) {});
    gone = server.url();
  }
  const auto refused = get(gone);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().retryable());
  EXPECT_FALSE(refused.error().may_have_arrived());

  const auto cut = taken("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  ASSERT_FALSE(cut);
  EXPECT_TRUE(cut.error().retryable());
  EXPECT_TRUE(cut.error().may_have_arrived());

  const LoopbackServer silent([](int connection) { await_close(connection); });
  const auto late = get(silent.url(), 50);
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().may_have_arrived());
  EXPECT_NE(late.error().error.message.find("did not answer"), std::string::npos);
}

TEST_F(Transports, TellWhyThereIsNoAnswer) {
  const auto reason = [](const HttpResult& result) {
    EXPECT_FALSE(result);
    return result ? NoAnswer::other : result.error().reason;
  };
  // Longer than a label of DNS may be, so that nobody is asked.
  EXPECT_EQ(reason(get("https://" + std::string(64, 'x') + ".internal/")), NoAnswer::address);
  EXPECT_EQ(reason(get("https://127.0.0.1:1/")), NoAnswer::connection);
  EXPECT_EQ(reason(taken("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")), NoAnswer::lost);
  EXPECT_EQ(reason(get("http://elsewhere.example/")), NoAnswer::other);
  const LoopbackServer plain([](int connection) {
    send_text(connection, "HTTP/1.1 400 This is no TLS\r\n\r\n");
    await_close(connection);
  });
  const auto no_tls = get(plain.url("https"));
  EXPECT_EQ(reason(no_tls), NoAnswer::tls) << no_tls.error().error.message;
  EXPECT_FALSE(no_tls.error().retryable());
}

TEST_F(Transports, UseAConnectionAgain) {
  const LoopbackServer server([](int connection) {
    while (!receive_request(connection).empty())
      send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  ASSERT_TRUE(get(server.url() + "/one"));
  ASSERT_TRUE(get(server.url() + "/two"));
  EXPECT_EQ(server.connections(), 1);
}

class UnixTransports : public Transports {
 protected:
  HttpRequest request_to(const std::string& path) const {
    HttpRequest request;
    request.method = "POST";
    request.url = "http://agent/Service/Method";
    request.unix_socket = path;
    request.has_body = true;
    request.body = Secret(std::string_view("\0\0\0\0\1m", 6));
    return request;
  }
  std::string m_path = m_folder / "agent.sock";
};

TEST_F(UnixTransports, ReachThePathWhateverTheUrlsHost) {
  std::string seen;
  const LoopbackServer server(m_path, [&seen](int connection) {
    seen = receive_request(connection);
    send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const auto response = m_transport.attempt(request_to(m_path), k_plenty_ms);
  ASSERT_TRUE(response) << response.error().error.message;
  EXPECT_EQ(response->body.view(), "ok");
  EXPECT_TRUE(seen.starts_with("POST /Service/Method HTTP/1.1\r\nHost: agent\r\n")) << seen;
  EXPECT_TRUE(seen.ends_with(std::string_view("\r\n\r\n\0\0\0\0\1m", 10)));
}

TEST_F(UnixTransports, NameThePathWhereNobodyListens) {
  const auto response = m_transport.attempt(request_to(m_path), k_plenty_ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().error.category, Category::unreachable);
  EXPECT_NE(response.error().error.message.find(m_path), std::string::npos) << response.error().error.message;
  EXPECT_TRUE(response.error().retryable());
  EXPECT_FALSE(response.error().may_have_arrived());
}

// As gRPC answers: a message, and the status in the trailers.
TEST_F(UnixTransports, SpeakHttp2WithTrailers) {
  Http2Request seen;
  const LoopbackServer server(m_path, [&seen](int connection) {
    seen = receive_http2_request(connection);
    send_http2_headers(connection, seen.stream, {{":status", "200"}, {"content-type", "application/grpc"}},
                       false);
    send_http2_data(connection, seen.stream, std::string_view("\0\0\0\0\2ok", 7));
    send_http2_headers(connection, seen.stream,
                       {{"grpc-status", "7"}, {"grpc-message", "no identity issued"}}, true);
    await_close(connection);
  });
  HttpRequest request = request_to(m_path);
  request.http2_prior_knowledge = true;
  request.headers.push_back({"Content-Type", Secret("application/grpc")});
  request.headers.push_back({"TE", Secret("trailers")});
  const auto response = m_transport.attempt(request, k_plenty_ms);
  ASSERT_TRUE(response) << response.error().error.message;
  EXPECT_EQ(seen.body, std::string_view("\0\0\0\0\1m", 6));
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body.view(), std::string_view("\0\0\0\0\2ok", 7));
  EXPECT_EQ(names(*response), "content-type=application/grpc;grpc-status=7;grpc-message=no identity issued;");
}

// As gRPC fails: headers and nothing else.
TEST_F(UnixTransports, SpeakHttp2WithHeadersAlone) {
  const LoopbackServer server([](int connection) {
    const auto request = receive_http2_request(connection);
    send_http2_headers(connection, request.stream, {{":status", "200"}, {"grpc-status", "3"}}, true);
    await_close(connection);
  });
  HttpRequest request = request_to({});
  request.url = server.url() + "/Service/Method";
  request.http2_prior_knowledge = true;
  const auto response = m_transport.attempt(request, k_plenty_ms);
  ASSERT_TRUE(response) << response.error().error.message;
  EXPECT_EQ(response->header("grpc-status"), "3");
  EXPECT_EQ(response->body.view(), "");
}

TEST_F(UnixTransports, TakeAnHttp2ConnectionThatEndsForALostOne) {
  const LoopbackServer server(m_path, [](int connection) {
    const auto request = receive_http2_request(connection);
    send_http2_headers(connection, request.stream, {{":status", "200"}}, false);
    send_http2_data(connection, request.stream, "half");
  });
  HttpRequest request = request_to(m_path);
  request.http2_prior_knowledge = true;
  const auto response = m_transport.attempt(request, k_plenty_ms);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().error.category, Category::unreachable);
  EXPECT_TRUE(response.error().may_have_arrived());
}

class ProxiedTransports : public Transports {
 protected:
  ProxiedTransports() { Variables::all_point_to(m_proxy); }
  // Loopback, as libcurl itself knows (RFC 6761), though not for us: a name that isn't local, and needs no DNS.
  std::string remote_url() const { return "https://exchange.localhost:" + m_server.port() + "/token"; }

  std::string m_first_line;
  LoopbackServer m_proxy{[this](int connection) {
    const std::string request = receive_request(connection);
    m_first_line = request.substr(0, request.find('\r'));
    send_text(connection, "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n");
  }};
  LoopbackServer m_server{answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
};

TEST_F(ProxiedTransports, GoThroughTheProxyToTheExchange) {
  EXPECT_FALSE(get(remote_url()));
  EXPECT_EQ(m_proxy.connections(), 1);
  EXPECT_EQ(m_server.connections(), 0);
  EXPECT_EQ(m_first_line, "CONNECT exchange.localhost:" + m_server.port() + " HTTP/1.1");
}

TEST_F(ProxiedTransports, PassItByWhereNoProxySaysSo) {
  setenv("no_proxy", "exchange.localhost", 1);
  EXPECT_FALSE(get(remote_url()));  // the server speaks no TLS
  EXPECT_EQ(m_proxy.connections(), 0);
  EXPECT_EQ(m_server.connections(), 1);
}

// As for every address that Url calls local: the link-local ones aren't ours to try.
TEST_F(ProxiedTransports, PassItByForLoopback) {
  EXPECT_TRUE(get(m_server.url()));
  EXPECT_TRUE(get("http://localhost:" + m_server.port()));
  EXPECT_FALSE(get(m_server.url("https")));
  EXPECT_EQ(m_proxy.connections(), 0);
  EXPECT_EQ(m_server.connections(), 3);
}

TEST_F(ProxiedTransports, PassItByForAMetadataServer) {
  HttpRequest request;
  request.url = "http://metadata.localhost:" + m_server.port() + "/identity";
  EXPECT_FALSE(m_transport.attempt(request, k_plenty_ms));  // plain http to any host is none of our ways
  EXPECT_EQ(m_server.connections(), 0);
  request.metadata_host = true;
  const auto response = m_transport.attempt(request, k_plenty_ms);
  EXPECT_TRUE(response) << response.error().error.message;
  EXPECT_EQ(m_proxy.connections(), 0);
  EXPECT_EQ(m_server.connections(), 1);
}

TEST_F(ProxiedTransports, PassItByForAUnixSocket) {
  const LoopbackServer server(m_folder / "s", answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  HttpRequest request;
  request.url = "http://agent/";
  request.unix_socket = m_folder / "s";
  EXPECT_TRUE(m_transport.attempt(request, k_plenty_ms));
  EXPECT_EQ(m_proxy.connections(), 0);
  EXPECT_EQ(server.connections(), 1);
}

}  // namespace
}  // namespace wif
