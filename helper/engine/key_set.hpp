// SPDX-License-Identifier: Apache-2.0
// An issuer's key set, for `wif setup` to write down: the discovery document (OpenID Connect Discovery 1.0, section 4), and
// what its jwks_uri holds.
#pragma once

#include "engine/work.hpp"

namespace wif {

// The key set's text as it came, once it is known to be one (RFC 7517 section 5).
Result<std::string> fetch_key_set(const std::string& issuer, const NamedValues& trust, Http& http);

// For a request that has `key_set_of`.
EngineAnswer hand_over_key_set(const Work& work);

}  // namespace wif
