// SPDX-License-Identifier: Apache-2.0
// Which provider fits the place we run in: by environment, files and DMI strings, never by the network.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/descriptor.hpp"
#include "core/system.hpp"

namespace wif {

// One detection of one descriptor, looked at.
struct Finding {
  Descriptor descriptor;
  int rank = 0;
  bool found = false;
  std::string why;  // "OPENAI_IDENTITY_TOKEN_FILE is set", "/var/run/secrets/tokens/token is not there"
  std::vector<std::pair<std::string, std::string>> implied;  // settings, variables replaced; only if found
};

// The first one found in the order of rank (then of name), or nothing.
std::optional<Finding> detect(const System& system, Catalogue& catalogue);
// All of them in that order, for `wif providers`.
std::vector<Finding> survey(const System& system, Catalogue& catalogue, std::vector<Error>& problems);

}  // namespace wif
