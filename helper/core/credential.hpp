// SPDX-License-Identifier: Apache-2.0
// What an exchange gave back, and its form on disk and on the engine's pipe (JSON, wif-record(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"
#include "util/json.hpp"
#include "util/secret.hpp"

namespace wif {

// What another program printed, byte for byte, where that is the credential.
struct ProgramOutput {
  Secret text;
  std::string token_hash;  // SHA-256 of the token in it, hexadecimal
};

struct Credential {
  Secret access_token;  // AWS: the session token
  // Only of an AWS credential, and then both.
  Secret access_key_id;
  Secret secret_access_key;
  Secret refresh_token;  // RFC 6749 section 6; empty: none was given. Never handed out.
  std::string token_type = "Bearer";
  std::string issued_token_type;
  std::string scope;             // empty: not said
  std::int64_t issued_at = 0;    // Unix seconds by the local clock when the answer came
  std::int64_t issued_boot = 0;  // seconds since boot at that moment
  std::int64_t expires_at = 0;   // Unix seconds, capped as the exchange's rules say
  std::string subject_hash;      // SHA-256 of the subject token, hexadecimal

  std::optional<ProgramOutput> output;  // then there is no access_token

  std::int64_t lifetime() const { return expires_at - issued_at; }
  bool is_aws() const { return !access_key_id.empty(); }
};

// Adds the members to an open object.
void write_credential(JsonWriter& writer, const Credential& credential);
// Strict: every member of the right type, a non-empty header-safe token or an output, a positive lifetime.
Result<Credential> read_credential(JsonValue value);

}  // namespace wif
