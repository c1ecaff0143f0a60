// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

#include "core/descriptor.hpp"
#include "core/descriptor_parser.hpp"
#include "core/trusted_path.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_path_variable = "WIF_MODULE_PATH";
constexpr std::string_view k_suffix = ".module";
// A drop-in in one of these can't take a built-in's name; they come last in Catalogue's folders.
constexpr std::size_t k_system_folders = 2;

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

const Descriptor* built_in(std::string_view name) {
  for (const Descriptor& descriptor : built_in_descriptors())
    if (descriptor.name == name) return &descriptor;
  return nullptr;
}

std::string absolute(std::string_view folder) {
  if (folder.starts_with('/')) return std::string(folder);
  char here[PATH_MAX];
  if (getcwd(here, sizeof here) == nullptr) return std::string(folder);
  return std::string(here) + "/" + std::string(folder);
}

// Names of the providers that a folder describes, sorted.
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> open(opendir(folder.c_str()));
  if (!open) return names;
  while (const dirent* entry = readdir(open.get())) {
    const std::string_view file = entry->d_name;
    if (file.ends_with(k_suffix) && !file.starts_with('.'))
      names.emplace_back(file.substr(0, file.size() - k_suffix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string descriptor_path(const std::string& folder, std::string_view name) {
  return folder + "/" + std::string(name) + std::string(k_suffix);
}

Result<LoadedDescriptor> load(const System& system, const std::string& path) {
  // Trusted first: then nobody else can change what is read after the check.
  TRY(check_trusted_path(path));
  errno = 0;
  const auto text = system.read(path);
  if (!text) return fail(Category::configuration, "cannot read " + path + ": " + errno_text(errno));
  return LoadedDescriptor::parse(*text, path);
}

bool has_name(const std::vector<Descriptor>& descriptors, std::string_view name) {
  return std::any_of(descriptors.begin(), descriptors.end(),
                     [&](const auto& other) { return other.name == name; });
}

}  // namespace

Catalogue::Catalogue(const System& system) : m_system(system) {
  if (const auto path = system.trusted_variable(k_path_variable)) {
    for (const std::string_view folder : split(*path, ':'))
      if (!folder.empty()) m_folders.push_back(absolute(folder));
  }
  m_folders.emplace_back("/etc/wif/modules");
  m_folders.emplace_back("/usr/share/wif/modules");
}

Result<Descriptor> Catalogue::find(std::string_view name) {
  const std::size_t own_folders = m_folders.size() - k_system_folders;
  const Descriptor* known = built_in(name);
  if (is_provider_name(name)) {  // anything else might lead out of the folder
    for (std::size_t i = 0; i < m_folders.size(); ++i) {
      if (i >= own_folders && known != nullptr) break;
      const std::string path = descriptor_path(m_folders[i], name);
      if (!m_system.exists(path)) continue;
      TRY_ASSIGN(const LoadedDescriptor loaded, load(m_system, path));
      m_loaded.push_back(loaded);
      return loaded.get();
    }
  }
  if (known != nullptr) return *known;
  return unknown(name);
}

std::vector<Descriptor> Catalogue::all(std::vector<Error>& problems) {
  const std::size_t own_folders = m_folders.size() - k_system_folders;
  const auto built_ins = built_in_descriptors();
  std::vector<Descriptor> found;
  for (std::size_t i = 0; i < m_folders.size(); ++i) {
    if (i == own_folders) {
      for (const Descriptor& descriptor : built_ins)
        if (!has_name(found, descriptor.name)) found.push_back(descriptor);
    }
    if (m_system.exists(m_folders[i])) add_folder(m_folders[i], i >= own_folders, found, problems);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

void Catalogue::add_folder(const std::string& folder, bool system_folder, std::vector<Descriptor>& found,
                           std::vector<Error>& problems) {
  // One line for the folder rather than one for each file in it.
  if (const Status trusted = check_trusted_path(folder); !trusted) {
    problems.push_back(trusted.error());
    return;
  }
  for (const std::string& name : names_in(folder)) {
    const std::string path = descriptor_path(folder, name);
    if (system_folder && built_in(name) != nullptr) {
      problems.push_back({Category::configuration,
                          path + " is left out: '" + name + "' is a built-in provider",
                          "rename it, or put its folder into WIF_MODULE_PATH",
                          {}});
    } else if (!has_name(found, name)) {
      if (auto loaded = load(m_system, path)) {
        found.push_back(loaded->get());
        m_loaded.push_back(std::move(*loaded));
      } else {
        problems.push_back(std::move(loaded.error()));
      }
    }
  }
}

tl::unexpected<Error> Catalogue::unknown(std::string_view name) {
  std::vector<std::string> names;
  std::vector<Error> problems;
  for (const Descriptor& descriptor : all(problems)) names.emplace_back(descriptor.name);
  const std::string shown = printable(name, 64);
  const auto near = nearest(shown, names);
  std::string hint = "`wif providers` shows all there are; others are read from ";
  for (const std::string& folder : m_folders) hint += folder + (&folder == &m_folders.back() ? "" : ", ");
  return fail(
      Category::configuration,
      "unknown provider '" + shown + "'" + (near ? "; the nearest is '" + *near + "'" : std::string()), hint);
}

}  // namespace wif
