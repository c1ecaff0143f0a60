// SPDX-License-Identifier: Apache-2.0
// A provider's descriptor: all that core has to know of a provider, without running its code. Built-in ones are
// constants that cmake/descriptor_gen makes from providers/*/NAME.module; other packages drop theirs into a folder.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/system.hpp"
#include "util/error.hpp"

namespace wif {

// `strings` is one string or a list of them; a `list` has to be written as one. A `table` takes any keys, with strings
// for values, each of which becomes a setting NAME.KEY; only exchanges have one.
enum class SettingType { string, integer, boolean, duration, list, strings, table };

struct SettingSpec {
  std::string_view name;
  SettingType type = SettingType::string;
  std::string_view default_value;  // empty: none
  std::string_view help;
  bool required = false;
  // Environment variables that say it where neither --set nor the file does, with spaces between; the first one set.
  std::string_view variable = {};
};

// All conditions of a detection have to hold.
struct Condition {
  enum class Kind { variable, file, dmi_vendor, dmi_product, dmi_asset_tag } kind = Kind::variable;
  // A variable's name; a path; the beginning of /sys/class/dmi/id/sys_vendor or product_name; the whole of
  // chassis_asset_tag there.
  std::string_view what;
};

// A setting that a detection implies; "$NAME" stands for that variable's value.
struct ImpliedSetting {
  std::string_view name;
  std::string_view value;
};

struct Detection {
  int rank = 0;  // lower is asked first
  std::span<const Condition> conditions;
  std::span<const ImpliedSetting> implies;
};

// Something that decides whose identity the provider would fetch, and so belongs into the binding.
struct IdentityInput {
  enum class Kind {
    jwt_file,      // iss, sub and aud of the JWT in the file that the setting `name` holds the path of
    jwt_variable,  // the same of the JWT in the environment variable that the setting `name` holds the name of
    variable,      // the hash of the environment variable `name`
    variables,     // the hash of each environment variable that the list setting `name` names
  } kind = Kind::variable;
  std::string_view name;
};

struct Descriptor {
  std::string_view name;
  std::string_view summary;
  std::string_view module;      // file name of the shared object, or for a drop-in its absolute path
  std::string_view token_type;  // subject_token_type, RFC 8693 section 3
  std::span<const SettingSpec> settings;
  std::span<const Detection> detections;
  std::span<const IdentityInput> identities;
  bool built_in = false;
  std::string_view origin;  // path of the descriptor file; for a built-in "built in"

  const SettingSpec* setting(std::string_view setting_name) const;
};

// In the order of their names.
std::span<const Descriptor> built_in_descriptors();

// A descriptor read at run time, which owns its strings.
class LoadedDescriptor {
 public:
  // `path` is for errors ("/etc/wif/modules/x.module:3:1: ...") and for the module's place: a relative `module` is
  // looked for beside the descriptor. Errors are of category configuration.
  static Result<LoadedDescriptor> parse(std::string_view toml, const std::string& path);
  const Descriptor& get() const;
  // What get()'s views point into.
  std::shared_ptr<const void> storage() const { return m_storage; }

 private:
  struct Storage;
  std::shared_ptr<const Storage> m_storage;
};

struct ExchangeKind;

// Built-in and dropped-in descriptors, of providers and of exchanges' presets (NAME.exchange). Folders, first one wins: $WIF_MODULE_PATH (not under AT_SECURE),
// /etc/wif/modules, /usr/share/wif/modules. A built-in's name can't be taken by a drop-in, but for WIF_MODULE_PATH's.
class Catalogue {
 public:
  explicit Catalogue(const System& system);

  // One provider by name: looks at the built-in ones and for NAME.module, and reads no other. An unknown name is an
  // error of category configuration with the nearest known one.
  Result<Descriptor> find(std::string_view name);
  // All there are; what can't be read or trusted is left out and told in `problems`.
  std::vector<Descriptor> all(std::vector<Error>& problems);
  // The same of exchanges: the kinds that are code, the built-in presets, and NAME.exchange in the same folders.
  Result<ExchangeKind> find_exchange(std::string_view name);
  std::vector<ExchangeKind> all_exchanges(std::vector<Error>& problems);
  // What the views in all of those point into, for as long as they are to be used.
  const std::vector<std::shared_ptr<const void>>& kept() const { return m_kept; }

 private:
  // Of providers (LoadedDescriptor, Descriptor) and of exchanges (LoadedPreset, ExchangeKind).
  template <class Loaded, class Named>
  Result<std::optional<Named>> find_named(std::string_view name, std::string_view suffix, const Named* known);
  template <class Loaded, class Named>
  std::vector<Named> all_named(std::string_view suffix, std::span<const Named> built_ins,
                               std::vector<Error>& problems);
  template <class Loaded, class Named>
  void add_folder(const std::string& folder, std::string_view suffix, bool system_folder,
                  std::vector<Named>& found, std::vector<Error>& problems);
  tl::unexpected<Error> unknown(const char* what, std::string_view name,
                                const std::vector<std::string>& names, std::string hint) const;
  const System& m_system;
  std::vector<std::string> m_folders;
  std::vector<std::shared_ptr<const void>> m_kept;
};

}  // namespace wif
