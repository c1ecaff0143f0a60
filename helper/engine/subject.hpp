// SPDX-License-Identifier: Apache-2.0
// A subject token, as a provider handed it over, and what is checked of it before it leaves this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/jwt.hpp"
#include "util/error.hpp"
#include "util/secret.hpp"

namespace wif {

struct SubjectToken {
  Secret token;
  std::string token_type;                  // the provider's, empty: the descriptor's
  std::optional<std::int64_t> expires_at;  // Unix seconds: the provider's and the JWT's, the earlier one
  std::string hash;                        // SHA-256, hexadecimal
  std::string claims;                      // describe_claims, empty if it is no JWT
  std::optional<Error> refusal;  // the provider found it and refuses it: for people to look at, never sent
};

// "iss=… sub=… aud=… exp=…": not secret, one line, cut.
std::string describe_claims(const Jwt& jwt);

// Fills in hash, claims and expiry. Errors: the provider's refusal; else (no_identity) not fit for a header, not a JWT where `token_type` says that
// it is one, expired by `now` (Unix seconds). `source` is for the messages: "provider 'file'".
Status check_subject(SubjectToken& subject, const std::string& source, const std::string& token_type,
                     std::int64_t now);

}  // namespace wif
