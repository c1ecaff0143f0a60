// SPDX-License-Identifier: Apache-2.0
#include "engine/log.hpp"

#include <ctime>
#include <string>

#include "util/encode.hpp"
#include "util/fd.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_line = 2000;

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
  }
  return "info";
}

std::string json_line(LogLevel level, std::string_view text) {
  JsonWriter writer;
  writer.object();
  writer.member("time", rfc3339(time(nullptr))).member("level", name_of(level));
  writer.member("source", "wif-engine").member("message", text).end();
  return writer.take();
}

}  // namespace

void Log::line(LogLevel level, std::string_view text) const {
  if (shows(level)) plain(level, redact(text));
}

void Log::plain(LogLevel level, std::string_view text) const {
  if (!shows(level)) return;
  const std::string shown = printable(text, k_longest_line);
  std::string line = m_json ? json_line(level, shown) : std::string("wif: ") + name_of(level) + ": " + shown;
  write_all(m_fd, line += '\n');
}

}  // namespace wif
