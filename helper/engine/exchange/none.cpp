// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/none.hpp"

#include "util/text.hpp"

namespace wif {

ExchangeResult exchange_none(const ExchangeInput& input, Http&) {
  const Now now = input.system.now();
  Credential credential;
  credential.access_token = input.subject.token.clone();
  credential.issued_token_type = input.token_type();
  credential.issued_at = now.wall;
  credential.issued_boot = now.boot();
  credential.expires_at =
      input.subject.expires_at.value_or(now.wall + parse_duration(input.setting("lifetime")).value_or(300));
  return credential;
}

}  // namespace wif
