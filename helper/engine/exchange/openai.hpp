// SPDX-License-Identifier: Apache-2.0
// OpenAI's token exchange, JWT mode: RFC 8693 as JSON, with OpenAI's own fields.
//
//   POST https://auth.openai.com/oauth/token     no Authorization header, no scope
//   {"grant_type": …token-exchange, "subject_token_type", "subject_token", "identity_provider_id",
//    "service_account_id", "client_id" (only if set)}
//   200 {"access_token", "issued_token_type", "token_type": "Bearer", "expires_in", "scope"?, "expires_at"?}
//   400, 401, 403 {"error", "error_description"};  most configuration mistakes: a bare 500
//
// An answer that isn't what is described here is of category unreachable: something answered, and it wasn't a
// relying party that did its work. Nothing of it is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/exchange/exchange.hpp"
#include "engine/exchange/token_answer.hpp"

namespace wif {

ExchangeResult exchange_openai(const ExchangeInput& input, Http& http);

// The parts, without a network.
Secret openai_body(const ExchangeInput& input);

// `subject_expires_at` caps the credential's life; `now` is the moment the answer came.
Result<Credential> read_openai_answer(const HttpResponse& response, const std::string& host,
                                      std::optional<std::int64_t> subject_expires_at, const Now& now);

// Any status but 200. `url` is what was asked, for redirects.
EngineError openai_error(const HttpResponse& response, const std::string& host, const std::string& url,
                         const SubjectToken& subject);

}  // namespace wif
