// SPDX-License-Identifier: Apache-2.0
// OAuth 2.0 at any server: token exchange (RFC 8693 section 2), a JWT as an authorization grant (RFC 7523 section 2.1),
// and the refresh token that either may come with (RFC 6749 section 6).
#pragma once

#include "engine/exchange/exchange.hpp"
#include "engine/exchange/post.hpp"
#include "engine/exchange/token_answer.hpp"

namespace wif {

ExchangeResult exchange_rfc8693(const ExchangeInput& input, Http& http);
ExchangeResult exchange_jwt_bearer(const ExchangeInput& input, Http& http);
ExchangeResult renew_oauth(const ExchangeInput& input, const Credential& former, Http& http);

// The parts, without a network: the requests' fields but for the client's.
PostFields rfc8693_fields(const ExchangeInput& input);
PostFields jwt_bearer_fields(const ExchangeInput& input);
TokenRules oauth_rules(const ExchangeInput& input);

}  // namespace wif
