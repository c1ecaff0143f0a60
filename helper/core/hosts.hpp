// SPDX-License-Identifier: Apache-2.0
// Whose token goes where: the hosts that a profile serves (`hosts`, or its exchange's own), against the one that a consumer
// names in its request.
//
// A pattern is a host name, "*." and a domain (any host below it, not itself), or an address, each with ":PORT" or ":*"
// behind it if the port isn't the scheme's own. A host that is asked for by a scheme without TLS is served by nobody,
// unless it is this machine (loopback).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace wif {

struct Target {
  std::string scheme;  // lower case
  std::string host;    // lower case, IPv6 without brackets
  int port = 0;        // the scheme's own where none was named; 0: the scheme has none that we know
  std::string path;    // as it was given, with its '/'; no query

  // "host" or "host:port", as a pattern names it.
  std::string authority() const;
};

// "https://host[:port][/path]", or without a scheme "host[:port][/path]", which means `scheme`. Strict: user information, an
// empty or malformed host or scheme, a control character or a space are errors (usage).
Result<Target> parse_target(std::string_view text, std::string_view scheme = "https");

bool is_loopback(std::string_view host);

// Why a value of `hosts` can't be a pattern, for an error; nothing if it can.
std::optional<std::string> pattern_problem(std::string_view pattern);

// How closely the patterns (joined by '\n') name that host: 0 not at all; the more, the closer. An exact name comes before any
// domain, and a longer domain before a shorter one.
std::size_t closeness(std::string_view patterns, const Target& target);

}  // namespace wif
