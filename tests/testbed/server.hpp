// SPDX-License-Identifier: Apache-2.0
// The http and the https listener on 127.0.0.1, on ports that the kernel picks.
#pragma once

#include "certificates.hpp"
#include "state.hpp"

#include <httplib.h>

#include <memory>
#include <string>
#include <thread>

namespace testbed {

class Server {
 public:
  // Throws std::runtime_error when it can't listen.
  explicit Server(const CertificateFiles& files);
  // Lets held and hanging requests go, and waits for all of them.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start();
  State& state() { return *m_state; }
  std::string http() const { return "http://127.0.0.1:" + std::to_string(m_http_port); }
  std::string https() const { return "https://127.0.0.1:" + std::to_string(m_https_port); }

 private:
  int open(httplib::Server& server);

  httplib::Server m_http;
  httplib::SSLServer m_https;
  int m_http_port;
  int m_https_port;
  std::unique_ptr<State> m_state;
  std::thread m_http_thread;
  std::thread m_https_thread;
};

}  // namespace testbed
