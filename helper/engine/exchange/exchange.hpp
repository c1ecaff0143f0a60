// SPDX-License-Identifier: Apache-2.0
// Trading a subject token for a credential. One file a kind; a new one adds a row to the table in exchange.cpp and one
// to core/exchange_settings.cpp. A server whose exchange is RFC 8693's or RFC 7523's needs neither: see presets/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  const SubjectToken* actor = nullptr;  // RFC 8693 section 2.1, where the profile names one

  std::string_view setting(std::string_view name) const;  // empty if unset
  std::vector<std::string> list(std::string_view name) const;
  // The settings below `fields`, by their own names.
  std::vector<std::pair<std::string, std::string>> fields() const;
  // The setting subject_token_type, else what the provider said of this token, else the descriptor's.
  std::string token_type() const;
};

using ExchangeResult = tl::expected<Credential, EngineError>;
using ExchangeFunction = ExchangeResult (*)(const ExchangeInput&, Http&);
// A new credential for the former one's refresh token. The input's subject is empty.
using RenewFunction = ExchangeResult (*)(const ExchangeInput&, const Credential& former, Http&);

struct Exchange {
  std::string_view kind;
  ExchangeFunction exchange;
  RenewFunction renew = nullptr;  // null: the kind knows no refresh tokens
  // What is asked, for messages; null: the setting `url`.
  std::string (*url)(const NamedValues& settings) = nullptr;
};

// Null if there is no such kind.
const Exchange* find_exchange(std::string_view kind);

std::string_view setting_of(const NamedValues& settings, std::string_view name);

// Host and port that the exchange talks to, for messages.
std::string exchange_host(const Exchange& exchange, const NamedValues& settings);

}  // namespace wif
