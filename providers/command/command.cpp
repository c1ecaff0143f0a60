// SPDX-License-Identifier: Apache-2.0
// command: the subject token is what a program prints. The program gets a clean environment and answers in one of three
// forms (answer.cpp); util/process runs it.
#include "command.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "kit/http.hpp"
#include "util/error.hpp"
#include "util/text.hpp"

namespace wif::command {
namespace {

using namespace wif::kit;
using kit::fail;
using kit::Result;

constexpr std::size_t k_limit = std::size_t{1} << 20;
constexpr std::size_t k_errors_shown = 300;
constexpr std::size_t k_shortest_hidden = 8;  // a shorter value isn't a secret, but part of many a word
constexpr std::int64_t k_default_timeout_s = 30;
// What is left for killing the program and telling of it before the host's own deadline.
constexpr std::int64_t k_margin_ms = 300;
constexpr std::string_view k_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::array k_passed = {"PATH", "HOME",     "USER", "LOGNAME", "SHELL",
                                 "LANG", "LC_CTYPE", "TZ",   "LC_ALL",  "TMPDIR"};
constexpr const char* k_by_hand =
    "it sees PATH, HOME, LANG and the like only, and what subject.environment names: run it so by hand, as "
    "`env -i PATH=\"$PATH\" HOME=\"$HOME\" PROGRAM ...`";

constexpr std::string_view k_redacted = "[redacted]";

std::string name_of(const Program& program) { return excerpt(program.args.front(), 80); }

tl::unexpected<Failure> wrong_setting(std::string message, std::string hint) {
  return fail(WIF_CONFIGURATION, std::move(message), std::move(hint));
}

std::string_view value_of(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string_view each : environment)
    if (each.size() > name.size() && each.starts_with(name) && each[name.size()] == '=')
      return each.substr(name.size() + 1);
  return {};
}

bool is_program(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

// A relative folder in PATH would be whatever the caller stands in.
Result<std::string> find_program(const std::string& name, std::string_view path) {
  if (name.starts_with('/')) return name;
  if (name.find('/') != std::string::npos)
    return wrong_setting("subject.args: " + excerpt(name) + " is a relative path",
                         "write an absolute path, or a name in PATH");
  for (const std::string_view folder : split(path, ':'))
    if (folder.starts_with('/'))
      if (std::string file = std::string(folder) + "/" + name; is_program(file)) return file;
  return wrong_setting(
      "there is no program " + excerpt(name) + " in PATH (" + excerpt(path) + ")",
      "install it, write its absolute path into subject.args, or add PATH=... to subject.environment");
}

// What subject.environment passes on or sets: perhaps secrets.
std::vector<std::string> chosen_values(std::string_view wanted, const std::vector<std::string>& environment) {
  std::vector<std::string> values;
  for (const std::string_view line : split(wanted, '\n'))
    if (const auto value = value_of(environment, line.substr(0, line.find('=')));
        value.size() >= k_shortest_hidden)
      values.emplace_back(value);
  return values;
}

std::int64_t timeout_ms(const Host& host) {
  std::int64_t seconds = k_default_timeout_s;
  if (const auto text = host.setting("timeout"))
    seconds = parse_duration(*text).value_or(k_default_timeout_s);
  const std::int64_t left = host.time_left_ms();
  return std::max<std::int64_t>(std::min(seconds * 1000, left - std::min(k_margin_ms, left / 4)), 0);
}

Result<Program> program_of(const Host& host) {
  const auto args = host.required_setting("args");
  if (!args) return tl::unexpected<Failure>(args.error());
  Program program;
  for (const std::string_view arg : split(*args, '\n')) program.args.emplace_back(arg);
  if (program.args.front().empty())
    return wrong_setting("subject.args begins with an empty string", "begin it with the program");
  auto environment = environment_for(host.setting("environment").value_or(""),
                                     [&](const std::string& name) { return host.environment(name.c_str()); });
  if (!environment) return tl::unexpected<Failure>(environment.error());
  program.environment = std::move(*environment);
  auto path = find_program(program.args.front(), value_of(program.environment, "PATH"));
  if (!path) return tl::unexpected<Failure>(path.error());
  program.path = std::move(*path);
  return program;
}

std::string shown_errors(const Ended& ended, const std::vector<std::string>& hidden) {
  std::string raw(trim(ended.errors.view()));
  for (const std::string& value : hidden)
    for (std::size_t at = 0; (at = raw.find(value, at)) != std::string::npos;)
      raw.replace(at, value.size(), k_redacted);
  std::string text = redact(raw);
  wipe(raw);
  // The last words are those that tell.
  if (text.size() > k_errors_shown) text = "..." + text.substr(text.size() - k_errors_shown);
  return text.empty() ? ", and wrote nothing on standard error" : ": " + excerpt(text, k_errors_shown + 3);
}

Failure failure_without_secrets(const Host& host, const Program& program, const Ended& ended,
                                std::string_view token) {
  auto hidden = chosen_values(host.setting("environment").value_or(""), program.environment);
  if (token.size() >= k_shortest_hidden) hidden.emplace_back(token);
  Failure failure = failure_of(ended, name_of(program), hidden);
  for (std::string& value : hidden) wipe(value);
  return failure;
}

Result<SubjectToken> fetch_token(const Host& host) {
  const auto program = program_of(host);
  if (!program) return tl::unexpected<Failure>(program.error());
  host.log(WIF_LOG_DEBUG, "running " + program->path);
  char* output = host.secret_memory(k_limit);
  const Ended ended = run_program(*program, timeout_ms(host), output, k_limit);
  const bool exited = ended.how == Ended::How::exited;
  auto answer = read_answer({output, ended.size}, name_of(*program));
  // A refusal in Google's form says more than an exit status.
  const bool refused = exited && !answer && answer.error().status == WIF_REFUSED;
  if (!refused && !(exited && ended.code == 0))
    return tl::unexpected<Failure>(
        failure_without_secrets(host, *program, ended, answer ? answer->token.view() : std::string_view()));
  if (!answer) return tl::unexpected<Failure>(std::move(answer.error()));
  return SubjectToken{host.secret_copy(answer->token.view()), answer->token_type, answer->expires_at};
}

constexpr wif_provider k_provider = provider<fetch_token>("command");

}  // namespace

Result<std::vector<std::string>> environment_for(std::string_view wanted, const Variables& variables) {
  std::vector<std::string> out;
  const auto set = [&](const std::string& name, std::string_view value) {
    const auto is_it = [&](const std::string& each) { return each.starts_with(name + "="); };
    out.erase(std::remove_if(out.begin(), out.end(), is_it), out.end());
    out.push_back(name + "=" + std::string(value));
  };
  set("PATH", k_path);
  for (const char* name : k_passed)
    if (const auto value = variables(name)) set(name, *value);
  if (wanted.empty()) return out;
  for (const std::string_view line : split(wanted, '\n')) {
    const std::size_t equals = line.find('=');
    const std::string name(line.substr(0, equals));
    if (name.empty() || name.starts_with('$'))
      return wrong_setting("subject.environment has an element that names no variable",
                           "write bare names, as in environment = [\"VAULT_ADDR\", \"VAULT_FORMAT=json\"]");
    if (equals != std::string_view::npos) {
      set(name, line.substr(equals + 1));
    } else if (const auto value = variables(name)) {
      set(name, *value);
    }
  }
  return out;
}

Failure failure_of(const Ended& ended, const std::string& name, const std::vector<std::string>& hidden) {
  switch (ended.how) {
    case Ended::How::unstarted:
      return {WIF_CONFIGURATION, "cannot run " + name + ": " + errno_text(ended.code),
              ended.code == ENOEXEC
                  ? "a script needs a first line such as #!/bin/sh"
                  : "see that the first of subject.args is a program that this user may run"};
    case Ended::How::stopped:  // which nobody does here
    case Ended::How::overdue:
      return {
          WIF_UNREACHABLE,
          name + " did not finish within the time allowed and was killed" + shown_errors(ended, hidden),
          "allow more with subject.timeout and --timeout, or see what it waits for: it can't ask anybody anything"};
    case Ended::How::too_long:
      return {WIF_NO_IDENTITY, name + " printed more than 1 MiB and was killed, so that is no token",
              "let it print the token only"};
    case Ended::How::signalled:
      return {WIF_NO_IDENTITY,
              name + " was ended by signal " + std::to_string(ended.code) + " (" + strsignal(ended.code) +
                  ")" + shown_errors(ended, hidden),
              k_by_hand};
    case Ended::How::exited:
      break;
  }
  return {WIF_NO_IDENTITY,
          name + " ended with exit status " + std::to_string(ended.code) + shown_errors(ended, hidden),
          k_by_hand};
}

}  // namespace wif::command

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) {
  return wif::kit::offer(wif::command::k_provider, host_abi);
}
