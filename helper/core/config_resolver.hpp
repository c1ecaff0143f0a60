// SPDX-License-Identifier: Apache-2.0
// From what the files, --set, the environment and detection say to the one effective profile.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.hpp"
#include "core/config_schema.hpp"
#include "core/config_toml.hpp"
#include "core/detection.hpp"

namespace wif {

// Where a profile is written.
struct ProfileSource {
  std::string path;
  TomlNode node;
};

// --set's arguments as pairs of key and value; one without '=' is a usage error. Keys and values are checked later.
Result<std::vector<std::pair<std::string, std::string>>> parse_set(const std::vector<std::string>& set);

// One use: construct, run, then look at the profile and the errors. What wins, from first to last: --set, the file, the
// consumer's request, the environment, what a detection implies, the descriptor's default.
class ProfileResolver {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  ProfileResolver(const System& system, Catalogue& catalogue, const Pairs& set, std::string name,
                  const ProfileSource* source)
      : m_system(system), m_catalogue(catalogue), m_set(set), m_source(source) {
    m_profile.name = std::move(name);
  }

  // Before run(): the profile's exchange is neither read nor needed, and none takes its place.
  void leave_out_exchange() { m_with_exchange = false; }
  // Before run(): what the consumer's request says.
  void take_request(const Pairs& request) { m_request = &request; }
  // Before run(): there is a subject token, so that no provider is needed.
  void take_subject(std::shared_ptr<const Secret> token) { m_profile.subject_token = std::move(token); }
  // All mistakes: in --set, in the file (in its order), then what is missing. None: the profile is whole.
  std::vector<Error> run();
  Profile& profile() { return m_profile; }

 private:
  std::optional<Setting> asked_for(std::string_view part, std::string_view key) const;
  const TomlNode* file_value(std::string_view part, std::string_view key) const;
  bool set_says(std::string_view key) const;
  void choose_provider();
  void use_profile(const Setting& asked);
  void use_given_subject();
  void detect_provider();
  void use_any_provider();
  void choose_exchange();
  void use_exchange(const ExchangeKind& kind);
  void apply_set();
  void apply_file();
  void apply_request();
  void apply_environment();
  void take_variable(std::string_view key, const std::string& name);
  void apply_implied();
  void apply_defaults();
  void expand_home();
  void check_required();
  void missing(std::string_view prefix, const SettingSpec& spec);
  void add(Error error, Place place = {});

  const System& m_system;
  Catalogue& m_catalogue;
  const Pairs& m_set;
  const ProfileSource* m_source;
  const Pairs* m_request = nullptr;
  Profile m_profile;
  ConfigSchema m_schema;
  std::vector<SettingSpec> m_all_settings;       // of every provider, where none is known
  std::vector<SettingSpec> m_exchange_settings;  // a preset's and its base's
  std::optional<Finding> m_finding;
  bool m_with_exchange = true;
  ExchangeKind m_audience_kind = exchange_kinds().front();  // of the profile's, left out or not
  bool m_has_provider = false;
  std::vector<Mistake> m_mistakes;
  std::vector<Error> m_late;  // not a mistake in the file: no identity here
};

}  // namespace wif
