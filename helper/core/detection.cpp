// SPDX-License-Identifier: Apache-2.0
#include "core/detection.hpp"

#include <algorithm>
#include <tuple>

#include "util/text.hpp"

namespace wif {
namespace {

// What the firmware says of the machine (SMBIOS), as any user may read it.
constexpr const char* k_dmi_vendor = "/sys/class/dmi/id/sys_vendor";
constexpr const char* k_dmi_product = "/sys/class/dmi/id/product_name";
constexpr const char* k_dmi_asset_tag = "/sys/class/dmi/id/chassis_asset_tag";

struct Candidate {
  const Descriptor* descriptor;
  const Detection* detection;
};

// In the order of rank, then of name, then of the descriptor's file.
std::vector<Candidate> candidates(const std::vector<Descriptor>& descriptors) {
  std::vector<Candidate> list;
  list.reserve(descriptors.size() * 2);
  for (const Descriptor& descriptor : descriptors)
    for (const Detection& detection : descriptor.detections) list.push_back({&descriptor, &detection});
  std::stable_sort(list.begin(), list.end(), [](const Candidate& a, const Candidate& b) {
    return std::tie(a.detection->rank, a.descriptor->name) < std::tie(b.detection->rank, b.descriptor->name);
  });
  return list;
}

// Raised privileges hide every variable here: they choose paths that are read with those privileges.
std::optional<std::string> variable(const System& system, std::string_view name) {
  return system.trusted_variable(std::string(name).c_str());
}

std::string dmi_string(const System& system, const char* path) {
  return printable(system.read(path).value_or(std::string()), 64);
}

bool holds(const System& system, const Condition& condition) {
  switch (condition.kind) {
    case Condition::Kind::variable:
      return variable(system, condition.what).has_value();
    case Condition::Kind::file:
      return system.exists(std::string(condition.what));
    case Condition::Kind::dmi_vendor:
      return dmi_string(system, k_dmi_vendor).starts_with(condition.what);
    case Condition::Kind::dmi_product:
      return dmi_string(system, k_dmi_product).starts_with(condition.what);
    case Condition::Kind::dmi_asset_tag:
      return dmi_string(system, k_dmi_asset_tag) == condition.what;
  }
  return false;
}

// `name` is what is at `path`: "DMI vendor".
std::string dmi_reason(const System& system, const char* path, const std::string& name,
                       const std::string& what, bool held) {
  const std::string found = dmi_string(system, path);
  if (held) return "the " + name + " is " + found;
  return found.empty() ? "there is no " + name + " (" + what + ")"
                       : "the " + name + " is " + found + ", not " + what;
}

std::string reason(const System& system, const Condition& condition, bool held) {
  const std::string what(condition.what);
  switch (condition.kind) {
    case Condition::Kind::variable:
      return what + (held ? " is set" : " is not set");
    case Condition::Kind::file:
      return what + (held ? " is there" : " is not there");
    case Condition::Kind::dmi_vendor:
      return dmi_reason(system, k_dmi_vendor, "DMI vendor", what, held);
    case Condition::Kind::dmi_product:
      return dmi_reason(system, k_dmi_product, "DMI product", what, held);
    case Condition::Kind::dmi_asset_tag:
      return dmi_reason(system, k_dmi_asset_tag, "DMI asset tag", what, held);
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> implied(const System& system, const Detection& detection) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (const ImpliedSetting& setting : detection.implies) {
    if (!setting.value.starts_with('$')) {
      settings.emplace_back(setting.name, setting.value);
    } else if (auto value = variable(system, setting.value.substr(1))) {
      settings.emplace_back(setting.name, std::move(*value));
    }
  }
  return settings;
}

Finding look(const System& system, const Candidate& candidate) {
  Finding finding{*candidate.descriptor, candidate.detection->rank, false, {}, {}};
  for (const Condition& condition : candidate.detection->conditions) {
    const bool held = holds(system, condition);
    if (!held) {
      finding.why = reason(system, condition, false);
      return finding;
    }
    if (!finding.why.empty()) finding.why += " and ";
    finding.why += reason(system, condition, true);
  }
  finding.found = true;
  finding.implied = implied(system, *candidate.detection);
  return finding;
}

bool fits(const System& system, const Detection& detection) {
  return std::all_of(detection.conditions.begin(), detection.conditions.end(),
                     [&](const Condition& condition) { return holds(system, condition); });
}

}  // namespace

std::optional<Finding> detect(const System& system, Catalogue& catalogue) {
  std::vector<Error> problems;  // survey tells them
  const std::vector<Descriptor> descriptors = catalogue.all(problems);
  // Words are only made for the one that is found: this runs on every cache hit without a configuration file.
  for (const Candidate& candidate : candidates(descriptors))
    if (fits(system, *candidate.detection)) return look(system, candidate);
  return {};
}

std::vector<Finding> survey(const System& system, Catalogue& catalogue, std::vector<Error>& problems) {
  const std::vector<Descriptor> descriptors = catalogue.all(problems);
  std::vector<Finding> findings;
  for (const Candidate& candidate : candidates(descriptors)) findings.push_back(look(system, candidate));
  return findings;
}

}  // namespace wif
