// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

#include "core/descriptor.hpp"
#include "core/descriptor_parser.hpp"
#include "core/exchange_settings.hpp"
#include "core/trusted_path.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_path_variable = "WIF_MODULE_PATH";
constexpr std::string_view k_module = ".module";
constexpr std::string_view k_exchange = ".exchange";
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

const ExchangeKind* built_in_exchange(std::string_view name) {
  if (const ExchangeKind* kind = exchange_kind(name)) return kind;
  for (const ExchangeKind& preset : built_in_presets())
    if (preset.name == name) return &preset;
  return nullptr;
}

// Names of what a folder describes, sorted.
std::vector<std::string> names_in(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseFolder> open(opendir(folder.c_str()));
  if (!open) return names;
  while (const dirent* entry = readdir(open.get())) {
    const std::string_view file = entry->d_name;
    if (file.ends_with(suffix) && !file.starts_with('.'))
      names.emplace_back(file.substr(0, file.size() - suffix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string descriptor_path(const std::string& folder, std::string_view name, std::string_view suffix) {
  return folder + "/" + std::string(name) + std::string(suffix);
}

template <class Loaded> Result<Loaded> load(const System& system, const std::string& path) {
  // Trusted first: then nobody else can change what is read after the check.
  TRY(check_trusted_path(path));
  errno = 0;
  const auto text = system.read(path);
  if (!text) return fail(Category::configuration, "cannot read " + path + ": " + errno_text(errno));
  return Loaded::parse(*text, path);
}

template <class Named> bool has_name(const std::vector<Named>& all, std::string_view name) {
  return std::any_of(all.begin(), all.end(), [&](const auto& other) { return other.name == name; });
}

// What is built in with that name, of either kind.
template <class Named> bool is_built_in(std::string_view name) {
  if constexpr (std::is_same_v<Named, Descriptor>) {
    return built_in(name) != nullptr;
  } else {
    return built_in_exchange(name) != nullptr;
  }
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

// The first folder's that has it, and after the developer's folders the built-in one.
template <class Loaded, class Named>
Result<std::optional<Named>> Catalogue::find_named(std::string_view name, std::string_view suffix,
                                                   const Named* known) {
  const std::size_t own_folders = m_folders.size() - k_system_folders;
  if (is_provider_name(name)) {  // anything else might lead out of the folder
    for (std::size_t i = 0; i < m_folders.size(); ++i) {
      if (i >= own_folders && known != nullptr) break;
      const std::string path = descriptor_path(m_folders[i], name, suffix);
      if (!m_system.exists(path)) continue;
      TRY_ASSIGN(Loaded loaded, load<Loaded>(m_system, path));
      m_kept.push_back(loaded.storage());
      return std::optional<Named>(loaded.get());
    }
  }
  if (known != nullptr) return std::optional<Named>(*known);
  return std::optional<Named>();
}

Result<Descriptor> Catalogue::find(std::string_view name) {
  TRY_ASSIGN(const auto found, find_named<LoadedDescriptor>(name, k_module, built_in(name)));
  if (found) return *found;
  std::vector<std::string> names;
  std::vector<Error> problems;
  for (const Descriptor& descriptor : all(problems)) names.emplace_back(descriptor.name);
  return unknown("provider", name, names, "`wif providers` shows all there are");
}

Result<ExchangeKind> Catalogue::find_exchange(std::string_view name) {
  TRY_ASSIGN(const auto found, find_named<LoadedPreset>(name, k_exchange, built_in_exchange(name)));
  if (found) return *found;
  std::vector<std::string> names;
  std::vector<Error> problems;
  std::string known = "known: ";
  for (const ExchangeKind& kind : all_exchanges(problems)) {
    if (!names.empty()) known += ", ";
    known += kind.name;
    names.emplace_back(kind.name);
  }
  return unknown("exchange", name, names, known);
}

// The developer's folders, then what is built in, then the system's folders.
template <class Loaded, class Named>
std::vector<Named> Catalogue::all_named(std::string_view suffix, std::span<const Named> built_ins,
                                        std::vector<Error>& problems) {
  const std::size_t own_folders = m_folders.size() - k_system_folders;
  std::vector<Named> found;
  for (std::size_t i = 0; i < m_folders.size(); ++i) {
    if (i == own_folders) {
      for (const Named& one : built_ins)
        if (!has_name(found, one.name)) found.push_back(one);
    }
    if (m_system.exists(m_folders[i]))
      add_folder<Loaded>(m_folders[i], suffix, i >= own_folders, found, problems);
  }
  return found;
}

std::vector<Descriptor> Catalogue::all(std::vector<Error>& problems) {
  auto found = all_named<LoadedDescriptor>(k_module, built_in_descriptors(), problems);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

std::vector<ExchangeKind> Catalogue::all_exchanges(std::vector<Error>& problems) {
  std::vector<ExchangeKind> built_ins(exchange_kinds().begin(), exchange_kinds().end());
  built_ins.insert(built_ins.end(), built_in_presets().begin(), built_in_presets().end());
  return all_named<LoadedPreset>(k_exchange, std::span<const ExchangeKind>(built_ins), problems);
}

template <class Loaded, class Named>
void Catalogue::add_folder(const std::string& folder, std::string_view suffix, bool system_folder,
                           std::vector<Named>& found, std::vector<Error>& problems) {
  // One line for the folder rather than one for each file in it.
  if (const Status trusted = check_trusted_path(folder); !trusted) {
    problems.push_back(trusted.error());
    return;
  }
  for (const std::string& name : names_in(folder, suffix)) {
    const std::string path = descriptor_path(folder, name, suffix);
    if (system_folder && is_built_in<Named>(name)) {
      problems.push_back({Category::configuration,
                          path + " is left out: '" + name + "' is built in",
                          "rename it, or put its folder into WIF_MODULE_PATH",
                          {}});
    } else if (!has_name(found, name)) {
      if (auto loaded = load<Loaded>(m_system, path)) {
        found.push_back(loaded->get());
        m_kept.push_back(loaded->storage());
      } else {
        problems.push_back(std::move(loaded.error()));
      }
    }
  }
}

tl::unexpected<Error> Catalogue::unknown(const char* what, std::string_view name,
                                         const std::vector<std::string>& names, std::string hint) const {
  const std::string shown = printable(name, 64);
  const auto near = nearest(shown, names);
  hint += "; others are read from ";
  for (const std::string& folder : m_folders) hint += folder + (&folder == &m_folders.back() ? "" : ", ");
  return fail(Category::configuration,
              std::string("unknown ") + what + " '" + shown + "'" +
                  (near ? "; the nearest is '" + *near + "'" : std::string()),
              std::move(hint));
}

}  // namespace wif
