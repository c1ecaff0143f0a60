// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  const auto options = testbed::parse_options(argc, argv);
  if (!options) {
    std::fputs(testbed::usage(), stderr);
    return 2;
  }
  try {
    return testbed::run(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "wif-testbed: %s\n", error.what());
    return 1;
  }
}
