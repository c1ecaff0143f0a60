// SPDX-License-Identifier: Apache-2.0
#include "core/descriptor_parser.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "core/toml.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_jwt_type = "urn:ietf:params:oauth:token-type:jwt";
constexpr std::string_view k_suffix = ".module";

struct TypeName {
  std::string_view name;
  SettingType type;
};
constexpr std::array k_types = {
    TypeName{"string", SettingType::string},   TypeName{"integer", SettingType::integer},
    TypeName{"boolean", SettingType::boolean}, TypeName{"duration", SettingType::duration},
    TypeName{"list", SettingType::list},       TypeName{"strings", SettingType::strings},
};

struct IdentityName {
  std::string_view name;
  IdentityInput::Kind kind;
};
constexpr std::array k_identities = {
    IdentityName{"jwt_file", IdentityInput::Kind::jwt_file},
    IdentityName{"jwt_variable", IdentityInput::Kind::jwt_variable},
    IdentityName{"variable", IdentityInput::Kind::variable},
    IdentityName{"variables", IdentityInput::Kind::variables},
};

bool is_setting_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string quoted(std::string_view text) { return "'" + printable(text, 80) + "'"; }

std::string nearest_words(std::string_view word, const std::vector<std::string>& candidates) {
  const auto near = nearest(word, candidates);
  return near ? "; the nearest is " + quoted(*near) : std::string();
}

// The part of the file's name that says which provider it describes.
std::string_view name_of_file(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  if (path.ends_with(k_suffix)) path.remove_suffix(k_suffix.size());
  return path;
}

