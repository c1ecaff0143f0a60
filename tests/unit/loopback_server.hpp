// SPDX-License-Identifier: Apache-2.0
// A server of a few lines on a loopback or unix socket, for what no well-behaved one does. A thread accepts one connection
// after the other and hands each to the test's function; all ends with the object.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "util/fd.hpp"

namespace wif {

class LoopbackServer {
 public:
  // Speaks with one client; the connection is closed afterwards.
  using Talk = std::function<void(int connection)>;

  explicit LoopbackServer(Talk talk);  // 127.0.0.1, a port that the kernel picks
  LoopbackServer(const std::string& unix_path, Talk talk);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string port() const;
  std::string url(const std::string& scheme = "http") const { return scheme + "://127.0.0.1:" + port(); }
  int connections() const { return m_connections; }

 private:
  void start(Talk talk);
  Fd m_listener;
  std::atomic<int> m_connection = -1;
  std::atomic<int> m_connections = 0;
  std::atomic<bool> m_stopping = false;
  std::thread m_thread;
};

void send_text(int connection, std::string_view text);
// Exactly so many bytes; fewer if the client is gone.
std::string receive(int connection, std::size_t size);
// One HTTP/1 request with its Content-Length's body; empty if the client is gone, or begins with a TLS handshake.
std::string receive_request(int connection);
// Returns when the client has closed its end.
void await_close(int connection);

// What an HTTP/2 client sent with prior knowledge, and an answer in frames made by hand (RFC 9113, RFC 7541).
struct Http2Request {
  int stream = 0;
  std::string body;
};
Http2Request receive_http2_request(int connection);
using Http2Fields = std::vector<std::pair<std::string, std::string>>;
void send_http2_headers(int connection, int stream, const Http2Fields& fields, bool last);
void send_http2_data(int connection, int stream, std::string_view data);

}  // namespace wif
