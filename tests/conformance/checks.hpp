// SPDX-License-Identifier: Apache-2.0
// What wif/provider.h asks of a module, one check a promise.
#pragma once

#include <span>
#include <string>

#include "conformance/scenario.hpp"
#include "wif/provider.h"

namespace wif::conformance {

struct Subject {
  std::string path;  // of the shared object
  std::string name;  // the descriptor's
  const Scenario& scenario;
};

// Each runs in a process of its own, which may crash, hang or print: that is found out by whoever started it.
struct Check {
  const char* promise;
  std::string (*run)(const Subject&);  // what is wrong; empty: nothing
};

std::span<const Check> checks();

}  // namespace wif::conformance
