// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <unistd.h>

#include "cli/command.hpp"
#include "util/encode.hpp"
#include "util/fd.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

bool g_json_log = false;
bool g_quiet_log = false;

void log_line(std::string_view level, const Error& error) {
  std::string text;
  if (g_json_log) {
    JsonWriter writer;
    writer.object().member("time", std::string_view(rfc3339(real_system().now().wall)));
    writer.member("level", level).member("source", "wif");
    if (level == "error") writer.member("category", to_string(error.category));
    writer.member("message", std::string_view(error.message));
    if (!error.hint.empty()) writer.member("hint", std::string_view(error.hint));
    if (!error.cause.empty()) writer.member("cause", std::string_view(error.cause));
    writer.end();
    text = writer.take() + "\n";
  } else {
    text = "wif: " + error.message + "\n";
    if (!error.hint.empty()) text += "     " + error.hint + "\n";
  }
  // There is nowhere to tell that stderr is closed.
  static_cast<void>(write_all(STDERR_FILENO, text));
}

}  // namespace

void set_json_log(bool json) { g_json_log = json; }

void set_quiet_log(bool quiet) { g_quiet_log = quiet; }

void warn(const std::string& message) {
  if (!g_quiet_log) log_line("warning", Error{Category::usage, message, {}, {}});
}

void inform(const std::string& message) { log_line("info", Error{Category::usage, message, {}, {}}); }

void report(const Error& error) { log_line("error", error); }

Status print(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0) return {};
  return fail(Category::usage, "cannot write to standard output: " + errno_text(error));
}

}  // namespace wif
