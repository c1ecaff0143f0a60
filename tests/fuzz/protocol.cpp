// SPDX-License-Identifier: Apache-2.0
// What wif and wif-engine read of one another, and a record's credential: never more than an error.
#include <cstdint>
#include <cstdlib>

#include "core/engine_protocol.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(wif::read_request(text));
  std::string stage;
  const auto answer = wif::read_answer(text, stage);
  if (answer && !answer->subject && answer->outcome &&
      ((answer->outcome->access_token.empty() && !answer->outcome->output) ||
       answer->outcome->lifetime() <= 0))
    std::abort();
  return 0;
}
