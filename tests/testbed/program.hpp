// SPDX-License-Identifier: Apache-2.0
// The program around the server: its state directory, its first line, and what ends it.
#pragma once

#include "options.hpp"

namespace testbed {

// Serves until SIGTERM, SIGINT or what the options add. The exit status.
int run(const Options& options);

}  // namespace testbed
