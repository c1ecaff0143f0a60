// SPDX-License-Identifier: Apache-2.0
#include "core/descriptor_file.hpp"

#include <algorithm>
#include <array>

#include "util/text.hpp"

namespace wif {
namespace {

struct TypeName {
  std::string_view name;
  SettingType type;
};
constexpr std::array k_types = {
    TypeName{"string", SettingType::string},   TypeName{"integer", SettingType::integer},
    TypeName{"boolean", SettingType::boolean}, TypeName{"duration", SettingType::duration},
    TypeName{"list", SettingType::list},       TypeName{"strings", SettingType::strings},
};

bool is_setting_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The part of the file's name that says what it describes.
std::string_view name_of_file(std::string_view path, std::string_view suffix) {
  path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  if (path.ends_with(suffix)) path.remove_suffix(suffix.size());
  return path;
}

bool comes_before(const toml::source_position& a, const toml::source_position& b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

}  // namespace

std::string DescriptorFile::quoted(std::string_view text) { return "'" + printable(text, 80) + "'"; }

std::string DescriptorFile::nearest_words(std::string_view word, const std::vector<std::string>& candidates) {
  const auto near = nearest(word, candidates);
  return near ? "; the nearest is " + quoted(*near) : std::string();
}

tl::unexpected<Error> DescriptorFile::error_at(const toml::source_position& at,
                                               const std::string& what) const {
  return fail(Category::configuration,
              m_path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + what);
}

Result<toml::table> DescriptorFile::parse(std::string_view text) const {
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) return error_at(parsed.error().source().begin, std::string(parsed.error().description()));
  return std::move(parsed).table();
}

Status DescriptorFile::known_keys(const toml::table& table, std::initializer_list<const char*> known) const {
  for (const auto& [key, value] : table) {
    const std::string_view name = key.str();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return error_at(key.source().begin,
                    "unknown key " + quoted(name) + nearest_words(name, {known.begin(), known.end()}));
  }
  return {};
}

Status DescriptorFile::take_string(const toml::table& table, const char* key, std::string& out) const {
  const toml::node* node = table.get(key);
  if (node == nullptr) return {};
  const auto* text = node->as_string();
  if (text == nullptr) return error_at(*node, quoted(key) + " has to be a string");
  if (text->get().empty()) return error_at(*node, quoted(key) + " is empty");
  out = text->get();
  return {};
}

Status DescriptorFile::take_strings(const toml::node& node, std::string_view key,
                                    std::vector<std::string>& out) const {
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

Status DescriptorFile::read_name(const toml::table& root, const char* what, std::string& name,
                                 std::string& summary) const {
  TRY(take_string(root, "name", name));
  if (name.empty()) return error_at(toml::source_position{1, 1}, "'name' is missing");
  const toml::node& node = *root.get("name");
  if (!is_provider_name(name))
    return error_at(node, quoted(name) + " is no " + what + "'s name: a-z, 0-9, '-' and '_'");
  if (name_of_file(m_path, m_suffix) != name)
    return error_at(node, "the name is " + quoted(name) + ", so the file has to be " +
                              quoted(name + std::string(m_suffix)));
  return take_string(root, "summary", summary);
}

Status DescriptorFile::read_settings(const toml::table& root, std::initializer_list<const char*> reserved,
                                     std::vector<ParsedSetting>& out) const {
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
  for (const auto& [key, value] : entries) TRY(read_setting(*key, *value, reserved, out));
  return {};
}

Status DescriptorFile::read_setting(const toml::key& key, const toml::node& node,
                                    std::initializer_list<const char*> reserved,
                                    std::vector<ParsedSetting>& out) const {
  ParsedSetting setting;
  setting.name = key.str();
  if (!is_setting_name(setting.name))
    return error_at(key.source().begin, quoted(setting.name) + " is no setting's name: a-z, 0-9 and '_'");
  if (std::find(reserved.begin(), reserved.end(), setting.name) != reserved.end())
    return error_at(key.source().begin, quoted(setting.name) + " has a meaning of its own in a profile");
  const auto* table = node.as_table();
  if (table == nullptr) return error_at(node, "a setting is written [settings." + setting.name + "]");
  TRY(known_keys(*table, {"type", "required", "help", "default", "variable"}));
  TRY(read_type(*table, setting.type));
  TRY(take_string(*table, "help", setting.help));
  TRY(take_string(*table, "variable", setting.variable));
  if (const toml::node* required = table->get("required")) {
    if (!required->is_boolean()) return error_at(*required, "'required' has to be true or false");
    setting.required = required->as_boolean()->get();
  }
  if (const toml::node* value = table->get("default"))
    TRY(read_value(*value, "default", setting.type, setting.default_value));
  out.push_back(std::move(setting));
  return {};
}

Status DescriptorFile::read_type(const toml::table& table, SettingType& type) const {
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

Status DescriptorFile::read_value(const toml::node& node, std::string_view key, SettingType type,
                                  std::string& out) const {
  const auto wrong = [&](const char* what) { return error_at(node, quoted(key) + " has to be " + what); };
  switch (type) {
    case SettingType::string:
      if (!node.is_string()) return wrong("a string");
      out = node.as_string()->get();
      return {};
    case SettingType::integer:
      if (!node.is_integer()) return wrong("an integer");
      out = std::to_string(node.as_integer()->get());
      return {};
    case SettingType::boolean:
      if (!node.is_boolean()) return wrong("true or false");
      out = node.as_boolean()->get() ? "true" : "false";
      return {};
    case SettingType::duration:
      if (!node.is_string() || !parse_duration(node.as_string()->get()))
        return wrong("a duration such as \"30s\"");
      out = node.as_string()->get();
      return {};
    case SettingType::strings:
      if (node.is_string()) {
        out = node.as_string()->get();
        return {};
      }
      break;
    case SettingType::list:
    case SettingType::table:  // no file gives one a value as a whole
      break;
  }
  std::vector<std::string> elements;
  TRY(take_strings(node, key, elements));
  for (const std::string& element : elements) {
    if (!out.empty()) out += '\n';
    out += element;
  }
  return {};
}

}  // namespace wif
