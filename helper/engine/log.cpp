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

void write_event(JsonWriter& writer, const HttpEvent& event) {
  writer.key("http").object().member("method", std::string_view(event.method));
  writer.member("host", std::string_view(event.host)).member("path", std::string_view(event.path));
  if (event.status != 0) writer.member("status", event.status);
  writer.member("bytes", static_cast<std::int64_t>(event.bytes)).member("ms", event.ms).end();
}

}  // namespace

struct Log::Line {
  LogLevel level;
  std::string text;
  const HttpEvent* event;
};

void Log::line(LogLevel level, std::string_view text) const {
  if (shows(level)) plain(level, redact(text));
}

void Log::plain(LogLevel level, std::string_view text) const {
  if (shows(level)) write({level, printable(text, k_longest_line), nullptr});
}

void Log::http(const HttpEvent& event) const {
  if (!shows(LogLevel::debug)) return;
  HttpEvent shown = event;
  shown.path = redact(event.path);
  std::string text = shown.method + " " + shown.host + shown.path + ": ";
  text += event.status == 0
              ? redact(event.problem)
              : "HTTP " + std::to_string(event.status) + ", " + std::to_string(event.bytes) + " bytes";
  write({LogLevel::debug, printable(text, k_longest_line), &shown});
}

void Log::write(const Line& line) const {
  const std::int64_t ms = monotonic_ms() - m_began;
  const std::string now = rfc3339(time(nullptr));
  const char* step = m_step;
  std::string text;
  if (m_json) {
    JsonWriter writer;
    writer.object().member("time", std::string_view(now)).member("level", name_of(line.level));
    writer.member("source", "wif-engine").member("step", step).member("ms", ms);
    writer.member("message", std::string_view(line.text));
    if (line.event != nullptr) write_event(writer, *line.event);
    writer.end();
    text = writer.take();
  } else {
    text = std::string("wif: ") + name_of(line.level) + ": " + now + " " + step + " +" + std::to_string(ms) +
           " ms: " + line.text;
    if (line.event != nullptr) text += ", " + std::to_string(line.event->ms) + " ms";
  }
  write_all(m_fd, text += '\n');
}

}  // namespace wif
