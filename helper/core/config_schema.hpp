// SPDX-License-Identifier: Apache-2.0
// What a profile may say: its keys, their types, and the words for a mistake in them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "core/config_toml.hpp"
#include "core/descriptor.hpp"
#include "core/exchange_settings.hpp"

namespace wif {

// The keys of one profile: the fixed ones, its provider's and its exchange's. Views what it is given.
class ConfigSchema {
 public:
  // An empty span and `any_…`: that part's keys aren't known, and so none of them is a mistake.
  std::span<const SettingSpec> subject;
  std::span<const SettingSpec> exchange;
  bool any_subject = false;
  bool any_exchange = false;

  // By dotted key, "subject.audience"; nothing if there is no such key.
  std::optional<SettingSpec> find(std::string_view key) const;
  // A table of keys: "subject", "expect.claims", and "exchange.fields" where the exchange takes them.
  bool is_part(std::string_view key) const;
  // A key that is let pass unread: its provider or exchange isn't known, or isn't the one that the file was written for.
  bool passes(std::string_view key) const;
  // The settings of "subject.", "exchange.", "cache.", "expect." or (empty) the profile itself, but for provider and kind.
  std::span<const SettingSpec> part(std::string_view prefix) const;
  // `did you mean "subject.audience"?`, or the keys there are.
  std::string hint_for(std::string_view key) const;

 private:
  bool takes_fields() const;
  std::vector<std::string> keys_of(std::string_view prefix) const;
};

// What is wrong with a value given as text (--set, environment), or nothing: `must be true or false, not "maybe"`.
std::optional<std::string> value_problem(std::string_view key, const SettingSpec& spec,
                                         std::string_view value);

struct Mistake {
  Place place;
  Error error;
};

// A profile's node as settings with their origins. Every mistake is told, and what is mistaken is left out.
class ProfileReader {
 public:
  ProfileReader(const ConfigSchema& schema, const std::string& path, Settings& out,
                std::vector<Mistake>& mistakes)
      : m_schema(schema), m_path(path), m_out(out), m_mistakes(mistakes) {}
  void read(const TomlNode& profile);

 private:
  void read_children(const TomlNode& table, const std::string& prefix);
  void read_value(const TomlNode& node, const std::string& key);
  void unknown(const TomlNode& node, const std::string& prefix);
  void mistake(Place place, const std::string& what, std::string hint = {});
  std::string where(const std::string& key) const;

  const ConfigSchema& m_schema;
  const std::string& m_path;
  Settings& m_out;
  std::vector<Mistake>& m_mistakes;
  std::string m_profile;
};

// default_profile and profiles, and nothing else.
void check_root(const TomlNode& root, const std::string& path, std::vector<Mistake>& mistakes);

// In quotes, printable and not too long.
std::string quoted(std::string_view text);
// `did you mean "x"?`, or nothing near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace wif
