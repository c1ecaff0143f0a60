// SPDX-License-Identifier: Apache-2.0
// Lines on stderr, each one write, for people or as JSON. What looks like a token is replaced, whoever said it.
#pragma once

#include <string_view>

namespace wif {

enum class LogLevel { debug = 0, info = 1, warning = 2 };

class Log {
 public:
  // Verbosity 0 shows warnings, 1 (-v) information too, 2 (-vv) everything.
  Log(int verbosity, bool json, int fd) : m_verbosity(verbosity), m_json(json), m_fd(fd) {}
  bool shows(LogLevel level) const { return static_cast<int>(level) + m_verbosity >= 2; }
  void line(LogLevel level, std::string_view text) const;
  // The same without redaction, for text made of parts that are known not to be secret: a token's claims, whose
  // long names would be taken for tokens.
  void plain(LogLevel level, std::string_view text) const;

 private:
  int m_verbosity;
  bool m_json;
  int m_fd;
};

}  // namespace wif
