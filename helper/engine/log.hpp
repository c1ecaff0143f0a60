// SPDX-License-Identifier: Apache-2.0
// Lines on stderr, each one write, for people or as JSON, with time, step and the milliseconds since the engine began. What
// looks like a token is replaced, whoever said it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/lock.hpp"

namespace wif {

enum class LogLevel { debug = 0, info = 1, warning = 2 };

// One try of a request. Of the URL only host and path: a query may hold a secret, and so may any body.
struct HttpEvent {
  std::string method;
  std::string host;  // or the unix socket
  std::string path;
  int status = 0;         // 0: no answer, and `problem` says why
  std::size_t bytes = 0;  // of the answer's body
  std::int64_t ms = 0;
  std::string problem;
};

class Log {
 public:
  // Verbosity -1 shows errors only, 0 warnings too, 1 (-v) information too, 2 (-vv) everything.
  Log(int verbosity, bool json, int fd) : m_verbosity(verbosity), m_json(json), m_fd(fd) {}
  bool shows(LogLevel level) const { return static_cast<int>(level) + m_verbosity >= 2; }
  void line(LogLevel level, std::string_view text) const;
  // The same without redaction, for text made of parts that are known not to be secret: a token's claims, whose
  // long names would be taken for tokens.
  void plain(LogLevel level, std::string_view text) const;
  void http(const HttpEvent& event) const;  // level debug
  // What the lines from here on are about: "provider", "exchange". A literal.
  void enter(const char* step) const { m_step = step; }

 private:
  struct Line;
  void write(const Line& line) const;
  int m_verbosity;
  bool m_json;
  int m_fd;
  std::int64_t m_began = monotonic_ms();
  mutable std::atomic<const char*> m_step = "start";  // a diagnosis logs from several threads
};

}  // namespace wif
