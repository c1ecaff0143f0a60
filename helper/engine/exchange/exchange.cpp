// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/exchange.hpp"

#include <array>

#include "core/exchange_settings.hpp"
#include "engine/exchange/aws_sts.hpp"
#include "engine/exchange/none.hpp"
#include "engine/exchange/oauth.hpp"
#include "engine/exchange/openai.hpp"
#include "engine/url.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::array k_exchanges = {
    Exchange{"openai", exchange_openai},
    Exchange{"none", exchange_none},
    Exchange{"aws-sts", exchange_aws_sts, nullptr, aws_sts_url},
    Exchange{"rfc8693", exchange_rfc8693, renew_oauth},
    Exchange{"jwt-bearer", exchange_jwt_bearer, renew_oauth},
};

}  // namespace

std::string_view setting_of(const NamedValues& settings, std::string_view name) {
  for (const auto& [key, value] : settings)
    if (key == name) return value;
  return {};
}

std::string_view ExchangeInput::setting(std::string_view name) const { return setting_of(settings, name); }

std::vector<std::string> ExchangeInput::list(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto element : split(setting(name), '\n'))
    if (!element.empty()) out.emplace_back(element);
  return out;
}

std::vector<std::pair<std::string, std::string>> ExchangeInput::fields() const {
  const std::string prefix = std::string(k_fields) + ".";
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [key, value] : settings)
    if (key.starts_with(prefix)) out.emplace_back(key.substr(prefix.size()), value);
  return out;
}

std::string ExchangeInput::token_type() const {
  if (const auto configured = setting("subject_token_type"); !configured.empty())
    return std::string(configured);
  return subject.token_type.empty() ? descriptor_type : subject.token_type;
}

const Exchange* find_exchange(std::string_view kind) {
  for (const auto& exchange : k_exchanges)
    if (exchange.kind == kind) return &exchange;
  return nullptr;
}

std::string exchange_host(const Exchange& exchange, const NamedValues& settings) {
  const std::string asked =
      exchange.url != nullptr ? exchange.url(settings) : std::string(setting_of(settings, "url"));
  const auto url = check_url(asked, {true, true});
  return url ? url->authority : "the configured address";
}

}  // namespace wif
