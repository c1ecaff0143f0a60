// SPDX-License-Identifier: Apache-2.0
#include "engine/linked_modules.hpp"

#include <unistd.h>

#include "engine/module_loader.hpp"
#include "engine/module_rules.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

// Not by dlopen even where that works: it needs the very libc that this program was linked with.
tl::unexpected<Error> no_module(const std::string& path) {
  return fail(Category::configuration,
              "this wif-engine is static and loads no modules, and " + printable(path, 200) +
                  " is wanted for the profile's provider",
              "install wif's ordinary build, or choose a built-in provider: see `wif providers`");
}

}  // namespace

Result<ModulePlaces> module_places(const System& system) {
  ModulePlaces places;
  places.development = development_folders(system);
  return places;
}

Result<std::string> find_module(const std::string& module, const ModulePlaces& places) {
  if (module.find('/') != std::string::npos) return no_module(module);
  for (const auto& folder : places.development) {
    const std::string path = folder + "/" + module;
    if (access(path.c_str(), F_OK) == 0) return no_module(path);
  }
  return module;
}

Result<const wif_provider*> load_module(const std::string& path, const std::string& name) {
  for (const LinkedModule& module : linked_modules())
    if (name == module.name) return check_table(module.init(WIF_PROVIDER_ABI), path, name);
  return fail(Category::bug, "provider '" + printable(name, 64) + "' is not linked into this wif-engine",
              "wif and wif-engine have to be of one build: install both anew");
}

}  // namespace wif
