// SPDX-License-Identifier: Apache-2.0
// What a wrapped credential helper printed, in every form by name and by shape.
#include <cstdint>
#include <cstdlib>

#include "util/encode.hpp"
#include "util/text.hpp"
#include "wrap/helper.hpp"
#include "wrap/shape.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view output(reinterpret_cast<const char*>(data), size);
  const std::string formats = "," + wif::wrap::format_names();
  for (const std::string_view name : wif::split(formats, ',')) {
    wif::wrap::Command command;
    command.path = "/helper";
    command.format = wif::trim(name);
    if (!command.format.empty() && !wif::wrap::is_format(command.format)) std::abort();
    static_cast<void>(wif::wrap::is_failure_form(output, command.format));
    const auto heard = wif::wrap::judge(command, wif::Ended{}, output, "", {1'000'000'000, 0});
    if (heard) {
      // Byte for byte, text that a record can hold, and nothing expired is kept.
      const auto& credential = heard->credential;
      if (credential.output->text.view() != output || !wif::is_utf8(output)) std::abort();
      if (heard->kept && (credential.lifetime() <= 0 || credential.output->token_hash.empty())) std::abort();
      continue;
    }
    // Nothing that a terminal would act on, and nothing of a secret.
    const wif::Error& error = heard.error().error;
    for (const char c : error.message)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
    if (error.message.find("S3CRET") != std::string::npos) std::abort();
  }
  return 0;
}
