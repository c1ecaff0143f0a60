// SPDX-License-Identifier: Apache-2.0
// A provider's descriptor, as a drop-in folder may hold it.
#include <cstdint>
#include <string_view>

#include "core/descriptor_parser.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(wif::LoadedDescriptor::parse(text, "/etc/wif/modules/example.module"));
  return 0;
}
