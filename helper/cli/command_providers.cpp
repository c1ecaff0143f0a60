// SPDX-License-Identifier: Apache-2.0
// wif providers [NAME]: what was looked for here, in order, and what was found.
#include "cli/command.hpp"
#include "core/detection.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

const char* word_of(SettingType type) {
  switch (type) {
    case SettingType::string:
      return "string";
    case SettingType::integer:
      return "integer";
    case SettingType::boolean:
      return "boolean";
    case SettingType::duration:
      return "duration";
    case SettingType::list:
      return "list";
    case SettingType::strings:
      return "string or list";
  }
  return "string";
}

std::string survey_json(const std::vector<Finding>& findings) {
  JsonWriter writer;
  writer.object().member("version", 1).key("findings").array();
  for (const auto& finding : findings) {
    writer.object();
    writer.member("provider", finding.descriptor.name);
    writer.member("rank", finding.rank);
    writer.member("found", finding.found);
    writer.member("why", std::string_view(finding.why));
    writer.end();
  }
  writer.end().end();
  return writer.take() + "\n";
}

std::string survey_text(const std::vector<Finding>& findings) {
  std::string text;
  bool first = true;
  for (const auto& finding : findings) {
    std::string name(finding.descriptor.name);
    name.resize(std::max<std::size_t>(name.size(), 12), ' ');
    text += std::string(finding.found ? (first ? "* " : "+ ") : "  ") + name + " " + finding.why + "\n";
    first = first && !finding.found;
  }
  text += first ? "\nNothing found: name a provider in a profile, as subject = { provider = \"...\" }.\n"
                : "\n* is what provider = \"auto\" takes; + was found too, and comes after it.\n";
  return text;
}

std::string describe_json(const Descriptor& descriptor) {
  JsonWriter writer;
  writer.object().member("version", 1);
  writer.member("name", descriptor.name).member("summary", descriptor.summary);
  writer.member("module", descriptor.module).member("origin", descriptor.origin);
  writer.member("token_type", descriptor.token_type).key("settings").array();
  for (const auto& setting : descriptor.settings) {
    writer.object().member("name", setting.name).member("type", word_of(setting.type));
    writer.member("required", setting.required).member("default", setting.default_value);
    writer.member("help", setting.help).end();
  }
  writer.end().end();
  return writer.take() + "\n";
}

std::string describe_text(const Descriptor& descriptor) {
  std::string text = std::string(descriptor.name) + ": " + std::string(descriptor.summary) + "\n";
  text += "module " + std::string(descriptor.module) + " (" + std::string(descriptor.origin) + ")\n";
  text += "token type " + std::string(descriptor.token_type) + "\n\nSettings, under subject:\n";
  for (const auto& setting : descriptor.settings) {
    std::string name(setting.name);
    name.resize(std::max<std::size_t>(name.size(), 16), ' ');
    text += "  " + name + " " + word_of(setting.type) + (setting.required ? ", required" : "") + ": " +
            std::string(setting.help);
    if (!setting.default_value.empty()) text += " (" + std::string(setting.default_value) + ")";
    text += "\n";
  }
  return text;
}

}  // namespace

Result<int> run_providers(const Invocation& invocation) {
  Arguments arguments("wif providers [NAME] [OPTIONS]",
                      "Shows where an identity was looked for, in order, and what was found;\n"
                      "with a name, that provider's settings.");
  arguments.examples("  wif providers\n  wif providers file\n");
  std::optional<std::string> name;
  bool json = false;
  arguments.positional("NAME", name, "a provider");
  arguments.flag("--json", json, "print JSON");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  Catalogue catalogue(real_system());
  if (name) {
    TRY_ASSIGN(const Descriptor descriptor, catalogue.find(*name));
    TRY(print(json ? describe_json(descriptor) : describe_text(descriptor)));
    return 0;
  }
  std::vector<Error> problems;
  const auto findings = survey(real_system(), catalogue, problems);
  TRY(print(json ? survey_json(findings) : survey_text(findings)));
  for (const auto& problem : problems) report(problem);
  return problems.empty() ? 0 : static_cast<int>(Category::configuration);
}

}  // namespace wif
