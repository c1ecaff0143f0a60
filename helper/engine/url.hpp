// SPDX-License-Identifier: Apache-2.0
// Which URLs the engine goes to: https anywhere; plain http only where nobody can listen in on the way.
#pragma once

#include <string>
#include <string_view>

#include "util/error.hpp"

namespace wif {

struct Url {
  std::string scheme;     // "https" or "http"
  std::string host;       // without brackets
  std::string authority;  // host and, where one is written, port: for messages
  bool local = false;     // loopback or link-local: never through a proxy

  bool is_https() const { return scheme == "https"; }
};

// What a request brings with it that makes plain http acceptable to any host.
struct UrlAllowance {
  bool metadata_host = false;  // the module vouches for the host (WIF_HTTP_LINK_LOCAL)
  bool unix_socket = false;    // the bytes don't leave the machine
};

// Errors are of category configuration and show no more of the URL than its host: a path or a query may hold a secret.
Result<Url> check_url(const std::string& text, UrlAllowance allowance);

// Loopback: localhost, 127.0.0.0/8, ::1. Link-local: 169.254.0.0/16, fe80::/10 and the two unique local addresses that
// EC2 (fd00:ec2::254) and EKS (fd00:ec2::23) answer on.
bool is_local_host(std::string_view host);

// Host and port of a redirect's target, relative to where it came from; "an unreadable address" if it has none.
std::string redirect_target(const std::string& base, const std::string& location);

}  // namespace wif
