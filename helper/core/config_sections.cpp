// SPDX-License-Identifier: Apache-2.0
#include "core/config_sections.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace wif {
namespace {

// Blocks of a fixed size, because the compiler turns those into vector instructions even at -O2; a byte counts up to 255.
constexpr std::size_t k_block = 128;

constexpr std::string_view k_prefix = "profiles.";

// A table, because every header of a file goes through it on every call.
constexpr std::array<bool, 256> k_bare = [] {
  std::array<bool, 256> bare{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"))
    bare[static_cast<unsigned char>(c)] = true;
  return bare;
}();

bool is_bare(char c) { return k_bare[static_cast<unsigned char>(c)]; }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::uint8_t triple_quote_at(const char* p) {
  const auto same = static_cast<std::uint8_t>((p[0] == p[1]) & (p[0] == p[2]));
  return static_cast<std::uint8_t>(same & static_cast<std::uint8_t>((p[0] == '"') | (p[0] == '\'')));
}

bool has_triple_quote(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  for (; static_cast<std::size_t>(end - p) >= k_block + 2; p += k_block) {
    std::uint8_t found = 0;
    for (std::size_t i = 0; i < k_block; ++i)
      found = static_cast<std::uint8_t>(found | triple_quote_at(p + i));
    if (found != 0) return true;
  }
  for (; end - p >= 3; ++p)
    if (triple_quote_at(p) != 0) return true;
  return false;
}

std::size_t count_newlines(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  std::size_t count = 0;
  for (; static_cast<std::size_t>(end - p) >= k_block; p += k_block) {
    std::uint8_t in_block = 0;
    for (std::size_t i = 0; i < k_block; ++i) in_block = static_cast<std::uint8_t>(in_block + (p[i] == '\n'));
    count += in_block;
  }
  return count + static_cast<std::size_t>(std::count(p, end, '\n'));
}

// Length of "profiles.NAME" or "profiles.NAME.more" at the beginning, every part bare and none empty; 0 if it isn't that.
std::size_t header_length(std::string_view text) {
  if (text.substr(0, k_prefix.size()) != k_prefix) return 0;
  std::size_t i = k_prefix.size();
  for (; i < text.size(); ++i)
    if (!is_bare(text[i]) && (text[i] != '.' || text[i - 1] == '.')) break;
  return text[i - 1] == '.' ? 0 : i;
}

}  // namespace

std::size_t LineMap::file_line(std::size_t line) const {
  for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece)
    if (line >= piece->line) return piece->file_line + (line - piece->line);
  return line;
}

SectionIndex::SectionIndex(std::string_view text) : m_text(text), m_regular(!has_triple_quote(text)) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  for (const char* p = begin; p < end; ++p) {
    p = static_cast<const char*>(std::memchr(p, '[', static_cast<std::size_t>(end - p)));
    if (p == nullptr) break;
    const char* line = p;
    while (line > begin && is_blank(line[-1])) --line;
    if (line == begin || line[-1] == '\n')
      add_header(static_cast<std::size_t>(line - begin), static_cast<std::size_t>(p - begin));
  }
  if (!m_sections.empty()) m_sections.back().end = text.size();
}

void SectionIndex::add_header(std::size_t line_begin, std::size_t bracket) {
  const std::string_view header = m_text.substr(bracket + 1, header_length(m_text.substr(bracket + 1)));
  const std::size_t close = bracket + 1 + header.size();
  std::size_t after = close + 1;
  while (after < m_text.size() && is_blank(m_text[after])) ++after;
  const bool closed = !header.empty() && close < m_text.size() && m_text[close] == ']';
  const bool alone =
      after >= m_text.size() || m_text[after] == '\n' || m_text[after] == '\r' || m_text[after] == '#';
  if (!closed || !alone) {
    m_regular = false;
    return;
  }
  if (!m_sections.empty()) m_sections.back().end = line_begin;
  const std::string_view rest = header.substr(k_prefix.size());
  m_sections.push_back(Section{rest.substr(0, rest.find('.')), header, line_begin, 0});
}

bool SectionIndex::has(std::string_view name) const {
  return std::any_of(m_sections.begin(), m_sections.end(), [&](const Section& s) { return s.name == name; });
}

std::vector<std::string> SectionIndex::names() const {
  std::vector<std::string> out;
  for (const auto& section : m_sections)
    if (out.empty() || out.back() != section.name) out.emplace_back(section.name);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Slice SectionIndex::slice(std::string_view name) const {
  Slice out;
  std::size_t line = 1;
  for (const auto& section : m_sections) {
    if (section.name != name) continue;
    const std::string_view piece = m_text.substr(section.begin, section.end - section.begin);
    out.lines.pieces.push_back({line, line_of(section.begin)});
    out.text += piece;
    line += count_newlines(piece);
  }
  return out;
}

std::size_t SectionIndex::line_of(std::size_t offset) const {
  return 1 + count_newlines(m_text.substr(0, offset));
}

}  // namespace wif
