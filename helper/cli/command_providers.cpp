// SPDX-License-Identifier: Apache-2.0
// wif providers [NAME]: what was looked for here, in order, and what was found.
#include "cli/command.hpp"
#include "cli/settings_table.hpp"
#include "core/detection.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

constexpr const char* k_never_detected = "is never looked for: name it in a profile";

// Those without any detection, for completeness.
std::vector<Descriptor> undetected(Catalogue& catalogue) {
  std::vector<Error> told_by_survey;
  std::vector<Descriptor> out;
  for (const Descriptor& descriptor : catalogue.all(told_by_survey))
    if (descriptor.detections.empty()) out.push_back(descriptor);
  return out;
}

std::string survey_json(const std::vector<Finding>& findings, const std::vector<Descriptor>& others) {
  JsonWriter writer;
  writer.object().member("version", 1).key("findings").array();
  bool first = true;
  for (const auto& finding : findings) {
    writer.object();
    writer.member("provider", finding.descriptor.name);
    writer.member("rank", finding.rank);
    writer.member("found", finding.found);
    writer.member("taken", finding.found && first);
    writer.member("why", std::string_view(finding.why));
    writer.end();
    first = first && !finding.found;
  }
  for (const auto& descriptor : others) {
    writer.object().member("provider", descriptor.name).key("rank").null();
    writer.member("found", false).member("taken", false).member("why", k_never_detected).end();
  }
  writer.end().end();
  return writer.take() + "\n";
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

std::string row(char mark, std::string_view name, const std::string& rank, const std::string& why) {
  return std::string(1, mark) + " " + padded(std::string(name), 12) + " " + padded(rank, 5) + why + "\n";
}

// Why the first one found comes before each of the others.
std::string order_words(const std::vector<const Finding*>& found) {
  const Finding& taken = *found.front();
  const std::string name(taken.descriptor.name);
  std::string text;
  for (std::size_t i = 1; i < found.size(); ++i) {
    const std::string other(found[i]->descriptor.name);
    if (found[i]->rank == taken.rank) {
      text += name + " and " + other + " share rank " + std::to_string(taken.rank) +
              ": the first by name is taken. A profile that names one decides.\n";
    } else {
      text += name + " (rank " + std::to_string(taken.rank) + ") is asked before " + other + " (rank " +
              std::to_string(found[i]->rank) + ").\n";
    }
  }
  return text;
}

std::string survey_text(const std::vector<Finding>& findings, const std::vector<Descriptor>& others) {
  std::string text = row(' ', "provider", "rank", "why");
  std::vector<const Finding*> found;
  for (const auto& finding : findings) {
    const char mark = !finding.found ? ' ' : found.empty() ? '*' : '+';
    if (finding.found) found.push_back(&finding);
    text += row(mark, finding.descriptor.name, std::to_string(finding.rank), finding.why);
  }
  for (const auto& descriptor : others) text += row(' ', descriptor.name, "-", k_never_detected);
  if (found.empty())
    return text + "\nNothing found: name a provider in a profile, as subject = { provider = \"...\" }.\n";
  return text +
         "\n* is what provider = \"auto\" takes; + was found too, and comes after it: lower ranks first.\n" +
         order_words(found);
}

std::string describe_json(const Descriptor& descriptor) {
  JsonWriter writer;
  writer.object().member("version", 1);
  writer.member("name", descriptor.name).member("summary", descriptor.summary);
  writer.member("module", descriptor.module).member("origin", descriptor.origin);
  writer.member("token_type", descriptor.token_type).key("settings");
  write_settings(writer, descriptor.settings);
  writer.end();
  return writer.take() + "\n";
}

std::string describe_text(const Descriptor& descriptor) {
  std::string text = std::string(descriptor.name) + ": " + std::string(descriptor.summary) + "\n";
  text += "module " + std::string(descriptor.module) + " (" + std::string(descriptor.origin) + ")\n";
  text += "token type " + std::string(descriptor.token_type) + "\n\nSettings, under subject:\n";
  return text + settings_text(descriptor.settings);
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
  const auto others = undetected(catalogue);
  TRY(print(json ? survey_json(findings, others) : survey_text(findings, others)));
  for (const auto& problem : problems) report(problem);
  return problems.empty() ? 0 : static_cast<int>(Category::configuration);
}

}  // namespace wif
