// SPDX-License-Identifier: Apache-2.0
// The token endpoint that a GitHub Actions runner names in ACTIONS_ID_TOKEN_REQUEST_URL:
// https://docs.github.com/en/actions/reference/security/oidc. Its path has two slashes in a row and its query a member, as
// the real one's; without an audience the token is for the repository's owner, and it lives for five minutes.
#pragma once

#include "http.hpp"
#include "state.hpp"

namespace testbed {

// GET /222//idtoken/*
void github_id_token(State& state, const httplib::Request& request, httplib::Response& response);

}  // namespace testbed
