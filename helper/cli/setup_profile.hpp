// SPDX-License-Identifier: Apache-2.0
// The profile that `wif setup` proposes: the source that was found, the exchange's ids, and what doctor is to expect.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/profile_file.hpp"
#include "cli/setup_advice.hpp"
#include "core/config.hpp"

namespace wif {

// The exchange's settings by short name, as the command line says them.
using GivenSettings = std::map<std::string, std::string, std::less<>>;

// Values for settings that the exchange requires and nobody has said: out of the environment, else they stay in `missing`.
struct ExchangeChoice {
  ExchangeKind kind;
  GivenSettings given;
  std::vector<std::string> missing;  // names of settings
};
Result<ExchangeChoice> choose_exchange(const System& system, Catalogue& catalogue, const std::string& kind,
                                       GivenSettings given);

// What is missing is written as a placeholder, "<identity_provider_id>", which doctor knows for one.
NewProfile propose_profile(const std::string& name, const Profile& source, const ExchangeChoice& exchange,
                           const Advice& advice, const std::string& jwks_file);

}  // namespace wif
