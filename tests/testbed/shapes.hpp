// SPDX-License-Identifier: Apache-2.0
// What the claims of each kind of subject token look like.
#pragma once

#include "json.hpp"

#include <cstdint>
#include <string>

namespace testbed {

struct ShapeContext {
  std::string issuer;
  std::string audience;
  std::int64_t issued;
  std::int64_t expires;
};

// shape: kubernetes, google, azure, github, spiffe, aws or bare. Throws std::invalid_argument for another.
Json shaped_claims(const std::string& shape, const ShapeContext& context);

}  // namespace testbed
