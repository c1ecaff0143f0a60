// SPDX-License-Identifier: Apache-2.0
// wif exchanges [NAME]: the kinds of exchange and the presets, and what each takes.
#include "cli/command.hpp"
#include "cli/settings_table.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

// A preset's own settings, then its base's with the preset's values.
std::vector<SettingSpec> settings_of(const ExchangeKind& kind) {
  std::vector<SettingSpec> settings(kind.settings.begin(), kind.settings.end());
  if (kind.base.empty()) return settings;
  for (SettingSpec spec : exchange_kind(kind.base)->settings) {
    for (const auto& [name, value] : kind.set)
      if (name == spec.name) {
        spec.default_value = value;
        spec.required = false;
      }
    settings.push_back(spec);
  }
  return settings;
}

std::string list_text(const std::vector<ExchangeKind>& kinds) {
  std::string text;
  for (const auto& kind : kinds) {
    std::string name(kind.name);
    name.resize(std::max<std::size_t>(name.size() + 2, 14), ' ');
    text += name + std::string(kind.summary);
    if (!kind.base.empty()) text += " (" + std::string(kind.base) + ")";
    text += "\n";
  }
  return text;
}

void write_kind(JsonWriter& writer, const ExchangeKind& kind) {
  writer.object().member("name", kind.name).member("summary", kind.summary);
  if (!kind.base.empty()) writer.member("kind", kind.base);
  writer.member("origin", kind.origin).key("settings");
  write_settings(writer, settings_of(kind));
  writer.end();
}

Result<int> show_all(Catalogue& catalogue, bool json) {
  std::vector<Error> problems;
  const auto kinds = catalogue.all_exchanges(problems);
  for (const auto& problem : problems) warn(problem.message);
  if (!json) {
    TRY(print(list_text(kinds)));
    return 0;
  }
  JsonWriter writer;
  writer.object().member("version", 1).key("exchanges").array();
  for (const auto& kind : kinds) write_kind(writer, kind);
  writer.end().end();
  TRY(print(writer.take() + "\n"));
  return 0;
}

Result<int> show_one(Catalogue& catalogue, const std::string& name, bool json) {
  TRY_ASSIGN(const ExchangeKind kind, catalogue.find_exchange(name));
  if (json) {
    JsonWriter writer;
    write_kind(writer, kind);
    TRY(print(writer.take() + "\n"));
    return 0;
  }
  std::string text = std::string(kind.name) + ": " + std::string(kind.summary) + "\n";
  if (!kind.base.empty())
    text += "a preset of " + std::string(kind.base) + ", " + std::string(kind.origin) + "\n";
  TRY(print(text + "\nSettings, under exchange:\n" + settings_text(settings_of(kind))));
  return 0;
}

}  // namespace

Result<int> run_exchanges(const Invocation& invocation) {
  Arguments arguments("wif exchanges [NAME] [OPTIONS]",
                      "Shows what a subject token can be traded with, or what one takes.");
  arguments.examples("  wif exchanges\n  wif exchanges anthropic\n");
  std::optional<std::string> name;
  bool json = false;
  arguments.positional("NAME", name, "a kind of exchange, or a preset");
  arguments.flag("--json", json, "print JSON");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  Catalogue catalogue(real_system());
  return name ? show_one(catalogue, *name, json) : show_all(catalogue, json);
}

}  // namespace wif
