// SPDX-License-Identifier: Apache-2.0
// What each kind of exchange may be told: the table that configuration is checked against and that wif-engine's
// exchanges are written for. One row a setting; helper/engine/exchange has one file a kind. A preset is a kind that is
// data: another kind, with values of its own and fields that it sends besides (preset_parser.hpp).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/descriptor.hpp"

namespace wif {

struct ExchangeKind {
  std::string_view name;
  std::string_view summary;
  std::span<const SettingSpec> settings;     // a preset: only its own, each of which is sent under its name
  std::string_view base = {};                // a preset: the kind whose code does it; else empty
  std::span<const ImpliedSetting> set = {};  // a preset: values of its base's settings
  std::string_view hosts = {};  // whom its credential is for, joined by '\n'; what `hosts` says comes first
  std::string_view origin = "built in";  // path of the preset's file
  // What the server wants a subject token to be for, where providers have an audience of their own; empty: any.
  std::string_view audience = {};
  std::span<const ImpliedSetting> prefixes = {};  // a preset: how values of settings begin, for doctor

  // The kind whose code does it.
  std::string_view engine_kind() const { return base.empty() ? name : base; }
  const SettingSpec* setting(std::string_view setting_name) const;
};

// The kinds that are code. The first is the one that a profile without exchange.kind has.
std::span<const ExchangeKind> exchange_kinds();
const ExchangeKind* exchange_kind(std::string_view name);

// The kind whose credential is the subject token itself.
inline constexpr std::string_view k_no_exchange = "none";

// Whether OpenAI's audience is the one that is meant where nobody says another: a subject token for OpenAI is no other server's to
// have.
bool means_openai(const ExchangeKind& kind);

// The presets that are compiled in, in the order of their names (helper/engine/exchange/presets).
std::span<const ExchangeKind> built_in_presets();

// The setting that takes any keys, as a table of strings, and sends each under its name.
inline constexpr std::string_view k_fields = "fields";

// A preset read at run time, which owns its strings.
class LoadedPreset {
 public:
  // Errors are of category configuration and begin with "PATH:LINE:COLUMN: ".
  static Result<LoadedPreset> parse(std::string_view toml, const std::string& path);
  const ExchangeKind& get() const;
  std::shared_ptr<const void> storage() const { return m_storage; }

 private:
  struct Storage;
  std::shared_ptr<const Storage> m_storage;
};

}  // namespace wif
