// SPDX-License-Identifier: Apache-2.0
// wif-engine's work: one request in, one answer out (core/engine_protocol.hpp).
#pragma once

namespace wif {

// Returns the exit code: 0 once an answer was given, whichever it is; 2 if what stands on descriptor 0 is no request.
int run_engine();

}  // namespace wif
