// SPDX-License-Identifier: Apache-2.0
// What `wif setup` says, as text, Markdown or JSON, and the Kubernetes objects in it.
#pragma once

#include <string>
#include <vector>

#include "cli/setup_advice.hpp"

namespace wif {

struct SetupReport {
  Advice advice;
  std::string kind;       // of the exchange
  std::string provider;   // of the subject token
  std::string profile;    // what would be written into the configuration, TOML
  std::string jwks_file;  // where the key set was written; empty: nowhere
  std::vector<std::string> concerns;
};

std::string setup_text(const SetupReport& report);
std::string setup_markdown(const SetupReport& report);
std::string setup_json(const SetupReport& report);  // with a line end

// A ServiceAccount and a Pod with the projected volume, as YAML.
std::string kubernetes_objects(const ServiceAccount& account, const std::string& audience);

}  // namespace wif
