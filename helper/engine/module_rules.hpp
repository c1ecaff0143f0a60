// SPDX-License-Identifier: Apache-2.0
// What holds for provider modules whether they are loaded or linked in (the contract: wif/provider.h).
#pragma once

#include <string>
#include <vector>

#include "core/system.hpp"
#include "util/error.hpp"
#include "wif/provider.h"

namespace wif {

// $WIF_MODULE_PATH's folders; none under AT_SECURE.
std::vector<std::string> development_folders(const System& system);

// The table that a module at `path` gave, if it is one that this host can use and provider `name`'s.
Result<const wif_provider*> check_table(const wif_provider* table, const std::string& path,
                                        const std::string& name);

}  // namespace wif
