// SPDX-License-Identifier: Apache-2.0
// What a module needs to work once, as its author wrote it down (README.md has the form of the file).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "unit/fake_host.hpp"
#include "util/error.hpp"

namespace wif::conformance {

struct Scenario {
  std::map<std::string, std::string> settings;
  std::map<std::string, std::string> variables;
  std::vector<FakeCall::Answer> answers;
  std::string token;                 // what a good fetch hands over
  std::vector<std::string> secrets;  // the token among them: no message and no log line may hold one

  // A call in which all of this is so.
  void prepare(FakeCall& call) const;
};

// `folder` is made already, and the files that the scenario wants are written into it.
Result<Scenario> read_scenario(const std::string& path, const std::string& folder);

}  // namespace wif::conformance
