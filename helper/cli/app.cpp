// SPDX-License-Identifier: Apache-2.0
#include "cli/app.hpp"

#include <exception>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/hardening.hpp"
#include "integrations/table.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

std::string table_line(const char* name, const char* summary) {
  std::string padded = name;
  padded.resize(12, ' ');
  return "  " + padded + summary + "\n";
}

std::string overview() {
  std::string text =
      "wif trades the identity that this machine has for a short-lived credential.\n\n"
      "Usage: wif [GLOBAL OPTIONS] COMMAND [OPTIONS]\n\nCommands:\n";
  for (const auto& command : command_table()) text += table_line(command.name, command.summary);
  text += "\nAs the helper of other programs (what to paste: integrations/NAME/README.md):\n";
  for (const Integration* integration : integrations())
    if (integration->protocol != nullptr) text += table_line(integration->name, integration->summary);
  text +=
      "\nGlobal options: -p/--profile NAME, --config FILE, --set KEY=VALUE, --no-cache,\n"
      "--timeout TIME, --log-format text|json, -v. `wif COMMAND --help` says more.\n\n"
      "Examples:\n"
      "  wif get                          the credential as JSON\n"
      "  wif exec -- python app.py        run a program with OPENAI_API_KEY set\n"
      "  wif providers                    which identity was found here, and why\n\n"
      "Exit codes: 0 answered, 2 usage, 3 configuration, 4 no identity, 5 refused,\n"
      "6 unreachable, 7 cache not trusted, 70 a bug.\n";
  return text;
}

// The command that the program's own name says, since consumers look for their helpers by name; empty: it is called wif.
std::string command_of_program(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (const Integration* integration : integrations())
    if (integration->program != nullptr && name == integration->program) return integration->name;
  return {};
}

// The command's name is the program's, or the first word that is neither a global option nor its value.
Invocation read_invocation(std::string command, const std::vector<std::string>& words) {
  Invocation invocation;
  invocation.name = std::move(command);
  bool is_value = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--" && !invocation.name.empty()) {
      invocation.has_rest = true;
      invocation.rest.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    bool takes_value = false;
    const bool is_name = invocation.name.empty() && !is_value && !is_global_option(words[i], takes_value);
    if (is_name) {
      invocation.name = words[i];
    } else {
      invocation.words.push_back(words[i]);
    }
    is_value = !is_value && takes_value;
  }
  return invocation;
}

Result<int> unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : command_table()) names.emplace_back(command.name);
  for (const Integration* integration : integrations())
    if (integration->protocol != nullptr) names.emplace_back(integration->name);
  const auto near = nearest(name, names);
  return fail(
      Category::usage, "unknown command \"" + printable(name, 60) + "\"",
      near ? "did you mean `wif " + *near + "`? `wif --help` lists all" : "`wif --help` lists all commands");
}

Result<int> run_command(const Invocation& invocation) {
  for (const auto& command : command_table()) {
    if (invocation.name != command.name) continue;
    if (invocation.has_rest && !command.takes_rest)
      return fail(Category::usage, "wif " + invocation.name + " takes nothing after --");
    return command.run(invocation);
  }
  for (const Integration* integration : integrations()) {
    if (integration->protocol == nullptr || invocation.name != integration->name) continue;
    if (invocation.has_rest)
      return fail(Category::usage, "wif " + invocation.name + " takes nothing after --");
    return run_integration(*integration, invocation);
  }
  return unknown_command(invocation.name);
}

Result<int> run(const Invocation& invocation) {
  const std::string& name = invocation.name;
  if (name == "--version" || name == "-V") {
    TRY(print("wif " WIF_VERSION "\n"));
    return 0;
  }
  if (name == "--help" || name == "-h" || name == "help") {
    TRY(print(overview()));
    return 0;
  }
  if (name.empty()) return fail(Category::usage, "no command", "`wif --help` lists all commands");
  return run_command(invocation);
}

}  // namespace

int run_app(int argc, char** argv) {
  try {
    harden_process();
    const auto result = run(read_invocation(command_of_program(argv[0]), {argv + 1, argv + argc}));
    if (result) return *result;
    report(result.error());
    return static_cast<int>(result.error().category);
  } catch (const std::exception& broken) {
    report(Error{Category::bug, std::string("a bug in wif: ") + broken.what(), "please report this", {}});
    return static_cast<int>(Category::bug);
  }
}

}  // namespace wif
