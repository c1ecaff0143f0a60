// SPDX-License-Identifier: Apache-2.0
// What `wif doctor` can tell from this machine alone: configuration, detection, cache, environment, and the consumers that are
// set up to run wif. Nothing here uses the network.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"
#include "core/diagnosis.hpp"

namespace wif {

// configuration and provider; nothing comes back of a profile that can't be used.
std::optional<Profile> diagnose_configuration(const GlobalOptions& global, std::vector<DoctorStep>& steps);

// cache, last_failure: of the profile's record and the folder it lies in.
void diagnose_cache(const Profile* profile, std::vector<DoctorStep>& steps);

// environment: what hides federation from other programs, or sends them astray.
DoctorStep diagnose_environment(const System& system);

// integrations: consumers' own settings that name wif, and whether what they name can be run, and has the profile or the host that they
// ask for (nullptr: there is no readable configuration).
DoctorStep diagnose_integrations(const System& system, const Config* config);

}  // namespace wif