bool comes_before(const toml::source_position& a, const toml::source_position& b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

// One descriptor being read. Member functions are in the order of the file's parts.
class Parser {
 public:
  explicit Parser(const std::string& path) : m_path(path) {}

  Result<ParsedDescriptor> parse(std::string_view text) {
    const toml::parse_result parsed = toml::parse(text);
    if (!parsed) return error_at(parsed.error().source().begin, std::string(parsed.error().description()));
    const toml::table& root = parsed.table();
    TRY(known_keys(root, {"name", "summary", "module", "token_type", "settings", "detect", "identity"}));
    TRY(read_head(root));
    TRY(read_settings(root));
    TRY(for_each_table(root, "detect", [this](const toml::table& table) { return read_detection(table); }));
    TRY(for_each_table(root, "identity", [this](const toml::table& table) { return read_identity(table); }));
    return std::move(m_out);
  }

 private:
  tl::unexpected<Error> error_at(const toml::source_position& at, const std::string& what) const {
    return fail(Category::configuration,
                m_path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + what);
  }
  tl::unexpected<Error> error_at(const toml::node& node, const std::string& what) const {
    return error_at(node.source().begin, what);
  }

  Status known_keys(const toml::table& table, std::initializer_list<const char*> known) const {
    for (const auto& [key, value] : table) {
      const std::string_view name = key.str();
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      return error_at(key.source().begin,
                      "unknown key " + quoted(name) + nearest_words(name, {known.begin(), known.end()}));
    }
    return {};
  }

  Status take_string(const toml::table& table, const char* key, std::string& out) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return {};
    const auto* text = node->as_string();
    if (text == nullptr) return error_at(*node, quoted(key) + " has to be a string");
    if (text->get().empty()) return error_at(*node, quoted(key) + " is empty");
    out = text->get();
    return {};
  }

  Status take_strings(const toml::node& node, std::string_view key, std::vector<std::string>& out) const {
    const auto* array = node.as_array();
    if (array == nullptr) return error_at(node, quoted(key) + " has to be a list of strings");
    for (const toml::node& element : *array) {
      const auto* text = element.as_string();
      if (text == nullptr || text->get().empty())
        return error_at(element, quoted(key) + " has to hold strings that aren't empty");
      out.push_back(text->get());
    }
    return {};
  }

  template <class Read> Status for_each_table(const toml::table& root, const char* key, Read read) const {
    const toml::node* node = root.get(key);
    if (node == nullptr) return {};
    const auto* array = node->as_array();
    if (array == nullptr) return error_at(*node, quoted(key) + " is written [[" + key + "]]");
    for (const toml::node& element : *array) {
      const auto* table = element.as_table();
      if (table == nullptr) return error_at(element, quoted(key) + " is written [[" + key + "]]");
      TRY(read(*table));
    }
    return {};
  }

  Status read_head(const toml::table& root) {
    TRY(take_string(root, "name", m_out.name));
    if (m_out.name.empty()) return error_at(toml::source_position{1, 1}, "'name' is missing");
    const toml::node& name = *root.get("name");
    if (!is_provider_name(m_out.name))
      return error_at(name, quoted(m_out.name) + " is no provider's name: a-z, 0-9, '-' and '_'");
    if (name_of_file(m_path) != m_out.name)
      return error_at(name, "the name is " + quoted(m_out.name) + ", so the file has to be " +
                                quoted(m_out.name + std::string(k_suffix)));
    m_out.module = "wif-provider-" + m_out.name + ".so";
    m_out.token_type = k_jwt_type;
    TRY(take_string(root, "summary", m_out.summary));
    TRY(take_string(root, "module", m_out.module));
    return take_string(root, "token_type", m_out.token_type);
  }

  Status read_settings(const toml::table& root) {
    const toml::node* node = root.get("settings");
    if (node == nullptr) return {};
    const auto* table = node->as_table();
    if (table == nullptr) return error_at(*node, "'settings' is written [settings.NAME]");
    // toml++ sorts by name; people read settings in the order of the file.
    std::vector<std::pair<const toml::key*, const toml::node*>> entries;
    for (const auto& [key, value] : *table) entries.emplace_back(&key, &value);
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      return comes_before(a.first->source().begin, b.first->source().begin);
    });
    for (const auto& [key, value] : entries) TRY(read_setting(*key, *value));
    return {};
  }

  Status read_setting(const toml::key& key, const toml::node& node) {
    ParsedSetting setting{std::string(key.str()), SettingType::string, {}, {}, false};
    if (!is_setting_name(setting.name))
      return error_at(key.source().begin, quoted(setting.name) + " is no setting's name: a-z, 0-9 and '_'");
    // These two stand beside the settings in a profile's `subject`.
    if (setting.name == "provider" || setting.name == "profile")
      return error_at(key.source().begin, quoted(setting.name) + " has a meaning of its own in a profile");
    const auto* table = node.as_table();
    if (table == nullptr) return error_at(node, "a setting is written [settings." + setting.name + "]");
    TRY(known_keys(*table, {"type", "required", "help", "default"}));
    TRY(read_type(*table, setting.type));
    TRY(take_string(*table, "help", setting.help));
    if (const toml::node* required = table->get("required")) {
      if (!required->is_boolean()) return error_at(*required, "'required' has to be true or false");
      setting.required = required->as_boolean()->get();
    }
    if (const toml::node* value = table->get("default")) TRY(read_default(*value, setting));
    m_out.settings.push_back(std::move(setting));
    return {};
  }

  Status read_type(const toml::table& table, SettingType& type) const {
    std::string name = "string";
    TRY(take_string(table, "type", name));
    std::vector<std::string> names;
    for (const auto& known : k_types) {
      if (known.name == name) {
        type = known.type;
        return {};
      }
      names.emplace_back(known.name);
    }
    return error_at(*table.get("type"), "unknown type " + quoted(name) + nearest_words(name, names));
  }

  Status read_default(const toml::node& node, ParsedSetting& setting) const {
    const auto wrong = [&](const char* what) {
      return error_at(node, std::string("'default' has to be ") + what);
    };
    switch (setting.type) {
      case SettingType::string:
        if (!node.is_string()) return wrong("a string");
        setting.default_value = node.as_string()->get();
        return {};
      case SettingType::integer:
        if (!node.is_integer()) return wrong("an integer");
        setting.default_value = std::to_string(node.as_integer()->get());
        return {};
      case SettingType::boolean:
        if (!node.is_boolean()) return wrong("true or false");
        setting.default_value = node.as_boolean()->get() ? "true" : "false";
        return {};
      case SettingType::duration:
        if (!node.is_string() || !parse_duration(node.as_string()->get()))
          return wrong("a duration such as \"30s\"");
        setting.default_value = node.as_string()->get();
        return {};
      case SettingType::strings:
        if (node.is_string()) {
          setting.default_value = node.as_string()->get();
          return {};
        }
        break;
      case SettingType::list:
        break;
    }
    std::vector<std::string> elements;
    TRY(take_strings(node, "default", elements));
    for (const std::string& element : elements) {
      if (!setting.default_value.empty()) setting.default_value += '\n';
      setting.default_value += element;
    }
    return {};
  }

  Status read_detection(const toml::table& table) {
    ParsedDetection detection;
    TRY(known_keys(table,
                   {"rank", "variables", "files", "dmi_vendor", "dmi_product", "dmi_asset_tag", "set"}));
    const toml::node* rank = table.get("rank");
    if (rank == nullptr) return error_at(table, "'rank' is missing");
    if (!rank->is_integer() || rank->as_integer()->get() < 0 || rank->as_integer()->get() > 1000)
      return error_at(*rank, "'rank' has to be an integer from 0 to 1000");
    detection.rank = static_cast<int>(rank->as_integer()->get());
    TRY(read_conditions(table, detection));
    if (detection.conditions.empty())
      return error_at(table,
                      "a detection without a condition: 'variables', 'files', 'dmi_vendor', 'dmi_product' or "
                      "'dmi_asset_tag'");
    TRY(read_implied(table, detection));
    m_out.detections.push_back(std::move(detection));
    return {};
  }

  Status read_conditions(const toml::table& table, ParsedDetection& detection) const {
    constexpr std::array k_lists = {std::pair("variables", Condition::Kind::variable),
                                    std::pair("files", Condition::Kind::file)};
    for (const auto& [key, kind] : k_lists) {
      std::vector<std::string> whats;
      if (const toml::node* node = table.get(key)) TRY(take_strings(*node, key, whats));
      for (std::string& what : whats) detection.conditions.push_back({kind, std::move(what)});
    }
    constexpr std::array k_strings = {std::pair("dmi_vendor", Condition::Kind::dmi_vendor),
                                      std::pair("dmi_product", Condition::Kind::dmi_product),
                                      std::pair("dmi_asset_tag", Condition::Kind::dmi_asset_tag)};
    for (const auto& [key, kind] : k_strings) {
      std::string what;
      TRY(take_string(table, key, what));
      if (!what.empty()) detection.conditions.push_back({kind, std::move(what)});
    }
    return {};
  }

  Status read_implied(const toml::table& table, ParsedDetection& detection) const {
    const toml::node* node = table.get("set");
    if (node == nullptr) return {};
    const auto* set = node->as_table();
    if (set == nullptr) return error_at(*node, "'set' has to be a table of settings");
    for (const auto& [key, value] : *set) {
      TRY(known_setting(key.str(), key.source().begin));
      std::string text;
      TRY(take_string(*set, std::string(key.str()).c_str(), text));
      detection.implies.emplace_back(key.str(), std::move(text));
    }
    return {};
  }

  Status known_setting(std::string_view name, const toml::source_position& at) const {
    std::vector<std::string> names;
    for (const ParsedSetting& setting : m_out.settings) {
      if (setting.name == name) return {};
      names.push_back(setting.name);
    }
    return error_at(at, "there is no setting " + quoted(name) + nearest_words(name, names));
  }

  Status read_identity(const toml::table& table) {
    TRY(known_keys(table, {"jwt_file", "jwt_variable", "variable", "variables"}));
    if (table.size() != 1)
      return error_at(table,
                      "one of 'jwt_file', 'jwt_variable', 'variable' and 'variables' in each [[identity]]");
    for (const IdentityName& known : k_identities) {
      ParsedIdentity identity{known.kind, {}};
      TRY(take_string(table, known.name.data(), identity.name));
      if (identity.name.empty()) continue;
      if (known.kind != IdentityInput::Kind::variable)
        TRY(known_setting(identity.name, table.get(known.name)->source().begin));
      m_out.identities.push_back(std::move(identity));
    }
    return {};
  }

  const std::string& m_path;
  ParsedDescriptor m_out;
};

}  // namespace

bool is_provider_name(std::string_view name) {
  constexpr std::size_t k_longest = 64;
  return !name.empty() && name.size() <= k_longest && name.front() != '-' && name.front() != '_' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

Result<ParsedDescriptor> parse_descriptor(std::string_view toml, const std::string& path) {
  return Parser(path).parse(toml);
}

}  // namespace wif
