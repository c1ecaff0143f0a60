// SPDX-License-Identifier: Apache-2.0
// What a program printed.
#include "command/command.hpp"

#include <cstdlib>

#include "util/encode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view output(reinterpret_cast<const char*>(data), size);
  wif::command::parse_time(output);
  const auto answer = wif::command::read_answer(output, "prog");
  if (answer) {
    if (!wif::is_header_safe_token(answer->token.view()) || answer->expires_at < 0) std::abort();
    return 0;
  }
  if (!answer.error().message.starts_with("prog ")) std::abort();
  // Nothing that a terminal would act on, and of a token only what Google's failure says itself.
  for (const char c : answer.error().message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  if (answer.error().message.find("eyJhbGciOiJSUzI1NiJ9") != std::string::npos) std::abort();
  return 0;
}
