// SPDX-License-Identifier: Apache-2.0
// Reading a JSON Web Token (RFC 7519) for its expiry, for bindings and for diagnosis. No signature is looked at:
// what is read here is never trusted, only compared and shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"
#include "util/json.hpp"

namespace wif {

struct Jwt {
  Json header;
  Json payload;
  std::string algorithm;  // alg; empty if absent
  std::string key_id;     // kid; empty if absent
  std::string issuer;     // iss; empty if absent, like the two below
  std::string subject;
  std::vector<std::string> audience;
  bool audience_is_array = false;
  std::optional<std::int64_t> expires_at;  // Unix seconds, as the two below
  std::optional<std::int64_t> issued_at;
  std::optional<std::int64_t> not_before;
};

// Strict (RFC 7515 section 7.1): three parts, unpadded canonical base64url, header and payload UTF-8 JSON objects;
// claims that are there have their registered type. The error (category no_identity) says which part is wrong and how.
Result<Jwt> decode_jwt(std::string_view token);

// What a text that should be a token is instead, as far as its looks tell: "it is JSON, ..."; empty if they don't. Shows nothing
// of it.
std::string other_form(std::string_view text);

}  // namespace wif
