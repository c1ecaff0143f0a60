// SPDX-License-Identifier: Apache-2.0
// Finding, checking and loading a provider's shared object (the contract: wif/provider.h).
#pragma once

#include <string>
#include <vector>

#include "core/system.hpp"
#include "util/error.hpp"
#include "wif/provider.h"

namespace wif {

// Where built-in modules are looked for by file name.
struct ModulePlaces {
  std::vector<std::string> development;  // $WIF_MODULE_PATH's folders, first
  std::string installed;                 // PREFIX/lib/wif
  std::string prefix;                    // what the engine and its modules were unpacked into
};

// From /proc/self/exe and the folder that this build installs modules to, relative to the engine's own.
Result<ModulePlaces> module_places(const System& system);

// The module's absolute path: `module` as it is if absolute, else out of `places`. It and what lies above it is
// trusted: owned by root or the effective user, writable by nobody else. Within the engine's own prefix what lies above
// the prefix isn't looked at: whoever could change that could change the engine too.
Result<std::string> find_module(const std::string& module, const ModulePlaces& places);

// Loads it and checks its table; the table stays valid for the process's life. `name` is the provider's.
Result<const wif_provider*> load_module(const std::string& path, const std::string& name);

// What load_module checks of the table that came back.
Result<const wif_provider*> check_table(const wif_provider* table, const std::string& path,
                                        const std::string& name);

}  // namespace wif
