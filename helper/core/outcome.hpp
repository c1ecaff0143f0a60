// SPDX-License-Identifier: Apache-2.0
// What is left behind on disk when an exchange is over: a record, or the failure.
#pragma once

#include <string>

#include "core/engine_protocol.hpp"
#include "core/system.hpp"

namespace wif {

// Returns why it could not be stored, empty if it was (or if the request doesn't ask for it).
std::string store_credential(const System& system, const EngineRequest& request, Credential& credential);

// A failure that can't be written is one that isn't remembered: nothing to tell.
void store_failure(const System& system, const EngineRequest& request, const EngineError& failure);

}  // namespace wif
