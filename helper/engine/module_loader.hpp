// SPDX-License-Identifier: Apache-2.0
// From a provider's name to its table (the contract: wif/provider.h). Of these functions a program links one of two
// implementations: module_loader.cpp finds, checks and loads shared objects; linked_modules.cpp, of a static engine, has all
// built-in providers linked in and loads nothing.
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

// From /proc/self/exe and the folder that this build installs modules to, relative to the engine's own. Linked in:
// the development folders alone, which need no /proc.
Result<ModulePlaces> module_places(const System& system);

// The module's absolute path: `module` as it is if absolute, else out of `places`. It and what lies above it is
// trusted: owned by root or the effective user, writable by nobody else. Within the engine's own prefix what lies above
// the prefix isn't looked at: whoever could change that could change the engine too. Linked in: `module` itself, if no file
// would have taken its place; whatever is a file is refused (configuration).
Result<std::string> find_module(const std::string& module, const ModulePlaces& places);

// Loads it and checks its table; the table stays valid for the process's life. `name` is the provider's.
Result<const wif_provider*> load_module(const std::string& path, const std::string& name);

}  // namespace wif
