// SPDX-License-Identifier: Apache-2.0
// NAME.module files as text: the TOML of a descriptor, checked, in strings of its own. Used at run time for drop-ins
// (descriptor.cpp) and at build time for the built-in ones (cmake/descriptor_gen.cpp). providers/README.md shows the form.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/descriptor.hpp"
#include "util/error.hpp"

namespace wif {

struct ParsedSetting {
  std::string name;
  SettingType type = SettingType::string;
  std::string default_value;
  std::string help;
  bool required = false;
  std::string variable;
};

struct ParsedCondition {
  Condition::Kind kind = Condition::Kind::variable;
  std::string what;
};

struct ParsedDetection {
  int rank = 0;
  std::vector<ParsedCondition> conditions;
  std::vector<std::pair<std::string, std::string>> implies;
};

struct ParsedIdentity {
  IdentityInput::Kind kind = IdentityInput::Kind::variable;
  std::string name;
};

struct ParsedDescriptor {
  std::string name;
  std::string summary;
  std::string module;  // as written, or its default
  std::string token_type;
  std::vector<ParsedSetting> settings;  // in the file's order, like the two below
  std::vector<ParsedDetection> detections;
  std::vector<ParsedIdentity> identities;
};

// Errors are of category configuration and begin with "PATH:LINE:COLUMN: ". The file's name has to be the
// descriptor's name, so that a provider is found without reading any other descriptor.
Result<ParsedDescriptor> parse_descriptor(std::string_view toml, const std::string& path);

// [a-z0-9] and, after the first, '-' and '_' too; at most 64 characters.
bool is_provider_name(std::string_view name);

}  // namespace wif
