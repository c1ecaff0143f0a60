// SPDX-License-Identifier: Apache-2.0
// A TOML document as configuration needs it: tables, and values as text, each with its place in the file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/config_sections.hpp"
#include "util/error.hpp"

namespace wif {

// Both from 1.
struct Place {
  std::size_t line = 0;
  std::size_t column = 0;
  bool operator<(const Place& other) const {
    return line != other.line ? line < other.line : column < other.column;
  }
};

// "/etc/wif/config.toml:7:3".
std::string at(const std::string& path, Place place);

struct TomlNode {
  enum class Kind { table, string, integer, boolean, list, other };
  Kind kind = Kind::table;
  std::string key;
  std::string text;     // a value's text; a list's elements joined by '\n'; of `other` its type's name
  std::string problem;  // of a list: what is wrong with its elements
  Place key_at;         // where the key stands
  Place value_at;       // where its value begins
  std::vector<TomlNode> children;  // of a table, in the order of the file

  const TomlNode* child(std::string_view name) const;
};

// "a table", "a string" …
std::string_view kind_words(const TomlNode& node);

// The root table. `path` and `lines` are for places; a syntax error is one of category configuration, with its place.
Result<TomlNode> parse_toml(std::string_view text, const std::string& path, const LineMap& lines = {});

}  // namespace wif
