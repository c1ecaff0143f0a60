// SPDX-License-Identifier: Apache-2.0
// wif wrap -- COMMAND: another credential helper's answers, cached. No configuration is read.
#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

#include "cli/caller.hpp"
#include "cli/command.hpp"
#include "cli/standard_input.hpp"
#include "core/cache.hpp"
#include "core/lock.hpp"
#include "util/fd.hpp"
#include "util/secret.hpp"
#include "util/text.hpp"
#include "wrap/command.hpp"
#include "wrap/helper.hpp"
#include "wrap/request.hpp"
#include "wrap/shape.hpp"

namespace wif {
namespace {

constexpr const char* k_usage = "wif wrap [OPTIONS] -- COMMAND [ARGUMENT...]";
constexpr int k_not_found_status = 127;  // the shell's

struct WrapOptions {
  std::optional<std::string> format;
  std::optional<std::string> ttl;
  std::optional<std::string> min_ttl;
  std::optional<std::string> refresh;
  std::vector<std::string> variables;
  bool input = false;

  void describe(Arguments& arguments) {
    arguments.option("--ttl", "TIME", ttl, "keep an answer that names no expiry so long (0: not at all)");
    arguments.option("--min-ttl", "TIME", min_ttl, "least life that an answer has left (2m)");
    arguments.list("--env", "NAME", variables, "a variable that decides whose answer it is; several times");
    arguments.flag("--stdin", input, "standard input is the command's, and decides too");
    arguments.option("--format", "FORM", format, "of the answer, where its shape doesn't tell");
    arguments.option("--refresh", "MODE", refresh, "background, inline or off (background)");
  }
};

Result<std::string> duration_option(const char* name, const std::optional<std::string>& text,
                                    const char* standard) {
  if (text && !parse_duration(*text))
    return fail(Category::usage, std::string(name) + " " + printable(*text, 40) + ": not a time",
                "write it as 90s, 10m or 1h");
  return text.value_or(standard);
}

Result<wrap::Policy> policy_of(const WrapOptions& options) {
  wrap::Policy policy;
  TRY_ASSIGN(policy.min_ttl, duration_option("--min-ttl", options.min_ttl, "2m"));
  policy.refresh = options.refresh.value_or(policy.refresh);
  if (policy.refresh != "background" && policy.refresh != "inline" && policy.refresh != "off")
    return fail(Category::usage,
                "--refresh " + printable(policy.refresh, 40) + ": not background, inline or off");
  return policy;
}

Result<wrap::Command> command_of(const Invocation& invocation, const WrapOptions& options,
                                 std::int64_t timeout_ms) {
  wrap::Command command;
  if (invocation.rest.empty() || invocation.rest.front().empty())
    return fail(Category::usage, "no command to run", std::string("usage: ") + k_usage);
  command.format = options.format.value_or("");
  if (options.format && !wrap::is_format(command.format))
    return fail(Category::usage,
                "--format " + printable(command.format, 40) + ": not one of " + wrap::format_names());
  for (const auto& name : options.variables)
    if (!is_variable_name(name))
      return fail(Category::usage, "--env " + printable(redact(name), 40) + ": not a variable's name");
  TRY_ASSIGN(const std::string ttl, duration_option("--ttl", options.ttl, "0"));
  command.ttl = parse_duration(ttl).value_or(0);
  command.variables = options.variables;
  command.args = invocation.rest;
  TRY_ASSIGN(command.path, wrap::find_program(command.args.front(),
                                              real_system().variable("PATH").value_or("/usr/bin:/bin")));
  if (!options.format) command.format = wrap::format_of_name(command.path);
  command.has_input = options.input;
  if (options.input) {
    TRY_ASSIGN(command.input, read_input("--stdin", monotonic_ms() + timeout_ms));
  }
  return command;
}

// A helper's own failure goes on as it was: its form on standard output, its exit status.
Result<int> own_failure(Error error, const wrap::OwnFailure& failure) {
  error.cause = error.cause.substr(0, error.cause.find('\n'));
  TRY(print(failure.form));
  report(error);
  return failure.exit_status != 0 ? failure.exit_status : static_cast<int>(Category::refused);
}

Result<int> answer(const wrap::Command& command, const Profile& profile, SessionOptions options) {
  wrap::Helper helper(real_system(), command);
  Session session(real_system(), helper, profile, options);
  auto credential = session.get();
  for (const auto& warning : session.warnings()) warn(warning);
  if (credential) {
    TRY(print(credential->output->text.view()));
    session.refresh_behind();
    return 0;
  }
  // Somebody else got one that can't be kept while we waited: each for itself, then.
  if (credential.error().cause == wrap::k_not_kept && !options.no_cache) {
    options.no_cache = true;
    return answer(command, profile, options);
  }
  const auto failure = wrap::read_own_failure(credential.error().cause);
  if (failure) return own_failure(std::move(credential.error()), *failure);
  return tl::unexpected(std::move(credential.error()));
}

// What git refused, or what docker is about to replace, isn't handed out again.
Status forget(const wrap::Command& command) {
  const auto directory = cache_directory(real_system());
  if (!directory) return {};
  std::string why;
  TRY_ASSIGN(const auto store, Store::open(*directory, false, why));
  if (!store) return {};
  if (const auto hash = wrap::refused_token_hash(command)) TRY(clear_rejected(*store, *hash));
  const auto get = wrap::outdated_get(command);
  if (!get) return {};
  TRY_ASSIGN(const std::string binding, make_binding(real_system(), wrap::profile_of(*get, {})));
  store->remove(record_name(binding));
  return {};
}

// A request that no credential answers is the helper's own affair, with the input that was read of it.
Result<int> hand_over(const wrap::Command& command) {
  if (const auto forgotten = forget(command); !forgotten) warn(forgotten.error().message);
  if (command.has_input) {
    const Fd input(memfd_create("wif-input", MFD_CLOEXEC));
    if (!input || write_all(input.get(), command.input.view()) != 0 || lseek(input.get(), 0, SEEK_SET) != 0 ||
        dup2(input.get(), STDIN_FILENO) < 0)
      return fail(Category::bug, "cannot pass standard input on: " + errno_text(errno));
  }
  return replace_process(command.path, command.args);
}

}  // namespace

Result<int> run_wrap(const Invocation& invocation) {
  Arguments arguments(k_usage,
                      "Runs another credential helper, and answers from the cache while its answer is good.");
  arguments.examples(
      "  wif wrap --min-ttl 16m -- my-aws-helper --role deploy\n"
      "  wif wrap --ttl 10m --env VAULT_ADDR -- vault print token\n"
      "  wif wrap --stdin --format git -- git-credential-corporate get\n");
  WrapOptions wrapping;
  wrapping.describe(arguments);
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  if (global.choice.profile || global.choice.file || !global.choice.set.empty())
    return fail(Category::usage,
                "wif wrap reads no configuration: --profile, --config and --set say nothing to it",
                std::string("usage: ") + k_usage);
  TRY_ASSIGN(SessionOptions options, global.session_options());
  // kubectl runs its plugin again after a 401, and has no word for it.
  if (real_system().variable("KUBERNETES_EXEC_INFO")) options.caller = calling_process();
  TRY_ASSIGN(const wrap::Policy policy, policy_of(wrapping));
  const auto command = command_of(invocation, wrapping, options.timeout_ms);
  if (!command && command.error().cause == wrap::k_not_found) {
    report(command.error());
    return k_not_found_status;
  }
  if (!command) return tl::unexpected(command.error());
  if (wrap::is_other_request(*command)) return hand_over(*command);
  return answer(*command, wrap::profile_of(*command, policy), options);
}

}  // namespace wif
