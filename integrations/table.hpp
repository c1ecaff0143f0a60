// SPDX-License-Identifier: Apache-2.0
// The integrations that this build has: table.cpp.in, filled in from integrations.cmake.
#pragma once

#include <span>

#include "core/integration.hpp"

namespace wif {

std::span<const Integration* const> integrations();

}  // namespace wif
