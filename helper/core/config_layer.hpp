// SPDX-License-Identifier: Apache-2.0
// One configuration file: its text, and as much of it parsed as the questions asked of it need.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config_sections.hpp"
#include "core/config_toml.hpp"
#include "util/error.hpp"

namespace wif {

struct RepeatedHeader {
  std::size_t line;
  Error error;
};

// Neither copied nor moved: the index points into the text.
class ConfigLayer {
 public:
  ConfigLayer(std::string path, std::string text)
      : m_path(std::move(path)), m_text(std::move(text)), m_index(m_text) {}
  ConfigLayer(const ConfigLayer&) = delete;
  ConfigLayer& operator=(const ConfigLayer&) = delete;

  const std::string& path() const { return m_path; }
  const SectionIndex& index() const { return m_index; }
  // The whole file. Headers that occur twice are told with both lines.
  Result<TomlNode> whole() const;
  // The sections of one profile only; the file has to be regular.
  Result<TomlNode> sections_of(std::string_view name) const;
  // What comes before the first section; the file has to be regular.
  Result<TomlNode> root() const { return parse_toml(m_index.root(), m_path); }
  // Every header that was there before, of one profile or (empty) of all.
  std::vector<RepeatedHeader> repeated_headers(std::string_view name) const;

 private:
  std::string m_path;
  std::string m_text;
  SectionIndex m_index;
};

// Reads a layer in slices while that is safe, and as a whole where it isn't: the answers are the same.
class LayerReader {
 public:
  // Parses the root part, or a file that is irregular as a whole.
  static Result<LayerReader> open(const ConfigLayer& layer);

  const ConfigLayer& layer() const { return *m_layer; }
  // Everything but a sliced file's profiles.
  const TomlNode& root() const { return m_root; }
  bool has(std::string_view name) const;
  std::vector<std::string> names() const;
  // The profile's node, which has `key` NAME; nothing if the file doesn't have it.
  Result<std::optional<TomlNode>> profile(std::string_view name) const;

 private:
  const ConfigLayer* m_layer = nullptr;
  TomlNode m_root;
  bool m_whole = false;
};

}  // namespace wif
