// SPDX-License-Identifier: Apache-2.0
#include "cli/setup_profile.hpp"

#include "core/exchange_settings.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_subject = "subject.";
constexpr std::string_view k_audience = "subject.audience";

// A preset takes its base's settings too.
const SettingSpec* find_setting(const ExchangeKind& kind, std::string_view name) {
  if (const SettingSpec* own = kind.setting(name)) return own;
  const ExchangeKind* base = kind.base.empty() ? nullptr : exchange_kind(kind.base);
  return base == nullptr ? nullptr : base->setting(name);
}

std::optional<std::string> from_environment(const System& system, std::string_view variables) {
  for (const auto variable : split(variables, ' '))
    if (auto value = variable.empty() ? std::nullopt : system.variable(std::string(variable).c_str()))
      return value;
  return {};
}

bool is_set_already(const ExchangeKind& kind, std::string_view name) {
  for (const auto& set : kind.set)
    if (set.name == name) return true;
  return false;
}

// Defaults stay unwritten, and so does what the environment says, but for the audience: that one is entered at the relying party.
bool belongs_into_file(const std::string& key, const Setting& setting) {
  if (key == "subject.provider") return false;  // written first
  return setting.origin == "--set" || setting.origin.starts_with("detected: ") ||
         setting.origin.starts_with('/') || (key == k_audience && setting.origin != "default");
}

std::vector<ProfileValue> subject_values(const Profile& source) {
  std::vector<ProfileValue> out;
  if (!source.provider.name.empty())
    out.push_back({"provider", SettingType::string, std::string(source.provider.name)});
  for (auto it = source.settings.lower_bound(k_subject); it != source.settings.end(); ++it) {
    const auto& [key, setting] = *it;
    if (!key.starts_with(k_subject)) break;
    if (!belongs_into_file(key, setting)) continue;
    const std::string name = key.substr(k_subject.size());
    const SettingSpec* spec = source.provider.setting(name);
    out.push_back({name, spec == nullptr ? SettingType::string : spec->type, setting.value});
  }
  return out;
}

std::vector<ProfileValue> exchange_values(const ExchangeChoice& exchange) {
  std::vector<ProfileValue> out = {{"kind", SettingType::string, std::string(exchange.kind.name)}};
  for (const auto& [name, value] : exchange.given) {
    const SettingSpec* spec = find_setting(exchange.kind, name);
    out.push_back({name, spec == nullptr ? SettingType::string : spec->type, value});
  }
  for (const auto& name : exchange.missing) out.push_back({name, SettingType::string, "<" + name + ">"});
  return out;
}

}  // namespace

Result<ExchangeChoice> choose_exchange(const System& system, Catalogue& catalogue, const std::string& kind,
                                       GivenSettings given) {
  ExchangeChoice choice;
  TRY_ASSIGN(choice.kind, catalogue.find_exchange(kind));
  choice.given = std::move(given);
  for (const auto& [name, value] : choice.given)
    if (find_setting(choice.kind, name) == nullptr)
      return fail(Category::usage, "the exchange " + kind + " takes no " + printable(name, 60),
                  "`wif exchanges " + kind + "` lists what it takes");
  for (const auto& spec : choice.kind.settings) {
    const std::string name(spec.name);
    if (choice.given.contains(name) || is_set_already(choice.kind, name)) continue;
    if (auto value = from_environment(system, spec.variable)) {
      choice.given[name] = std::move(*value);
    } else if (spec.required) {
      choice.missing.push_back(name);
    }
  }
  return choice;
}

NewProfile propose_profile(const std::string& name, const Profile& source, const ExchangeChoice& exchange,
                           const Advice& advice, const std::string& jwks_file) {
  NewProfile profile;
  profile.name = name;
  profile.subject = subject_values(source);
  profile.exchange = exchange_values(exchange);
  profile.expect = {{"issuer", SettingType::string, advice.issuer},
                    {"audience", SettingType::string, advice.audience}};
  if (advice.keys.upload && !jwks_file.empty())
    profile.expect.push_back({"jwks_file", SettingType::string, jwks_file});
  for (const auto& row : advice.rows)
    if (row.recommended) profile.claims.emplace_back(row.key, row.value);
  return profile;
}

}  // namespace wif
