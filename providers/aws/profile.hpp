// SPDX-License-Identifier: Apache-2.0
// The shared files ~/.aws/config and ~/.aws/credentials
// (https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html), one profile of them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "kit/kit.hpp"

namespace wif::aws {

// Views into the file's text.
using Section = std::map<std::string_view, std::string_view>;

struct Profile {
  std::string name = "default";
  bool only = false;    // chosen by the setting
  Section credentials;  // [NAME] in the file of credentials
  Section config;       // [profile NAME] in the other, or [default]

  // From the file of credentials, else from the other; empty if in neither.
  std::string_view get(std::string_view key) const;
};

// Configuration if one was asked for by name and is in neither file.
kit::Result<Profile> load_profile(const kit::Host& host);

// The keys of all sections of that name. Lines that belong to no key, and the indented ones of nested settings, are
// passed over.
Section read_section(std::string_view text, std::string_view name, bool config_file);

}  // namespace wif::aws
