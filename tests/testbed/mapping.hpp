// SPDX-License-Identifier: Apache-2.0
// Does a mapping match the claims? Keys are top-level scalar claims, or openai.* attributes that a provider derives.
#pragma once

#include "config.hpp"
#include "json.hpp"

#include <optional>
#include <string>

namespace testbed {

// The claim at "assertion.a.b" or assertion["a"].b. Names may hold dots themselves, as kubernetes.io does.
Json claim_at(const Json& claims, std::string path);
bool value_matches(const std::string& pattern, const std::string& value);
bool mapping_matches(const Mapping& mapping, const Provider& provider, const Json& claims);

}  // namespace testbed
