// SPDX-License-Identifier: Apache-2.0
// Trading a subject token for a credential. One file a kind; a new one adds a row to the table in exchange.cpp and one
// to core/exchange_settings.cpp.
#pragma once

#include <string>
#include <string_view>

#include "core/engine_protocol.hpp"
#include "core/system.hpp"
#include "engine/http.hpp"
#include "engine/subject.hpp"

namespace wif {

struct ExchangeInput {
  const NamedValues& settings;         // the kind's, by short name, defaults applied
  const SubjectToken& subject;         // checked
  const std::string& descriptor_type;  // the token type that the provider's descriptor names
  const System& system;

  std::string_view setting(std::string_view name) const;  // empty if unset
  // The setting subject_token_type, else what the provider said of this token, else the descriptor's.
  std::string token_type() const;
};

using ExchangeResult = tl::expected<Credential, EngineError>;
using ExchangeFunction = ExchangeResult (*)(const ExchangeInput&, Http&);

// Null if there is no such kind.
ExchangeFunction find_exchange(std::string_view kind);

// Host and port of the setting `url`, for messages.
std::string exchange_host(const NamedValues& settings);

}  // namespace wif
