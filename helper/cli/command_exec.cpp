// SPDX-License-Identifier: Apache-2.0
// wif exec -- COMMAND: the command takes this process's place, so its signals and exit code are its own.
#include <cerrno>

#include <unistd.h>

#include "cli/command.hpp"
#include "cli/hardening.hpp"
#include "util/secret.hpp"

namespace wif {
namespace {

constexpr const char* k_default_variable = "OPENAI_API_KEY";

bool is_variable_name(const std::string& name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string::npos;
}

// Returns only if it failed. The shell's codes: 127 not found, 126 found and not runnable.
int replace_process(const std::vector<std::string>& command) {
  std::vector<std::string> words = command;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  restore_core_limit();
  execvp(argv[0], argv.data());
  const int error = errno;
  report(Error{Category::usage, "cannot run " + command[0] + ": " + errno_text(error), {}, {}});
  return error == ENOENT ? 127 : 126;
}

}  // namespace

Result<int> run_exec(const Invocation& invocation) {
  Arguments arguments("wif exec [OPTIONS] -- COMMAND [ARGUMENT...]",
                      "Runs a command with the access token in its environment.");
  arguments.examples(
      "  wif exec -- python app.py\n"
      "  wif exec --env ANTHROPIC_AUTH_TOKEN -p claude -- ./agent\n");
  std::optional<std::string> variable;
  arguments.option("--env", "NAME", variable, "variable to set (OPENAI_API_KEY)");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  const std::string name = variable.value_or(k_default_variable);
  if (!is_variable_name(name)) return fail(Category::usage, "--env " + name + ": not a variable's name");
  if (invocation.rest.empty())
    return fail(Category::usage, "no command to run", "usage: wif exec [OPTIONS] -- COMMAND [ARGUMENT...]");

  Secret token;
  const auto found =
      with_credential(global, [&token](const Profile&, const Credential& credential) -> Result<int> {
        token = credential.access_token.clone();
        return 0;
      });
  if (!found) return found;
  // Only now: an engine started behind a stale answer inherits our environment, and no token belongs into it.
  if (getenv(name.c_str()) != nullptr)
    warn(name + " was already set; the command gets the new token in its place");
  if (setenv(name.c_str(), token.reveal().c_str(), 1) != 0)
    return fail(Category::bug, "cannot set " + name + ": " + errno_text(errno));
  return replace_process(invocation.rest);
}

}  // namespace wif
