// SPDX-License-Identifier: Apache-2.0
// The JWT reader, and what `wif inspect` shows of what it read.
#include "core/jwt.hpp"

#include <cstdlib>

#include "cli/token_report.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto jwt = wif::decode_jwt(text);
  if (!jwt) return 0;
  const std::string shown = wif::report_text({"p", "w", "t", std::string(64, '0'), 1}, *jwt);
  // Nothing that a terminal would act on.
  for (const char c : shown)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) std::abort();
  if (!wif::Json::parse(wif::report_json({"p", "w", "t", std::string(64, '0'), 1}, *jwt))) std::abort();
  return 0;
}
