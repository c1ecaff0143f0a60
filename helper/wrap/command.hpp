// SPDX-License-Identifier: Apache-2.0
// The wrapped command, and what of it decides whose answer a record is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "util/error.hpp"
#include "util/secret.hpp"

namespace wif::wrap {

struct Command {
  std::string path;                    // absolute
  std::vector<std::string> args;       // the command as it was given first
  std::vector<std::string> variables;  // names of those that belong to the key
  bool has_input = false;
  Secret input;          // its standard input
  std::string format;    // a row of shape.hpp, or empty
  std::int64_t ttl = 0;  // seconds that an answer without an expiry is good for; 0: it isn't kept

  std::string name() const;  // the path's last part, for people
};

struct Policy {
  std::string refresh = "background";  // cache.refresh
  std::string min_ttl = "2m";          // cache.min_ttl
};

// Where the program is. A name without a slash is looked for in `search` ($PATH), in whose absolute folders only: a relative
// one is whatever folder the caller stands in. Category usage; cause k_not_found.
Result<std::string> find_program(const std::string& name, std::string_view search);
inline constexpr std::string_view k_not_found = "not_found";

// The form that a program's name promises: git and docker find their helpers by name. Empty for any other.
std::string format_of_name(std::string_view path);

// What Session and the binding take for a profile. The path is shown in it; arguments, standard input and variables' values
// are there as hashes, since any of them may be a secret. Besides the named variables these always belong to the key: HOME,
// where programs keep who is logged in, and those by which callers say whose credential they want.
Profile profile_of(const Command& command, const Policy& policy);

}  // namespace wif::wrap
