// SPDX-License-Identifier: Apache-2.0
// From argc and argv to an exit code.
#pragma once

namespace wif {

int run_app(int argc, char** argv);

}  // namespace wif
