// SPDX-License-Identifier: Apache-2.0
// A token endpoint's answer of status 200 (RFC 6749 section 5.1, RFC 8693 section 2.2.1), strictly read.
//
// An answer that isn't what is described there is of category unreachable: something answered, and it wasn't a relying
// party that did its work. Nothing of it is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/credential.hpp"
#include "core/system.hpp"
#include "engine/http.hpp"

namespace wif {

inline constexpr std::string_view k_access_token_type = "urn:ietf:params:oauth:token-type:access_token";

struct TokenRules {
  // Any issued_token_type, of which what isn't an access token may be of token_type N_A; a refresh token is kept; where
  // expires_in is absent, a JWT's exp counts. Else: bearer access tokens only.
  bool any_token = false;
  std::int64_t default_lifetime = 3600;  // seconds, where nothing says it
  std::optional<std::int64_t> cap;       // Unix seconds: no later than the subject token's end
};

// `now` is the moment the answer came.
Result<Credential> read_token_answer(const HttpResponse& response, const std::string& host,
                                     const TokenRules& rules, const Now& now);

}  // namespace wif
