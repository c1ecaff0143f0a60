// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/exchange.hpp"

#include <array>

#include "engine/exchange/openai.hpp"
#include "engine/url.hpp"

namespace wif {
namespace {

struct Row {
  std::string_view kind;
  ExchangeFunction function;
};
constexpr std::array k_exchanges = {Row{"openai", exchange_openai}};

std::string_view value_of(const NamedValues& settings, std::string_view name) {
  for (const auto& [key, value] : settings)
    if (key == name) return value;
  return {};
}

}  // namespace

std::string_view ExchangeInput::setting(std::string_view name) const { return value_of(settings, name); }

std::string ExchangeInput::token_type() const {
  if (const auto configured = setting("subject_token_type"); !configured.empty())
    return std::string(configured);
  return subject.token_type.empty() ? descriptor_type : subject.token_type;
}

ExchangeFunction find_exchange(std::string_view kind) {
  for (const auto& row : k_exchanges)
    if (row.kind == kind) return row.function;
  return nullptr;
}

std::string exchange_host(const NamedValues& settings) {
  const auto url = check_url(std::string(value_of(settings, "url")), {true, true});
  return url ? url->authority : "the configured address";
}

}  // namespace wif
