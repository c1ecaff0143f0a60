// SPDX-License-Identifier: Apache-2.0
// A configuration file: the whole check and the sliced reading of a single profile have to agree on what is an error.
#include <cstdint>
#include <cstdlib>

#include "core/config.hpp"
#include "unit/fake_system.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wif::FakeSystem system;
  system.files["/c.toml"] = std::string(reinterpret_cast<const char*>(data), size);
  wif::ConfigChoice choice;
  choice.file = "/c.toml";
  const auto config = wif::Config::load(system, choice);
  if (!config) return 0;
  wif::Catalogue catalogue(system);
  const bool clean = config->check(catalogue).empty();
  const auto names = config->profile_names();
  if (!names) {
    if (clean) std::abort();
    return 0;
  }
  for (const auto& name : *names) {
    const auto profile = config->profile(catalogue, name);
    // A file without a mistake may still have a profile that needs something of this machine.
    if (clean && !profile && profile.error().category == wif::Category::configuration) std::abort();
  }
  return 0;
}
