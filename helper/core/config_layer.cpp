// SPDX-License-Identifier: Apache-2.0
#include "core/config_layer.hpp"

#include <algorithm>

namespace wif {
namespace {

const TomlNode* profile_in(const TomlNode& root, std::string_view name) {
  const TomlNode* profiles = root.child("profiles");
  return profiles == nullptr ? nullptr : profiles->child(name);
}

std::optional<TomlNode> copy_of(const TomlNode* node) {
  if (node == nullptr) return std::nullopt;
  return *node;
}

}  // namespace

Result<TomlNode> ConfigLayer::whole() const {
  auto parsed = parse_toml(m_text, m_path);
  if (parsed) return parsed;
  // The parser says where the second one is only. Inside a multi-line string a header is none, so they are believed
  // only if the parser stumbled over the same line.
  for (auto& repeated : repeated_headers({})) {
    const std::string place = m_path + ":" + std::to_string(repeated.line) + ":";
    if (parsed.error().message.compare(0, place.size(), place) == 0)
      return tl::unexpected<Error>(std::move(repeated.error));
  }
  return parsed;
}

Result<TomlNode> ConfigLayer::sections_of(std::string_view name) const {
  auto repeated = repeated_headers(name);
  if (!repeated.empty()) return tl::unexpected<Error>(std::move(repeated.front().error));
  const Slice slice = m_index.slice(name);
  return parse_toml(slice.text, m_path, slice.lines);
}

std::vector<RepeatedHeader> ConfigLayer::repeated_headers(std::string_view name) const {
  std::vector<Section> sections;
  for (const auto& section : m_index.sections())
    if (name.empty() || section.name == name) sections.push_back(section);
  std::stable_sort(sections.begin(), sections.end(),
                   [](const Section& a, const Section& b) { return a.header < b.header; });
  std::vector<RepeatedHeader> found;
  for (std::size_t i = 1; i < sections.size(); ++i) {
    const Section& second = sections[i];
    if (second.header != sections[i - 1].header) continue;
    const std::size_t bracket = static_cast<std::size_t>(second.header.data() - m_text.data());
    const Place place{m_index.line_of(second.begin), bracket - second.begin};
    const std::string first = std::to_string(m_index.line_of(sections[i - 1].begin));
    found.push_back(
        {place.line,
         {Category::configuration,
          at(m_path, place) + ": [" + std::string(second.header) + "] was there before, in line " + first,
          "join the two sections, or rename one of them",
          {}}});
  }
  return found;
}

Result<LayerReader> LayerReader::open(const ConfigLayer& layer) {
  LayerReader reader;
  reader.m_layer = &layer;
  if (layer.index().regular()) {
    auto root = layer.root();
    // Profiles written as dotted keys or inline tables are outside of any section.
    if (root && root->child("profiles") == nullptr) {
      reader.m_root = std::move(*root);
      return reader;
    }
  }
  TRY_ASSIGN(reader.m_root, layer.whole());
  reader.m_whole = true;
  return reader;
}

bool LayerReader::has(std::string_view name) const {
  return m_whole ? profile_in(m_root, name) != nullptr : m_layer->index().has(name);
}

std::vector<std::string> LayerReader::names() const {
  if (!m_whole) return m_layer->index().names();
  std::vector<std::string> out;
  if (const TomlNode* profiles = m_root.child("profiles"))
    for (const auto& node : profiles->children) out.push_back(node.key);
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::optional<TomlNode>> LayerReader::profile(std::string_view name) const {
  if (m_whole) return copy_of(profile_in(m_root, name));
  if (!m_layer->index().has(name)) return std::nullopt;
  if (auto sliced = m_layer->sections_of(name)) return copy_of(profile_in(*sliced, name));
  // A mistake at a slice's end (an array that isn't closed) would be told otherwise than by a whole parse.
  auto repeated = m_layer->repeated_headers(name);
  if (!repeated.empty()) return tl::unexpected<Error>(std::move(repeated.front().error));
  TRY_ASSIGN(const TomlNode whole, m_layer->whole());
  return copy_of(profile_in(whole, name));
}

}  // namespace wif
