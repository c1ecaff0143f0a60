// SPDX-License-Identifier: Apache-2.0
#include "core/exchange_settings.hpp"
#include "core/preset_parser.hpp"

namespace wif {

// Never moved once built: the views point into the strings beside them.
struct LoadedPreset::Storage {
  Storage(ParsedPreset preset, std::string path) : parsed(std::move(preset)), origin(std::move(path)) {
    for (const ParsedSetting& from : parsed.settings)
      settings.push_back({from.name, from.type, from.default_value, from.help, from.required, from.variable});
    for (const auto& [name, value] : parsed.set) set.push_back({name, value});
    for (const auto& [name, value] : parsed.prefixes) prefixes.push_back({name, value});
    view = {parsed.name,  parsed.summary, settings,        parsed.base, set,
            parsed.hosts, origin,         parsed.audience, prefixes};
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  ParsedPreset parsed;
  std::string origin;
  std::vector<SettingSpec> settings;
  std::vector<ImpliedSetting> set;
  std::vector<ImpliedSetting> prefixes;
  ExchangeKind view;
};

Result<LoadedPreset> LoadedPreset::parse(std::string_view toml, const std::string& path) {
  TRY_ASSIGN(ParsedPreset parsed, parse_preset(toml, path));
  LoadedPreset loaded;
  loaded.m_storage = std::make_shared<const Storage>(std::move(parsed), path);
  return loaded;
}

const ExchangeKind& LoadedPreset::get() const { return m_storage->view; }

}  // namespace wif
