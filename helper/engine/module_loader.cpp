// SPDX-License-Identifier: Apache-2.0
#include "engine/module_loader.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/trusted_path.hpp"
#include "engine/module_rules.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : std::string();
}

bool is_below(const std::string& path, const std::string& folder) {
  return folder == "/" || path.compare(0, folder.size() + 1, folder + "/") == 0;
}

Status check_one(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0)
    return fail(Category::configuration, "cannot look at " + path + ": " + errno_text(errno));
  if (info.st_uid != 0 && info.st_uid != geteuid())
    return fail(Category::configuration,
                path + " belongs to user " + std::to_string(info.st_uid) +
                    ", neither root nor you: code in it isn't run",
                "chown root " + path + ", or install it yourself");
  if ((info.st_mode & S_IWOTH) != 0 ||
      ((info.st_mode & S_IWGRP) != 0 && info.st_gid != 0 && info.st_gid != getegid()))
    return fail(Category::configuration, path + " can be written by others: code in it isn't run",
                "chmod go-w " + path);
  return {};
}

Status check_module(const std::string& path, const ModulePlaces& places) {
  const std::string real = real_path(path);
  if (places.prefix.empty() || !is_below(real, places.prefix))
    return check_trusted_path(real.empty() ? path : real);
  for (std::string at = real; at != places.prefix && at != "/"; at = parent_of(at)) TRY(check_one(at));
  return check_one(places.prefix);
}

std::string common_folder(std::string one, const std::string& other) {
  while (one != "/" && one != other && !is_below(other, one)) one = parent_of(one);
  return one;
}

}  // namespace

Result<ModulePlaces> module_places(const System& system) {
  std::array<char, PATH_MAX> buffer{};
  const ssize_t length = readlink("/proc/self/exe", buffer.data(), buffer.size() - 1);
  if (length <= 0)
    return fail(Category::bug, "cannot read /proc/self/exe: " + errno_text(errno), "mount /proc");
  const std::string folder = parent_of(std::string(buffer.data(), static_cast<std::size_t>(length)));
  ModulePlaces places;
  const std::string installed = folder + "/" + WIF_MODULE_FOLDER;
  const std::string real = real_path(installed);
  places.installed = real.empty() ? installed : real;
  if (!real.empty()) places.prefix = common_folder(folder, real);
  places.development = development_folders(system);
  return places;
}

Result<std::string> find_module(const std::string& module, const ModulePlaces& places) {
  std::string path = module;
  if (module.empty() || module.find('\0') != std::string::npos)
    return fail(Category::bug, "the provider's descriptor names no module");
  if (module.front() != '/') {
    if (module.find('/') != std::string::npos)
      return fail(Category::configuration,
                  "the module '" + printable(module, 200) + "' is neither a file name nor an absolute path");
    path = places.installed + "/" + module;
    for (const auto& folder : places.development)
      if (access((folder + "/" + module).c_str(), F_OK) == 0) {
        path = folder + "/" + module;
        break;
      }
  }
  if (access(path.c_str(), F_OK) != 0)
    return fail(Category::configuration, "the module " + path + " is not there: " + errno_text(errno),
                module.front() == '/' ? "install it, or correct `module` in its descriptor"
                                      : "install wif whole: its modules belong into " + places.installed);
  TRY(check_module(path, places));
  return path;
}

Result<const wif_provider*> load_module(const std::string& path, const std::string& name) {
  // Never unloaded: what it handed out stays valid, and the process is short.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = dlerror();
    return fail(
        Category::configuration, "cannot load the module: " + printable(why == nullptr ? path : why, 300),
        "it has to be a shared object of this machine's kind, with all libraries that it needs installed");
  }
  void* symbol = dlsym(handle, "wif_provider_init");
  if (symbol == nullptr)
    return fail(Category::bug,
                "module " + path +
                    " does not export wif_provider_init: it is no wif module, or was linked without it",
                "declare it with WIF_EXPORT, inside extern \"C\"");
  const auto init = reinterpret_cast<wif_provider_init_fn>(symbol);
  return check_table(init(WIF_PROVIDER_ABI), path, name);
}

}  // namespace wif
