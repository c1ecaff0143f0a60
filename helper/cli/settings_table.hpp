// SPDX-License-Identifier: Apache-2.0
// What a provider or an exchange may be told, for people and as JSON.
#pragma once

#include <span>
#include <string>

#include "core/descriptor.hpp"
#include "util/json.hpp"

namespace wif {

// One line each.
std::string settings_text(std::span<const SettingSpec> settings);
// As an array, after key("settings").
void write_settings(JsonWriter& writer, std::span<const SettingSpec> settings);

}  // namespace wif
