// SPDX-License-Identifier: Apache-2.0
// What a service account token says of itself, in words.
#include "kubernetes/kubernetes.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view token(reinterpret_cast<const char*>(data), size);
  const auto problem =
      wif::kubernetes::problem_of(token, "/t/token", "https://api.openai.com/v1", 1'800'000'000);
  if (!problem) return 0;
  // One line each, within what the host takes.
  for (const std::string& line : {problem->message, problem->hint}) {
    if (line.empty() || line.size() > 500) std::abort();
    for (const char c : line)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  }
  return 0;
}
