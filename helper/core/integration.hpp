// SPDX-License-Identifier: Apache-2.0
// What an integration is: one consumer's protocol between its request and our answer, as functions of text. It has no cache,
// no network and no output in it: who runs it (cli/command_integration.cpp) reads, looks up, prints and exits.
//
// A folder under integrations/ each; integrations/README.md says how to write one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "core/credential.hpp"
#include "core/hosts.hpp"
#include "core/system.hpp"
#include "util/arguments.hpp"
#include "util/error.hpp"
#include "util/json.hpp"
#include "util/secret.hpp"

namespace wif {

// What goes to the consumer: the bytes of standard output, and the exit code.
struct Reply {
  Secret text;
  int exit_code = 0;
  // A file that gets a text too, replaced atomically, 0600; empty: none. That it can't be written matters only without `text`.
  std::string file = {};
  Secret file_text = {};
};

// What of standard input makes a request.
enum class RequestInput {
  none,   // standard input isn't touched: some consumers never close it
  whole,  // all of it, up to 1 MiB
  lines,  // each line is a request, until the end
};

// What the consumer wants, once its request was understood.
struct ConsumerRequest {
  enum class Want {
    credential,  // the profile's: from the cache, or exchanged
    subject,     // the subject token itself (a profile's exchange is left out), cached as well
    forget,      // nothing but that a token was refused: the one with the hash, or the one for the target
    nothing,     // it is answered already
  };
  Want want = Want::credential;
  // The host that it is for: then only a profile that serves it will do. Nothing: the protocol names none.
  std::optional<Target> target;
  // The profile that it names, in place of the command line's.
  std::optional<std::string> profile;
  // "KEY=VALUE" for settings that the profile leaves open (ConfigChoice::request).
  std::vector<std::string> settings;
  // One that the consumer brings: it takes the place of what the profile's provider would fetch.
  Secret subject_token;
  std::string token_sha256;  // forget: hexadecimal; empty: the target's
  Reply reply;               // forget, nothing: the answer
};

// What was looked up for it.
struct Grant {
  const Profile& profile;
  const Credential& credential;
  Now now;
};

// One call of the program by the consumer: it remembers what was asked, so one object serves one call.
class Protocol {
 public:
  Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol() = default;

  // Options and words of its own, besides the global ones.
  virtual void describe(Arguments&) {}
  // Asked once the command line is known.
  virtual RequestInput input() const { return RequestInput::none; }
  // Printed before anything is read.
  virtual std::string greeting() const { return {}; }
  // `input`: the whole, a line without its end, or empty. An error is a failure of this request, and goes through failure().
  virtual Result<ConsumerRequest> read(const System& system, std::string_view input) = 0;
  virtual Result<Reply> answer(const Grant& grant) = 0;
  // The protocol's own form of a failure. Standard error has it already in words.
  virtual Reply failure(const Error& error) { return Reply{Secret(), static_cast<int>(error.category)}; }
  // The protocol's "not mine", where no profile serves the request's host. Nothing: it has none, and it is a failure.
  virtual std::optional<Reply> not_mine() { return std::nullopt; }
};

// A text for `wif write --format`.
struct FileFormat {
  const char* name;
  const char* summary;
  Result<Secret> (*render)(const Grant& grant);
};

// Where a consumer keeps the setting that names its helper, for `wif doctor`.
struct ConsumerFile {
  const char* variable;  // an environment variable that names the file or its folder; nullptr: none
  const char* path;      // "~/..." or absolute
};

struct Integration {
  const char* name;     // `wif NAME`
  const char* program;  // the name that the consumer looks for its helper by, a link to wif; nullptr: none
  const char* usage;
  const char* summary;
  const char* examples;
  // Seconds that the consumer needs an answer to be good for.
  std::int64_t min_remaining;
  // The consumer asks again where its token was refused, and has no other way to say it (rejection.hpp).
  bool repeats_after_rejection;
  std::unique_ptr<Protocol> (*protocol)();  // nullptr: it has file formats only
  std::span<const FileFormat> formats;
  std::span<const ConsumerFile> files = {};
  // In those files a host stands in front of the program that is asked for it; else only a URL does.
  bool host_before_program = false;
  // Where the consumer looks for `program`, "~/..." or absolute; none: in PATH.
  std::span<const char* const> program_folders = {};
  // The consumer takes standard error for a part of the answer: where there is one, nothing is said there.
  bool reads_standard_error = false;
};

// Where a bare token is wanted: a credential that is more than one is an error (usage).
Status one_token(const Profile& profile, const Credential& credential);

// What was written, as a line.
Secret line_of(JsonWriter& writer);

// The message and what to do, for protocols that have room for one text.
std::string one_line(const Error& error);

// For a row's `protocol`.
template <class Kind> std::unique_ptr<Protocol> make_protocol() { return std::make_unique<Kind>(); }

// A protocol without a request whose answer is the bare token: for consumers that run a command and take what it prints.
std::unique_ptr<Protocol> bare_token_protocol();

}  // namespace wif
