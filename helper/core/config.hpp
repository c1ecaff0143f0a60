// SPDX-License-Identifier: Apache-2.0
// Configuration: the files' layers, --set, the zero-file path, and what a profile effectively says.
//
// Values are kept as text under dotted keys ("subject.audience"): lists joined by '\n', booleans "true"/"false",
// durations as written. Every value knows where it came from.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/descriptor.hpp"
#include "core/exchange_settings.hpp"
#include "core/hosts.hpp"
#include "core/system.hpp"
#include "util/error.hpp"
#include "util/secret.hpp"

namespace wif {

class ConfigLayer;

struct Setting {
  std::string value;
  std::string
      origin;  // "/etc/wif/config.toml:12:3", "--set", "OPENAI_SERVICE_ACCOUNT_ID", "default", "detected: …"
};

using Settings = std::map<std::string, Setting, std::less<>>;

// What the command line says about configuration.
struct ConfigChoice {
  std::optional<std::string> file;     // --config
  std::optional<std::string> profile;  // -p
  std::vector<std::string> set;        // --set KEY=VALUE
  // KEY=VALUE that a consumer's request says: below the files, above the environment; what the profile doesn't take is left out.
  std::vector<std::string> request;
  // What a consumer brings in place of what the profile's provider would fetch; null: nothing.
  std::shared_ptr<const Secret> subject_token;
  bool no_cache = false;
  bool subject_only =
      false;  // the exchange's settings are left unread, none of them is missed: its kind is "none"
};

struct Profile;

// Another profile whose credential this one's exchange needs.
struct ProfileLink {
  std::string role;  // "subject" or "actor"
  std::shared_ptr<const Profile> profile;
};

// A profile, every default applied, provider detected, checked against the descriptor's and the exchange's settings.
struct Profile {
  std::string name;     // "default" where no file names one
  Descriptor provider;  // without a name where the subject is another profile's credential, or the consumer's
  std::string provider_why;  // "configured", or the detection's reason
  ExchangeKind exchange;
  Settings settings;  // all of them: subject.*, exchange.*, cache.*, expect.*, hosts
  std::vector<ProfileLink> links;
  // What the views in `provider` and `exchange` point into where those were dropped in.
  std::vector<std::shared_ptr<const void>> kept;
  std::shared_ptr<const Secret> subject_token;  // ConfigChoice's; then there is no provider

  std::string_view get(std::string_view key) const;  // empty if unset
  // "subject." or "exchange.": the part's settings by their short names, without provider and kind.
  std::vector<std::pair<std::string, std::string>> part(std::string_view prefix) const;
  // part("exchange.") as the engine takes it: a preset's own settings are fields of its base's.
  std::vector<std::pair<std::string, std::string>> exchange_part() const;
};

// The file that is the user's own to write: the one that --config or WIF_CONFIG names, else the one below XDG_CONFIG_HOME or HOME.
std::optional<std::string> user_config_file(const System& system, const ConfigChoice& choice);

struct ConfigFile {
  std::string path;
  bool exists = false;
};

class Config {
 public:
  // Finds the files and reads those that exist. A file named by --config or WIF_CONFIG has to exist. Only the top of a
  // file and the sections of the profile asked for are parsed later on, so that a hit costs the same with a hundred
  // profiles; check() reads everything.
  static Result<Config> load(const System& system, const ConfigChoice& choice);

  // The effective profile: the choice's, WIF_PROFILE's, default_profile's, or the only one there is, or none at all (the zero-file path).
  Result<Profile> profile(Catalogue& catalogue) const;
  Result<Profile> profile(Catalogue& catalogue, std::string_view name) const;

  // The profile for that host: the one that was asked for (-p, WIF_PROFILE) if it serves the host, else the one whose
  // `hosts`, or whose exchange's, name it most closely, the default among equals. Nothing: none serves it. Two equally close
  // ones are an error.
  Result<std::optional<Profile>> profile_for(Catalogue& catalogue, const Target& target) const;

  // Names of all profiles, of all files, sorted.
  Result<std::vector<std::string>> profile_names() const;
  // Every mistake in every file: none means that all is well.
  std::vector<Error> check(Catalogue& catalogue) const;
  const std::vector<ConfigFile>& files() const { return m_files; }

 private:
  Config(const System& system, ConfigChoice choice) : m_system(&system), m_choice(std::move(choice)) {}
  Result<Profile> resolve(Catalogue& catalogue, const ConfigChoice& choice,
                          std::vector<std::string> trail = {}) const;
  Result<std::optional<std::string>> name_for(Catalogue& catalogue, const Target& target) const;
  Status resolve_links(Catalogue& catalogue, Profile& profile, std::vector<std::string> trail) const;

  void check_chains(Catalogue& catalogue, const std::vector<std::string>& names,
                    std::vector<Error>& errors) const;

  const System* m_system;
  ConfigChoice m_choice;
  std::vector<ConfigFile> m_files;
  std::vector<std::shared_ptr<const ConfigLayer>> m_layers;  // in the order of m_files, those that exist
};

}  // namespace wif
