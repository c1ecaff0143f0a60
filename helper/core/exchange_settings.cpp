// SPDX-License-Identifier: Apache-2.0
#include "core/exchange_settings.hpp"

#include <array>

namespace wif {
namespace {

constexpr std::array k_openai = {
    SettingSpec{"url", SettingType::string, "https://auth.openai.com/oauth/token", "token endpoint", false},
    SettingSpec{"identity_provider_id", SettingType::string, "", "id of the Workload Identity Provider",
                true},
    SettingSpec{"service_account_id", SettingType::string, "", "id of the service account to act as", true},
    SettingSpec{"client_id", SettingType::string, "", "OAuth client id, sent only if set", false},
    SettingSpec{"subject_token_type", SettingType::string, "", "in place of the provider's own type", false},
    SettingSpec{"ca_file", SettingType::string, "", "PEM file of trust anchors, in place of the system's",
                false},
    SettingSpec{"ca_dir", SettingType::string, "",
                "hashed directory of trust anchors, in place of the system's", false},
};

constexpr std::array k_kinds = {
    ExchangeKind{"openai", "OpenAI workload identity federation (RFC 8693 with OpenAI's fields)", k_openai},
};

}  // namespace

std::span<const ExchangeKind> exchange_kinds() { return k_kinds; }

const ExchangeKind* exchange_kind(std::string_view name) {
  for (const auto& kind : k_kinds)
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace wif
