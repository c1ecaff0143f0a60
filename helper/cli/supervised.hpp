// SPDX-License-Identifier: Apache-2.0
// A command that can take a new token while it runs: wif stays beside it, keeps a file fresh, and says when it changed.
// Signals that somebody sends to wif go to the command, and its end is wif's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/token_file.hpp"

namespace wif {

struct Supervision {
  std::optional<FileTarget> target;
  std::string on_refresh;  // a signal's name ("HUP", "SIGUSR1"), or a command for /bin/sh; empty: nothing
  std::vector<std::string> command;
  // Puts the first credential into the environment that the command gets; called in the command's process.
  std::function<Status(const Credential&)> set_variables;
};

// The command's exit code, or 128 and the signal's number. Errors are those of before it was started.
Result<int> run_supervised(const GlobalOptions& global, Supervision supervision);

// Returns only if it failed. The shell's codes: 127 not found, 126 found and not runnable.
int replace_process(const std::vector<std::string>& command);

}  // namespace wif
