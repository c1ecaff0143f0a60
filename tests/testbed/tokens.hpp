// SPDX-License-Identifier: Apache-2.0
// Subject tokens: minting them, right or deliberately wrong, and taking them apart.
#pragma once

#include "json.hpp"
#include "keys.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace testbed {

inline constexpr const char* k_audience = "https://api.openai.com/v1";

struct MintContext {
  const KeyRing& keys;
  std::string issuer;
  std::int64_t now;
};

// README.md lists the options. Throws std::invalid_argument for an unknown shape or algorithm.
std::string mint(const MintContext& context, const Json& options);

struct Decoded {
  Json header;
  Json claims;
};

// Nothing unless there are three canonical base64url parts, the first two of them JSON objects. The signature isn't
// checked.
std::optional<Decoded> decode(const std::string& token);

}  // namespace testbed
