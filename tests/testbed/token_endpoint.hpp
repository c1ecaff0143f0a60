// SPDX-License-Identifier: Apache-2.0
// OpenAI's token endpoint: every check of specification 1, in its order, and the answers as OpenAI gives them.
#pragma once

#include "access_tokens.hpp"
#include "clock.hpp"
#include "config.hpp"
#include "json.hpp"
#include "keys.hpp"

#include <string>

namespace testbed {

struct TokenAnswer {
  int status;
  Json body;
  // "ok", or the check that failed, e.g. wrong_audience: for tests, whatever the answer shows.
  std::string outcome;
};

struct TokenServices {
  const KeyRing& keys;
  const Clock& clock;
  AccessTokens& tokens;
};

TokenAnswer exchange(const TokenServices& services, const Config& config, const std::string& content_type,
                     const std::string& body);

}  // namespace testbed
