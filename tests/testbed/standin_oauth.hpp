// SPDX-License-Identifier: Apache-2.0
// A general OAuth token endpoint: token exchange (RFC 8693), a JWT as a grant (RFC 7523), refresh tokens (RFC 6749
// section 6) and the four ways in which a client says who it is; and Anthropic's endpoint. Each checks what its
// specification says a server checks, as strictly as that allows.
#pragma once

#include "http.hpp"
#include "state.hpp"

namespace testbed {

// POST /oauth2/token
void oauth_token(State& state, const httplib::Request& request, httplib::Response& response);
// POST /v1/oauth/token
void anthropic_token(State& state, const httplib::Request& request, httplib::Response& response);

}  // namespace testbed
