// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <memory>

#include <dlfcn.h>

#include "lib/objects.hpp"

namespace wif {
namespace {

struct Free {
  void operator()(char* text) const { free(text); }
};

// The folder that the library lies in, links followed; empty if that can't be told.
std::string own_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&wif_version), &info) == 0 || info.dli_fname == nullptr) return {};
  const std::unique_ptr<char, Free> path(realpath(info.dli_fname, nullptr));
  if (!path) return {};
  const std::string whole = path.get();
  return whole.substr(0, whole.rfind('/'));
}

}  // namespace

Result<std::string> engine_of_library(const System& system) {
  if (auto path = system.trusted_variable("WIF_ENGINE")) return std::move(*path);
  const std::string folder = own_folder();
  std::string beside = folder + "/" WIF_ENGINE_FROM_LIBRARY "/wif-engine";
  if (!folder.empty() && system.exists(beside)) return beside;
  return std::string(WIF_ENGINE_FOLDER "/wif-engine");
}

}  // namespace wif
