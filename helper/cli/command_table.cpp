// SPDX-License-Identifier: Apache-2.0
#include "cli/command.hpp"

namespace wif {

const std::vector<Command>& command_table() {
  static const std::vector<Command> table = {
      {"get", "print the credential as JSON, with its expiry", run_get, false},
      {"token", "print the bare access token", run_token, false},
      {"exec", "run a command with the token in its environment", run_exec, true},
      {"write", "write the token to a file, and keep it fresh with --watch", run_write, false},
      {"wrap", "cache what another credential helper prints", run_wrap, true},
      {"cache", "list, clear or locate what is cached", run_cache, false},
      {"inspect", "show what the subject token says, decoded", run_inspect, false},
      {"subject", "print the raw subject token", run_subject, false},
      {"doctor", "find out why there is no credential", run_doctor, false},
      {"setup", "say what to enter at the relying party, and write the profile", run_setup, false},
      {"status", "show all profiles at a glance", run_status, false},
      {"providers", "show where an identity was looked for and found", run_providers, false},
      {"exchanges", "show what an identity can be traded with", run_exchanges, false},
      {"config", "show, check or locate the configuration", run_config, false},
  };
  return table;
}

}  // namespace wif
