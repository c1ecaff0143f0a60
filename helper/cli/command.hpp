// SPDX-License-Identifier: Apache-2.0
// What a command is, and what all of them share: the global options and the way to a credential.
// To add one: write command_NAME.cpp, declare its function here, give it a row in command_table.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "core/integration.hpp"
#include "core/session.hpp"
#include "util/arguments.hpp"
#include "util/error.hpp"

namespace wif {

struct Invocation {
  std::string name;                // the command's
  std::vector<std::string> words;  // its arguments, global options among them
  std::vector<std::string> rest;   // what came after "--"
  bool has_rest = false;
};

// 0, or an exit code of the command's own; failures come back as errors.
using CommandFunction = Result<int> (*)(const Invocation&);

struct Command {
  const char* name;
  const char* summary;
  CommandFunction run;
  bool takes_rest;
};

const std::vector<Command>& command_table();

Result<int> run_get(const Invocation& invocation);
Result<int> run_token(const Invocation& invocation);
Result<int> run_exec(const Invocation& invocation);
Result<int> run_write(const Invocation& invocation);
Result<int> run_wrap(const Invocation& invocation);
Result<int> run_cache(const Invocation& invocation);
Result<int> run_exchanges(const Invocation& invocation);
Result<int> run_providers(const Invocation& invocation);
Result<int> run_doctor(const Invocation& invocation);
Result<int> run_setup(const Invocation& invocation);
Result<int> run_status(const Invocation& invocation);
Result<int> run_config(const Invocation& invocation);
Result<int> run_inspect(const Invocation& invocation);
Result<int> run_subject(const Invocation& invocation);

struct GlobalOptions {
  ConfigChoice choice;
  std::optional<std::string> timeout;
  std::optional<std::string> log_format;
  std::optional<std::string> wait;  // of the commands that describe_wait
  int verbosity = 0;

  void describe(Arguments& arguments);
  void describe_wait(Arguments& arguments);
  // Both check what the command line's form doesn't say. Category usage.
  Result<SessionOptions> session_options() const;
  Result<std::int64_t> wait_ms() const;
};

// A consumer's protocol: `wif NAME`, or by the program's own name.
Result<int> run_integration(const Integration& integration, const Invocation& invocation);

// The options that every command takes, which may also stand before its name. True: takes a value.
bool is_global_option(const std::string& word, bool& takes_value);

// Adds the global options and parses. False: help was printed, and the command is done.
Result<bool> parse_arguments(Arguments& arguments, GlobalOptions& global, const Invocation& invocation);

// The profile that the options choose.
Result<Profile> load_profile(const GlobalOptions& global);

// Runs `once`; with --wait, again while it fails for want of an identity or of an answer (categories no_identity and
// unreachable), which may only be late: a sidecar that starts, a token that isn't mounted yet.
Result<int> wait_for_identity(const GlobalOptions& global,
                              const std::function<Result<int>(const SessionOptions&)>& once);

// What a consumer's request says of the look-up; the commands' own have nothing to say.
struct Wanted {
  std::optional<Target> target;        // the profile has to serve it; see k_not_served
  std::optional<std::string> profile;  // in place of the options'
  bool subject = false;                // the subject token in the credential's place
  std::vector<std::string> settings;   // ConfigChoice::request
  Secret subject_token;                // Profile::subject_token
  std::int64_t min_remaining = 0;      // SessionOptions'
  std::int64_t caller = 0;             // SessionOptions'
  bool silent = false;                 // no warnings beside an answer
  std::string consumer;                // for people
};

// Error::cause where no profile serves the target.
inline constexpr std::string_view k_not_served = "not_served";

// The profile that the options and the request choose.
Result<Profile> choose_profile(const GlobalOptions& global, const Wanted& wanted);

using CredentialUse = std::function<Result<int>(const Profile&, const Credential&)>;

// Looks a credential up, waiting as above, hands it to `use`, prints warnings, and starts a due refresh after the answer is out.
Result<int> with_credential(const GlobalOptions& global, const CredentialUse& use, const Wanted& wanted = {});

// Removes every record that still holds the token of that SHA-256 (hexadecimal); how many that were.
Result<std::int64_t> clear_rejected(const Store& store, const std::string& token_sha256);
// Removes that profile's records and failures, or all; how many that were.
std::int64_t clear_records(const Store& store, const std::optional<std::string>& profile);

// Another program in this one's place. Returns only if that failed, with the shell's code: 127 not found, 126 not runnable.
int replace_process(const std::string& program, std::vector<std::string> words);

// The answer of `wif get`, with a line end.
std::string get_json(const Profile& profile, const Credential& credential);

// Standard output, in one write. A closed pipe is an error of category usage.
Status print(std::string_view text);
// An error on the way to a profile's credential also says what would tell more of that way.
Error point_at_doctor(Error error, const std::string& profile);
// One line on stderr.
void warn(const std::string& message);
void inform(const std::string& message);  // for -v
void report(const Error& error);
// What report and warn write: set once the command line is known.
void set_json_log(bool json);
void set_quiet_log(bool quiet);  // errors only

}  // namespace wif
