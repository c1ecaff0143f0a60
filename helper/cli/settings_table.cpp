// SPDX-License-Identifier: Apache-2.0
#include "cli/settings_table.hpp"

#include <algorithm>

namespace wif {
namespace {

const char* word_of(SettingType type) {
  switch (type) {
    case SettingType::string:
      return "string";
    case SettingType::integer:
      return "integer";
    case SettingType::boolean:
      return "boolean";
    case SettingType::duration:
      return "duration";
    case SettingType::list:
      return "list";
    case SettingType::strings:
      return "string or list";
    case SettingType::table:
      return "table";
  }
  return "string";
}

}  // namespace

std::string settings_text(std::span<const SettingSpec> settings) {
  std::size_t width = 16;
  for (const auto& setting : settings) width = std::max(width, setting.name.size());
  std::string text;
  for (const auto& setting : settings) {
    std::string name(setting.name);
    name.resize(width, ' ');
    text += "  " + name + " " + word_of(setting.type) + (setting.required ? ", required" : "") + ": " +
            std::string(setting.help);
    if (!setting.default_value.empty()) {
      std::string value(setting.default_value);
      std::replace(value.begin(), value.end(), '\n', ',');
      text += " (" + value + ")";
    }
    if (!setting.variable.empty()) text += " [" + std::string(setting.variable) + "]";
    text += "\n";
  }
  return text;
}

void write_settings(JsonWriter& writer, std::span<const SettingSpec> settings) {
  writer.array();
  for (const auto& setting : settings) {
    writer.object().member("name", setting.name).member("type", word_of(setting.type));
    writer.member("required", setting.required).member("default", setting.default_value);
    writer.member("variable", setting.variable).member("help", setting.help).end();
  }
  writer.end();
}

}  // namespace wif
