// SPDX-License-Identifier: Apache-2.0
// No exchange: the subject token itself is what the tool wants, as kubectl does where the API server trusts the issuer,
// Vault's JWT login, or Codex's OPENAI_IDENTITY_TOKEN_FILE. It ends when the token does, or after the setting `lifetime`
// where the token doesn't say.
#pragma once

#include "engine/exchange/exchange.hpp"

namespace wif {

ExchangeResult exchange_none(const ExchangeInput& input, Http& http);

}  // namespace wif
