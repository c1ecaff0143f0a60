// SPDX-License-Identifier: Apache-2.0
// One command's command line: described once, then parsed or shown by --help. It stands on the path of every cached
// answer, so only the command that was asked for is described, and it allocates next to nothing (helper/cli/README.md has
// the figures that ruled a library out).
//
// Understood: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, flags in one word (-vv). A later single value replaces
// an earlier one, as with getopt; names can't be shortened, so that a new option never breaks an old script.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "util/error.hpp"

namespace wif {

class Arguments {
 public:
  // All texts given here and below are literals: they are kept as they are. `usage` is the line after "Usage: ".
  Arguments(const char* usage, const char* summary);
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  // `names` is "-n,--name", "--name" or "-n". Targets keep their value unless the option is given; they outlive
  // parse().
  void flag(const char* names, bool& target, const char* help);
  void counter(const char* names, int& target, const char* help);
  void option(const char* names, const char* placeholder, std::optional<std::string>& target,
              const char* help);
  void list(const char* names, const char* placeholder, std::vector<std::string>& target, const char* help);
  void positional(const char* name, std::optional<std::string>& target, const char* help);
  void group(const char* title);  // of the options that follow
  void examples(const char* text);

  // Words without the program's and the command's names. False: help was asked for, see help(). Category usage.
  Result<bool> parse(const std::vector<std::string>& words);
  std::string help() const;

 private:
  using Target = std::variant<bool*, int*, std::optional<std::string>*, std::vector<std::string>*>;
  struct Option {
    std::string_view names;
    const char* placeholder;  // nullptr: takes no value
    const char* help;
    const char* group;
    Target target;
  };
  struct Positional {
    const char* name;
    const char* help;
    std::optional<std::string>* target;
  };

  const Option* find(std::string_view name) const;
  tl::unexpected<Error> refuse(std::string message, std::string_view unknown = {}) const;
  // Both move `at` past a value that they took from the next word.
  Status parse_long(const std::vector<std::string>& words, std::size_t& at);
  Status parse_short(const std::vector<std::string>& words, std::size_t& at);
  Status parse_positional(const std::string& word, std::size_t& count);

  const char* m_usage;
  const char* m_summary;
  const char* m_examples = "";
  const char* m_group = "Options";
  bool m_help = false;
  std::vector<Option> m_options;
  std::vector<Positional> m_positionals;
};

}  // namespace wif
