// SPDX-License-Identifier: Apache-2.0
#include "core/config_toml.hpp"

#include <algorithm>

#include "core/toml.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_message = 300;

Place place(const toml::source_region& source, const LineMap& lines) {
  return {lines.file_line(source.begin.line), source.begin.column};
}

std::string_view type_words(toml::node_type type) {
  switch (type) {
    case toml::node_type::floating_point:
      return "a floating-point number";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    default:
      return "a value of another type";
  }
}

void read_list(const toml::array& array, TomlNode& out) {
  out.kind = TomlNode::Kind::list;
  for (const auto& element : array) {
    const auto* text = element.as_string();
    if (text == nullptr) {
      out.problem = "must be a list of strings only";
    } else if (text->get().find('\n') != std::string::npos) {
      out.problem = "must not have line breaks in its strings";
    } else {
      if (&element != &array.front()) out.text += '\n';
      out.text += text->get();
    }
  }
}

void read_table(const toml::table& table, const LineMap& lines, TomlNode& out);

void read_node(const toml::node& node, const LineMap& lines, TomlNode& out) {
  out.value_at = place(node.source(), lines);
  if (const auto* table = node.as_table()) {
    read_table(*table, lines, out);
  } else if (const auto* array = node.as_array()) {
    read_list(*array, out);
  } else if (const auto* text = node.as_string()) {
    out.kind = TomlNode::Kind::string;
    out.text = text->get();
  } else if (const auto* number = node.as_integer()) {
    out.kind = TomlNode::Kind::integer;
    out.text = std::to_string(number->get());
  } else if (const auto* flag = node.as_boolean()) {
    out.kind = TomlNode::Kind::boolean;
    out.text = flag->get() ? "true" : "false";
  } else {
    out.kind = TomlNode::Kind::other;
    out.text = type_words(node.type());
  }
}

void read_table(const toml::table& table, const LineMap& lines, TomlNode& out) {
  out.kind = TomlNode::Kind::table;
  out.children.reserve(table.size());
  for (const auto& [key, node] : table) {
    TomlNode& child = out.children.emplace_back();
    child.key = key.str();
    child.key_at = place(key.source(), lines);
    read_node(node, lines, child);
  }
  // toml++ sorts by key; people read mistakes from the top of a file down.
  std::sort(out.children.begin(), out.children.end(),
            [](const TomlNode& a, const TomlNode& b) { return a.key_at < b.key_at; });
}

}  // namespace

std::string at(const std::string& path, Place place) {
  return path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

const TomlNode* TomlNode::child(std::string_view name) const {
  for (const auto& node : children)
    if (node.key == name) return &node;
  return nullptr;
}

std::string_view kind_words(const TomlNode& node) {
  switch (node.kind) {
    case TomlNode::Kind::table:
      return "a table";
    case TomlNode::Kind::string:
      return "a string";
    case TomlNode::Kind::integer:
      return "an integer";
    case TomlNode::Kind::boolean:
      return "a boolean";
    case TomlNode::Kind::list:
      return "a list";
    case TomlNode::Kind::other:
      return node.text;
  }
  return "a value";
}

Result<TomlNode> parse_toml(std::string_view text, const std::string& path, const LineMap& lines) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(Category::configuration, at(path, place(error.source(), lines)) + ": " +
                                             printable(error.description(), k_longest_message));
  }
  TomlNode root;
  read_table(parsed.table(), lines, root);
  return root;
}

}  // namespace wif
