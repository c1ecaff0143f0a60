// SPDX-License-Identifier: Apache-2.0
// How an OAuth client says who it is, by the setting client_auth:
//   none               client_id as a field, if it is set
//   basic              RFC 6749 section 2.3.1: the Authorization header
//   post               the same section: client_id and client_secret as fields
//   private_key_jwt    RFC 7523 section 2.2: client_assertion, signed with the client's private key
// The secret is read from a file or an environment variable, never from the configuration itself.
#pragma once

#include <string>
#include <string_view>

#include "engine/exchange/post.hpp"

namespace wif {

// Adds fields to the body that is to be, and a header to the request. Errors (configuration): a missing setting, a file
// that can't be read, a key that can't be used.
Status authenticate_client(const ExchangeInput& input, PostFields& fields, HttpRequest& request);

// RFC 7523 section 3: iss and sub are the client, aud the token endpoint, good for a minute, with a jti of its own.
std::string client_claims(std::string_view client_id, std::string_view audience, std::int64_t now);

// A compact JWS (RFC 7515) over `claims`, by the private key in `pem`: RS256, ES256, ES384, ES512 or EdDSA, as the key is.
// `key_id` is the header's kid, left out where empty. The error's message is about the key.
Result<Secret> sign_jwt(std::string_view pem, std::string_view key_id, std::string_view claims);

}  // namespace wif
