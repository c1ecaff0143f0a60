// SPDX-License-Identifier: Apache-2.0
// One command's command line. CLI11 stands behind it, in one .cpp, and only the command that was asked for is ever
// described to it: the description of twenty would cost more than a cached answer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "util/error.hpp"

namespace wif {

class Arguments {
 public:
  // `usage` is the line after "Usage: "; both are shown by --help.
  Arguments(const std::string& usage, const std::string& summary);
  ~Arguments();
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  // Targets keep their value unless the option is given; they outlive parse().
  void flag(const char* names, bool& target, const char* help);
  void counter(const char* names, int& target, const char* help);
  void option(const char* names, const char* placeholder, std::optional<std::string>& target,
              const char* help);
  void list(const char* names, const char* placeholder, std::vector<std::string>& target, const char* help);
  void positional(const char* name, std::optional<std::string>& target, const char* help);
  void group(const char* title);  // of the options that follow
  void examples(const std::string& text);

  // Words without the program's and the command's names. False: help was asked for, see help(). Category usage.
  Result<bool> parse(const std::vector<std::string>& words);
  std::string help() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace wif
