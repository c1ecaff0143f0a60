// SPDX-License-Identifier: Apache-2.0
// A look into a JSON Web Token (RFC 7519), to say early what a relying party would refuse. No signature is verified, and
// nothing is trusted for what it says of itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/json.hpp"

namespace wif::kit {

struct PeekedJwt {
  Json header;
  Json payload;

  std::string text(const char* claim) const;     // "" if absent or not a string
  std::vector<std::string> audience() const;     // `aud`, be it one or an array
  bool is_for(std::string_view audience) const;  // one of them
};

// Nothing if it isn't three parts of base64url with two JSON objects. Wiped with the object.
std::optional<PeekedJwt> peek_jwt(std::string_view token);

}  // namespace wif::kit
