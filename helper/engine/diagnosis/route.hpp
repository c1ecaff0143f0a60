// SPDX-License-Identifier: Apache-2.0
// The way to the token endpoint, one request without a token: name, proxy, connection, TLS, each with its time.
#pragma once

#include <string>

#include "engine/diagnosis/issuer.hpp"
#include "engine/http.hpp"

namespace wif {

struct RouteQuestion {
  std::string url;  // the token endpoint's
  std::string ca_file;
  std::string ca_dir;
  std::int64_t try_timeout_ms = 0;
  std::string proxy;  // what the environment says of this URL, without credentials; empty: none
};

// dns, proxy, tcp, tls: each once.
void check_route(const RouteQuestion& question, Http& http, const StepSink& step, const DateSink& date);

// "HTTPS_PROXY=http://proxy:3128" as libcurl would take it for that host, user and password left out; empty: no proxy.
std::string proxy_of(const class System& system, const std::string& scheme, const std::string& host);

}  // namespace wif
