// SPDX-License-Identifier: Apache-2.0
// What can be told of a subject token by looking at it: OpenAI's own checks in its order, the profile's expectations, and the
// mapping's rows. Pure: a decoded token in, steps out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnosis.hpp"
#include "core/engine_protocol.hpp"
#include "core/jwt.hpp"

namespace wif {

struct TokenExpectation {
  const NamedValues& expect;  // "issuer", "audience", "claims.NAME", "attributes.NAME", ... by short name
  std::string
      requested_audience;  // subject.audience, which the source was asked for; empty: the source has no such setting
  bool openai = true;    // its rules hold; else what it would mind is a warning
  std::int64_t now = 0;  // Unix seconds
};

// kid, alg, iss, aud, sub, exp, iat, mapping: each once.
std::vector<DoctorStep> check_token(const Jwt& jwt, const TokenExpectation& expectation);

// Rows of `expect.claims` that the token doesn't match, as a mapping would see them: the step `mapping`.
DoctorStep check_mapping(const Jwt& jwt, const NamedValues& expect);

}  // namespace wif
