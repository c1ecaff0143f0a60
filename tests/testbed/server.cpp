// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include "dispatch.hpp"
#include "thread_pool.hpp"

#include <sys/socket.h>

#include <stdexcept>

namespace testbed {

Server::Server(const CertificateFiles& files)
    : m_https(files.certificate.c_str(), files.key.c_str()),
      m_http_port(open(m_http)),
      m_https_port(open(m_https)),
      m_state(std::make_unique<State>(http())) {}

int Server::open(httplib::Server& server) {
  int socket = -1;
  server.set_socket_options([&socket](int opened) { socket = opened; });
  server.set_tcp_nodelay(true);  // before the socket is made, or it has no effect
  const int port = server.bind_to_any_port("127.0.0.1");
  if (!server.is_valid() || port <= 0) {
    throw std::runtime_error("can't listen on 127.0.0.1");
  }
  // cpp-httplib lets five connections wait; a test opens hundreds at once.
  ::listen(socket, 4096);
  server.set_socket_options(nullptr);
  server.new_task_queue = [] { return new GrowingPool; };
  server.set_keep_alive_max_count(100000);
  const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
    dispatch(*m_state, request, response);
  };
  server.Get(".*", handler).Post(".*", handler).Put(".*", handler).Patch(".*", handler).Delete(".*", handler);
  return port;
}

void Server::start() {
  m_http_thread = std::thread([this] { m_http.listen_after_bind(); });
  m_https_thread = std::thread([this] { m_https.listen_after_bind(); });
  // stop() before a listener runs would be lost.
  while (!m_http.is_running() || !m_https.is_running()) {
    std::this_thread::yield();
  }
}

Server::~Server() {
  m_state->gate.stop();
  m_http.stop();
  m_https.stop();
  for (std::thread* thread : {&m_http_thread, &m_https_thread}) {
    if (thread->joinable()) {
      thread->join();
    }
  }
}

}  // namespace testbed
