// SPDX-License-Identifier: Apache-2.0
// The command line.
#pragma once

#include <optional>
#include <string>

namespace testbed {

struct Options {
  std::string state_directory;
  std::string write_token;
  std::string certificate_flaw;
  bool until_eof = false;
  bool die_with_parent = false;
  bool verbose = false;
};

// Nothing when an option is unknown or lacks its value.
std::optional<Options> parse_options(int argc, char** argv);
const char* usage();

}  // namespace testbed
