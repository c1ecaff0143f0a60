// SPDX-License-Identifier: Apache-2.0
// Key sets (RFC 7517) and signatures (RFC 7515), to tell why a token would be refused. Nothing is decided by them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"
#include "util/json.hpp"

namespace wif {

// One key of a set, as far as comparing and naming it goes.
struct JwkName {
  std::string key_id;      // kid; empty if absent
  std::string thumbprint;  // RFC 7638, SHA-256, hexadecimal; empty of a key type that isn't known
};

// The keys of {"keys": [...]}; the error says what is wrong with the set.
Result<std::vector<JsonValue>> keys_of(const Json& set);
JwkName name_of(JsonValue key);

// Whether `signature` (raw bytes) of `signed_text` verifies with that key under `algorithm` (RFC 7518, section 3.1; RFC 8037). An
// error where that can't be told: a key or algorithm that isn't known, or that don't go together.
Result<bool> verifies(JsonValue key, std::string_view algorithm, std::string_view signed_text,
                      std::string_view signature);

// Algorithms that an issuer's public key can verify.
bool is_public_key_algorithm(std::string_view algorithm);

}  // namespace wif
