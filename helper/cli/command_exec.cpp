// SPDX-License-Identifier: Apache-2.0
// wif exec -- COMMAND: the command takes this process's place, so its signals and exit code are its own. One that can take
// a new token while it runs is started and looked after instead: see supervised.hpp.
#include <cerrno>

#include <unistd.h>

#include "cli/command.hpp"
#include "cli/hardening.hpp"
#include "cli/supervised.hpp"
#include "util/secret.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_default_variable = "OPENAI_API_KEY";

using Variables = std::vector<std::pair<std::string, Secret>>;

// AWS's keys go where its tools look for them, whatever --env says.
Variables variables_of(const Credential& credential, const std::string& name) {
  Variables variables;
  if (!credential.is_aws()) {
    variables.emplace_back(name, credential.access_token.clone());
    return variables;
  }
  variables.emplace_back("AWS_ACCESS_KEY_ID", credential.access_key_id.clone());
  variables.emplace_back("AWS_SECRET_ACCESS_KEY", credential.secret_access_key.clone());
  variables.emplace_back("AWS_SESSION_TOKEN", credential.access_token.clone());
  return variables;
}

Status set_variables(const Variables& variables, const std::string& name) {
  if (variables.front().first != name && name != k_default_variable)
    warn("--env " + name + " is left aside: a pair of AWS keys goes into AWS_ACCESS_KEY_ID and its siblings");
  for (const auto& [key, value] : variables) {
    if (getenv(key.c_str()) != nullptr)
      warn(key + " was already set; the command gets the new " +
           (key == name ? "token" : "credential's part") + " in its place");
    if (setenv(key.c_str(), value.reveal().c_str(), 1) != 0)
      return fail(Category::bug, "cannot set " + key + ": " + errno_text(errno));
  }
  return {};
}

}  // namespace

int replace_process(const std::string& program, std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  restore_core_limit();
  execvp(program.c_str(), argv.data());
  const int error = errno;
  report(Error{Category::usage, "cannot run " + program + ": " + errno_text(error), {}, {}});
  return error == ENOENT ? 127 : 126;
}

Result<int> run_exec(const Invocation& invocation) {
  Arguments arguments("wif exec [OPTIONS] -- COMMAND [ARGUMENT...]",
                      "Runs a command with the access token in its environment.");
  arguments.examples(
      "  wif exec -- python app.py\n"
      "  wif exec --env ANTHROPIC_AUTH_TOKEN -p claude -- ./agent\n"
      "  wif exec --refresh-file /run/app/token --on-refresh HUP -- ./server\n");
  std::optional<std::string> variable;
  std::optional<std::string> file;
  std::optional<std::string> format;
  std::optional<std::string> on_refresh;
  arguments.option("--env", "NAME", variable, "variable to set (OPENAI_API_KEY)");
  arguments.option("--refresh-file", "FILE", file, "keep the token in this file as well");
  arguments.option("--format", "FORMAT", format, "of that file: raw, json, env or header");
  arguments.option("--on-refresh", "WHAT", on_refresh, "send a signal (HUP), or run a shell command");
  GlobalOptions global;
  global.describe_wait(arguments);
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  const std::string name = variable.value_or(k_default_variable);
  if (!is_variable_name(name)) return fail(Category::usage, "--env " + name + ": not a variable's name");
  if (invocation.rest.empty())
    return fail(Category::usage, "no command to run", "usage: wif exec [OPTIONS] -- COMMAND [ARGUMENT...]");

  if (format && !file) return fail(Category::usage, "--format is of use with --refresh-file only");
  if (file || on_refresh) {
    Supervision supervision;
    if (file) {
      TRY_ASSIGN(supervision.target, make_target(*file, format, std::nullopt));
    }
    supervision.on_refresh = on_refresh.value_or("");
    supervision.command = invocation.rest;
    supervision.set_variables = [&](const Credential& credential) {
      return set_variables(variables_of(credential, name), name);
    };
    return run_supervised(global, std::move(supervision));
  }
  Variables variables;
  const auto found =
      with_credential(global, [&](const Profile&, const Credential& credential) -> Result<int> {
        variables = variables_of(credential, name);
        return 0;
      });
  if (!found) return found;
  // Only now: an engine started behind a stale answer inherits our environment, and no token belongs into it.
  TRY(set_variables(variables, name));
  return replace_process(invocation.rest.front(), invocation.rest);
}

}  // namespace wif
