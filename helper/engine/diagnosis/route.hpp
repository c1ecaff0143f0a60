// SPDX-License-Identifier: Apache-2.0
// The way to a server: name, proxy, connection, TLS, each with its time. The token endpoint's is tried by one request without a
// token; of the issuer the request for its discovery document says it.
#pragma once

#include <string>

#include "engine/diagnosis/issuer.hpp"
#include "engine/http.hpp"
#include "engine/url.hpp"

namespace wif {

// The steps of a way, in order.
struct WayStep {
  const char* id;
  const char* checked;
};
struct Way {
  WayStep dns;
  WayStep proxy;
  WayStep tcp;
  WayStep tls;
};

// What a request to `url` met on the way, each step once. False: it ended there.
bool tell_way(const Way& way, const Url& url, const std::string& proxy, const HttpResult& met,
              const StepSink& step);
void skip_way(const Way& way, const std::string& why, const StepSink& step);

struct RouteQuestion {
  std::string url;  // the token endpoint's
  std::string ca_file;
  std::string ca_dir;
  std::int64_t try_timeout_ms = 0;
  std::string proxy;  // as proxy_of
};

// dns, proxy, tcp, tls: each once.
void check_route(const RouteQuestion& question, Http& http, const StepSink& step, const DateSink& date);

// "HTTPS_PROXY=http://proxy:3128" as libcurl would take it for that host, user and password left out; empty: no proxy.
std::string proxy_of(const class System& system, const std::string& scheme, const std::string& host);

}  // namespace wif
