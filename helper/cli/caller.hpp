// SPDX-License-Identifier: Apache-2.0
// Which program ran us.
#pragma once

#include <cstdint>

namespace wif {

// A number for the process and the program in it that ran this one; a shell in between, as consumers start helpers by `sh -c`, is
// passed over. Never 0.
std::int64_t calling_process();

}  // namespace wif
