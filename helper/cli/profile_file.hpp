// SPDX-License-Identifier: Apache-2.0
// A profile as TOML, and putting it into the user's configuration file: everything else in there stays byte for byte.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/descriptor.hpp"
#include "util/error.hpp"

namespace wif {

// A value in the configuration's own form (config.hpp), with the type that says how TOML writes it.
struct ProfileValue {
  std::string key;
  SettingType type = SettingType::string;
  std::string value;
};

struct NewProfile {
  std::string name;  // bare characters only
  std::vector<ProfileValue> subject;
  std::vector<ProfileValue> exchange;
  std::vector<ProfileValue> expect;
  std::vector<std::pair<std::string, std::string>> claims;
  std::vector<std::pair<std::string, std::string>> attributes;
};

std::string profile_toml(const NewProfile& profile);

// The file's text with the profile in it: in the place of the one of that name, or at its end. Category configuration where
// the one that is there can't be cut out line by line.
Result<std::string> with_profile(const std::string& file, std::string_view name, const std::string& toml);

// Replaces the file (of a link, what it points to) atomically, keeping its mode; folders that lack are made.
Status replace_configuration(const std::string& path, std::string_view text);

}  // namespace wif
