// SPDX-License-Identifier: Apache-2.0
// Where in a configuration file each profile's sections are, without parsing it: so that a call pays for the profile
// that it uses, and not for the ninety-nine others.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace wif {

// From a line "[profiles.NAME]" or "[profiles.NAME.subject]" to the next such line.
struct Section {
  std::string_view name;    // NAME
  std::string_view header;  // "profiles.NAME.subject"
  std::size_t begin = 0;    // offset of the header's line
  std::size_t end = 0;
};

// Lines of a text that was cut out of a file, and the file's own.
struct LineMap {
  struct Piece {
    std::size_t line;       // first line of the piece in the cut text, from 1
    std::size_t file_line;  // the same line in the file
  };
  std::vector<Piece> pieces;  // empty: the text is the file
  std::size_t file_line(std::size_t line) const;
};

struct Slice {
  std::string text;
  LineMap lines;
};

// Views into the text that was scanned, which has to stay where it is.
class SectionIndex {
 public:
  SectionIndex() = default;
  explicit SectionIndex(std::string_view text);

  // False where the text holds anything that a line-wise look can't be trusted with: multi-line strings, other
  // headers, quoted names, rows of arrays that look like headers. Then only a parse of all of it tells.
  bool regular() const { return m_regular; }
  // What comes before the first section.
  std::string_view root() const {
    return m_text.substr(0, m_sections.empty() ? m_text.size() : m_sections[0].begin);
  }
  bool has(std::string_view name) const;
  std::vector<std::string> names() const;  // sorted, each once
  // All sections of one profile, wherever in the file they stand.
  Slice slice(std::string_view name) const;
  const std::vector<Section>& sections() const { return m_sections; }
  // Line number, from 1, of an offset.
  std::size_t line_of(std::size_t offset) const;

 private:
  void add_header(std::size_t line_begin, std::size_t bracket);
  std::string_view m_text;
  std::vector<Section> m_sections;
  bool m_regular = true;
};

}  // namespace wif
