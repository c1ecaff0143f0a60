// SPDX-License-Identifier: Apache-2.0
// Which program ran us.
#pragma once

#include <cstdint>

namespace wif {

// Process id of the program that ran this one; a shell in between, as consumers start helpers by `sh -c`, is passed over. 0 if
// that can't be told.
std::int64_t calling_process();

}  // namespace wif
