// SPDX-License-Identifier: Apache-2.0
// NAME.exchange files as text: an exchange that is data. Used at run time for drop-ins and at build time for the
// built-in ones (cmake/descriptor_gen.cpp).
//
//   name = "example"
//   summary = "Example's token exchange"
//   kind = "rfc8693"                       # or jwt-bearer: whose code does it
//   hosts = ["api.example.com"]            # whom integrations may give the credential to
//   [set]                                  # values for the kind's own settings; a profile may say otherwise
//   url = "https://example.com/oauth/token"
//   fields = { api = "2" }                 # fields that are always sent
//   [settings.policy_id]                   # fields that a profile fills in, sent under their names
//   required = true
//   variable = "EXAMPLE_POLICY_ID"
//   help = "id of the policy"
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/descriptor_parser.hpp"

namespace wif {

struct ParsedPreset {
  std::string name;
  std::string summary;
  std::string base;
  std::string hosts;  // joined by '\n'
  std::string audience;
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::pair<std::string, std::string>> prefixes;  // by setting
  std::vector<ParsedSetting> settings;
};

// Errors are of category configuration and begin with "PATH:LINE:COLUMN: ". The file's name has to be the preset's.
Result<ParsedPreset> parse_preset(std::string_view toml, const std::string& path);

}  // namespace wif
