// SPDX-License-Identifier: Apache-2.0
// What the files that describe a provider (NAME.module) and an exchange's preset (NAME.exchange) have in common: typed
// look-ups in their TOML with errors that name the place, and settings. Only their two parsers include this.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor_parser.hpp"
#include "core/toml.hpp"
#include "util/error.hpp"

namespace wif {

class DescriptorFile {
 public:
  // `suffix` (".module"): the file's name is the described thing's name and this. `path` outlives it.
  DescriptorFile(const std::string& path, std::string_view suffix) : m_path(path), m_suffix(suffix) {}

  // All errors are of category configuration and begin with "PATH:LINE:COLUMN: ".
  tl::unexpected<Error> error_at(const toml::source_position& at, const std::string& what) const;
  tl::unexpected<Error> error_at(const toml::node& node, const std::string& what) const {
    return error_at(node.source().begin, what);
  }

  Result<toml::table> parse(std::string_view text) const;
  Status known_keys(const toml::table& table, std::initializer_list<const char*> known) const;
  // An absent key leaves `out` as it is; an empty string is an error.
  Status take_string(const toml::table& table, const char* key, std::string& out) const;
  Status take_strings(const toml::node& node, std::string_view key, std::vector<std::string>& out) const;
  // `name` and `summary`. `what` is for the error: "provider".
  Status read_name(const toml::table& root, const char* what, std::string& name, std::string& summary) const;
  // The tables [settings.NAME], in the file's order. `reserved` names have a meaning of their own in a profile.
  Status read_settings(const toml::table& root, std::initializer_list<const char*> reserved,
                       std::vector<ParsedSetting>& out) const;
  // A value of that type, as configuration keeps it: lists joined by '\n'.
  Status read_value(const toml::node& node, std::string_view key, SettingType type, std::string& out) const;

  template <class Read> Status for_each_table(const toml::table& root, const char* key, Read read) const {
    const toml::node* node = root.get(key);
    if (node == nullptr) return {};
    const auto* array = node->as_array();
    if (array == nullptr) return error_at(*node, "'" + std::string(key) + "' is written [[" + key + "]]");
    for (const toml::node& element : *array) {
      const auto* table = element.as_table();
      if (table == nullptr) return error_at(element, "'" + std::string(key) + "' is written [[" + key + "]]");
      TRY(read(*table));
    }
    return {};
  }

  // In single quotes, printable and not too long.
  static std::string quoted(std::string_view text);
  // "; the nearest is 'x'", or nothing.
  static std::string nearest_words(std::string_view word, const std::vector<std::string>& candidates);

 private:
  Status read_setting(const toml::key& key, const toml::node& node,
                      std::initializer_list<const char*> reserved, std::vector<ParsedSetting>& out) const;
  Status read_type(const toml::table& table, SettingType& type) const;

  const std::string& m_path;
  std::string_view m_suffix;
};

}  // namespace wif
