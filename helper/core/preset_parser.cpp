// SPDX-License-Identifier: Apache-2.0
#include "core/preset_parser.hpp"

#include <algorithm>

#include "core/descriptor_file.hpp"
#include "core/exchange_settings.hpp"

namespace wif {
namespace {

constexpr std::string_view k_suffix = ".exchange";

// One preset being read. Member functions are in the order of the file's parts.
class Parser : private DescriptorFile {
 public:
  explicit Parser(const std::string& path) : DescriptorFile(path, k_suffix) {}

  Result<ParsedPreset> read(std::string_view text) {
    TRY_ASSIGN(const toml::table root, parse(text));
    TRY(known_keys(root, {"name", "summary", "kind", "hosts", "audience", "set", "settings", "prefixes"}));
    TRY(read_name(root, "exchange", m_out.name, m_out.summary));
    if (exchange_kind(m_out.name) != nullptr)
      return error_at(*root.get("name"), quoted(m_out.name) + " is a kind of exchange already");
    TRY(read_base(root));
    if (const toml::node* hosts = root.get("hosts"))
      TRY(read_value(*hosts, "hosts", SettingType::list, m_out.hosts));
    TRY(take_string(root, "audience", m_out.audience));
    TRY(read_set(root));
    TRY(read_settings(root, {"kind"}, m_out.settings));
    TRY(read_prefixes(root));
    return check_settings(root);
  }

 private:
  Status read_base(const toml::table& root) {
    TRY(take_string(root, "kind", m_out.base));
    if (m_out.base.empty()) return error_at(toml::source_position{1, 1}, "'kind' is missing");
    m_base = exchange_kind(m_out.base);
    if (m_base != nullptr && m_base->setting(k_fields) != nullptr) return {};
    std::vector<std::string> names;
    for (const auto& kind : exchange_kinds())
      if (kind.setting(k_fields) != nullptr) names.emplace_back(kind.name);
    std::string known;
    for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
    return error_at(*root.get("kind"), quoted(m_out.base) + " is no kind that a preset can be made of (" +
                                           known + ")" + nearest_words(m_out.base, names));
  }

  Status read_set(const toml::table& root) {
    const toml::node* node = root.get("set");
    if (node == nullptr) return {};
    const auto* set = node->as_table();
    if (set == nullptr) return error_at(*node, "'set' has to be a table of settings");
    for (const auto& [key, value] : *set) {
      const SettingSpec* spec = m_base->setting(key.str());
      if (spec == nullptr) {
        std::vector<std::string> names;
        for (const auto& known : m_base->settings) names.emplace_back(known.name);
        return error_at(key.source().begin, "exchange " + quoted(m_out.base) + " has no setting " +
                                                quoted(key.str()) + nearest_words(key.str(), names));
      }
      if (spec->type == SettingType::table) {
        TRY(read_fields(value));
      } else {
        std::string text;
        TRY(read_value(value, key.str(), spec->type, text));
        m_out.set.emplace_back(key.str(), std::move(text));
      }
    }
    return {};
  }

  Status read_fields(const toml::node& node) { return read_strings(node, k_fields, "fields.", m_out.set); }

  // A table of them, by `prefix` and their names.
  Status read_strings(const toml::node& node, std::string_view what, const std::string& prefix,
                      std::vector<std::pair<std::string, std::string>>& out) const {
    const auto* table = node.as_table();
    if (table == nullptr) return error_at(node, quoted(what) + " has to be a table of strings");
    for (const auto& [key, value] : *table) {
      std::string text;
      TRY(take_string(*table, std::string(key.str()).c_str(), text));
      out.emplace_back(prefix + std::string(key.str()), std::move(text));
    }
    return {};
  }

  Status read_prefixes(const toml::table& root) {
    const toml::node* node = root.get("prefixes");
    if (node == nullptr) return {};
    TRY(read_strings(*node, "prefixes", {}, m_out.prefixes));
    for (const auto& [key, value] : *node->as_table()) {
      const bool own =
          std::any_of(m_out.settings.begin(), m_out.settings.end(),
                      [&key = key](const ParsedSetting& setting) { return setting.name == key.str(); });
      if (!own && m_base->setting(key.str()) == nullptr)
        return error_at(key.source().begin, "there is no setting " + quoted(key.str()));
    }
    return {};
  }

  // A field of its own that the kind has too would leave open which of the two a profile means.
  Result<ParsedPreset> check_settings(const toml::table& root) {
    for (const ParsedSetting& setting : m_out.settings)
      if (m_base->setting(setting.name) != nullptr)
        return error_at(*(*root.get("settings")->as_table()).get(setting.name),
                        "exchange " + quoted(m_out.base) + " has a setting " + quoted(setting.name) +
                            " already: give it a value under [set]");
    return std::move(m_out);
  }

  ParsedPreset m_out;
  const ExchangeKind* m_base = nullptr;
};

}  // namespace

Result<ParsedPreset> parse_preset(std::string_view toml, const std::string& path) {
  return Parser(path).read(toml);
}

}  // namespace wif
