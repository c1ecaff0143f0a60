// SPDX-License-Identifier: Apache-2.0
#include "core/descriptor.hpp"

#include "core/descriptor_parser.hpp"

namespace wif {

const SettingSpec* Descriptor::setting(std::string_view setting_name) const {
  for (const SettingSpec& spec : settings)
    if (spec.name == setting_name) return &spec;
  return nullptr;
}

// Never moved once built: the views point into the strings beside them.
struct LoadedDescriptor::Storage {
  struct DetectionLists {
    std::vector<Condition> conditions;
    std::vector<ImpliedSetting> implies;
  };

  Storage(ParsedDescriptor descriptor, std::string path)
      : parsed(std::move(descriptor)), origin(std::move(path)) {
    if (!parsed.module.starts_with('/')) parsed.module.insert(0, origin, 0, origin.rfind('/') + 1);
    for (const ParsedSetting& from : parsed.settings)
      settings.push_back({from.name, from.type, from.default_value, from.help, from.required});
    for (const ParsedIdentity& from : parsed.identities) identities.push_back({from.kind, from.name});
    // The spans outlive a growing `lists`: a vector that is moved keeps its elements where they are.
    for (const ParsedDetection& from : parsed.detections) {
      DetectionLists& list = lists.emplace_back();
      for (const ParsedCondition& condition : from.conditions)
        list.conditions.push_back({condition.kind, condition.what});
      for (const auto& [name, value] : from.implies) list.implies.push_back({name, value});
      detections.push_back({from.rank, list.conditions, list.implies});
    }
    view = {parsed.name, parsed.summary, parsed.module, parsed.token_type, settings, detections,
            identities,  false,          origin};
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  ParsedDescriptor parsed;
  std::string origin;
  std::vector<SettingSpec> settings;
  std::vector<IdentityInput> identities;
  std::vector<DetectionLists> lists;
  std::vector<Detection> detections;
  Descriptor view;
};

Result<LoadedDescriptor> LoadedDescriptor::parse(std::string_view toml, const std::string& path) {
  TRY_ASSIGN(ParsedDescriptor parsed, parse_descriptor(toml, path));
  LoadedDescriptor loaded;
  loaded.m_storage = std::make_shared<const Storage>(std::move(parsed), path);
  return loaded;
}

const Descriptor& LoadedDescriptor::get() const { return m_storage->view; }

}  // namespace wif
