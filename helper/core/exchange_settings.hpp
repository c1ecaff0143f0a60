// SPDX-License-Identifier: Apache-2.0
// What each kind of exchange may be told: the table that configuration is checked against and that
// wif-engine's exchanges are written for. One row a setting; helper/engine/exchange has one file a kind.
#pragma once

#include <span>
#include <string_view>

#include "core/descriptor.hpp"

namespace wif {

struct ExchangeKind {
  std::string_view name;
  std::string_view summary;
  std::span<const SettingSpec> settings;
};

std::span<const ExchangeKind> exchange_kinds();
const ExchangeKind* exchange_kind(std::string_view name);

}  // namespace wif
