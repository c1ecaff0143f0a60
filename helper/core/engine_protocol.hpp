// SPDX-License-Identifier: Apache-2.0
// What wif and wif-engine say to each other. Not a public interface: the two are always of one build, and the request's
// "version" makes a mixed installation an error instead of a surprise.
//
// wif starts `wif-engine` with no arguments and
//   descriptor 0   the request: one JSON document, in a memory file
//   descriptor 1   a pipe for the answer (/dev/null for a detached refresh)
//   descriptor 2   wif's stderr (/dev/null for a detached refresh)
//   descriptor 3   the locked lock file, if the request has a `store`: the lock is held until the engine ends
//
// The answer is lines of JSON: {"stage":"provider"} and {"stage":"exchange"} as it gets there (so that a crash can be
// told), {"step":{…}} for what a diagnosis found so far, then one {"credential":{…},"warning":"…"}, {"subject":{…}} (with an
// "error" where it would not be sent), {"document":"…"}, {"diagnosed":true} or {"error":{…}}. The engine keeps the deadline itself
// (a watchdog thread); wif kills it a little later if it does not. If wif is killed, the engine finishes its work for those
// who wait for the lock, and exchanges descriptor 2 for /dev/null, so that nobody who reads wif's stderr waits for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/credential.hpp"
#include "core/diagnosis.hpp"
#include "util/error.hpp"

namespace wif {

using NamedValues = std::vector<std::pair<std::string, std::string>>;

struct EngineRequest {
  std::string profile;
  std::int64_t deadline_ms = 0;  // CLOCK_MONOTONIC, milliseconds
  int verbosity = 0;             // 0 quiet, 1 -v, 2 -vv
  bool json_log = false;

  std::string provider;    // name
  std::string module;      // file name of a built-in's module, or a drop-in's absolute path
  std::string token_type;  // the descriptor's
  NamedValues subject;     // settings by short name, defaults applied
  std::shared_ptr<const Secret> subject_token;  // the consumer's, in place of all that; null: it brought none

  std::string exchange;  // kind, never a preset's name
  NamedValues exchange_settings;
  NamedValues expect;  // what the profile expects of the token: what a failure is compared with

  // Of a link (below): "subject" or "actor", and the least life, in seconds, that a record of it has to have left.
  std::string role;
  std::int64_t min_ttl = 0;
  // Other profiles whose credentials this exchange needs, each with its own record.
  std::vector<EngineRequest> links;

  bool store = false;           // write the record (or the failure) when done
  std::string cache_directory;  // with store
  std::string record_name;      // file name without its ending
  std::string binding;          // whole
  std::string refused_subject;  // SHA-256 of an assertion that was refused as reused: don't send it again

  std::string
      key_set_of;  // an issuer: fetch its key set and hand that over; no subject, no exchange, no store
  bool subject_only = false;  // fetch the subject token and hand it over as it is: no exchange, no store

  // Look at everything on the way to a credential and say what was found; nothing is stored.
  bool diagnose = false;
  std::string api_url;  // of a diagnosis: the API to call with the credential; empty: none
};

// What a provider handed over, fit to be sent or not.
struct FetchedSubject {
  Secret token;
  std::string token_type;       // RFC 8693 section 3 URI
  std::int64_t expires_at = 0;  // Unix seconds, as the provider said; 0: it didn't
};

// How an exchange failed, beyond its Error.
struct EngineError {
  Error error;
  std::int64_t retry_after = 0;  // seconds that upstream asked for, 0 if it did not
  bool reused_subject = false;   // upstream said that this assertion was used before
  std::string subject_hash;      // SHA-256 of the subject token, empty if there was none
  std::string request_id;        // upstream's x-request-id
  bool misfit = false;           // most probably the token doesn't fit what is configured there
  std::string stage;             // what was being done: "provider" or "exchange"; empty: neither yet
};

struct EngineAnswer {
  tl::expected<Credential, EngineError> outcome = tl::unexpected(EngineError{});
  // Of a request for that only: no outcome but, with a message, why it would not be sent.
  std::optional<FetchedSubject> subject;
  std::optional<std::string> document;  // of a request for an issuer's key set, in place of a credential
  std::string warning;                  // the credential is good but was not stored: why
  std::vector<DoctorStep> steps;        // of a diagnosis, whatever came of it
  bool diagnosed = false;               // a diagnosis came to its end, in place of an outcome
};

// May hold a token: who is done with the text wipes it.
std::string write_request(const EngineRequest& request);
Result<EngineRequest> read_request(std::string text);

std::string write_stage(std::string_view stage);  // with its line end
std::string write_step_line(const DoctorStep& step);
std::string write_answer(const EngineAnswer& answer);
// What a diagnosis found before it ended, however it did.
std::vector<DoctorStep> read_steps(const std::string& text);
// The last line of what the engine said; `stage` gets the last stage named. No final line is an error of category bug.
Result<EngineAnswer> read_answer(const std::string& text, std::string& stage);

}  // namespace wif
