// SPDX-License-Identifier: Apache-2.0
// wif config show|check|path|profiles
#include "cli/command.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

Result<int> show(const Profile& profile, bool json) {
  if (json) {
    JsonWriter writer;
    writer.object().member("version", 1).member("profile", std::string_view(profile.name));
    writer.member("provider", profile.provider.name)
        .member("provider_why", std::string_view(profile.provider_why));
    writer.member("exchange", profile.exchange.name).key("settings").object();
    for (const auto& [key, setting] : profile.settings) {
      writer.key(key).object().member("value", std::string_view(setting.value));
      writer.member("origin", std::string_view(setting.origin)).end();
    }
    writer.end().end();
    TRY(print(writer.take() + "\n"));
    return 0;
  }
  const std::string subject(profile.get("subject.profile"));
  std::string text = "profile " + profile.name + "\n";
  text += subject.empty() ? "provider " + std::string(profile.provider.name) : "subject profile " + subject;
  text += " (" + profile.provider_why + ")\nexchange " + std::string(profile.exchange.name) + "\n";
  for (const auto& [key, setting] : profile.settings) {
    std::string value = setting.value;
    for (auto& c : value)
      if (c == '\n') c = ',';
    text += "  " + key + " = " + value + "    # " + setting.origin + "\n";
  }
  TRY(print(text));
  return 0;
}

Result<int> check(const Config& config) {
  Catalogue catalogue(real_system());
  const auto mistakes = config.check(catalogue);
  for (const auto& mistake : mistakes) report(mistake);
  if (!mistakes.empty()) return static_cast<int>(Category::configuration);
  TRY_ASSIGN(const auto names, config.profile_names());
  TRY(print("no mistake found in " + std::to_string(names.size()) + " profile" +
            (names.size() == 1 ? "" : "s") + "\n"));
  return 0;
}

Result<int> paths(const Config& config, bool json) {
  JsonWriter writer;
  writer.object().member("version", 1).key("files").array();
  std::string text;
  for (const auto& file : config.files()) {
    writer.object().member("path", std::string_view(file.path)).member("exists", file.exists).end();
    text += file.path + (file.exists ? "" : "  (not there)") + "\n";
  }
  writer.end().end();
  TRY(print(json ? writer.take() + "\n" : text));
  return 0;
}

Result<int> profiles(const Config& config, bool json) {
  TRY_ASSIGN(const auto names, config.profile_names());
  JsonWriter writer;
  writer.object().member("version", 1).key("profiles").array();
  std::string text;
  for (const auto& name : names) {
    writer.value(std::string_view(name));
    text += name + "\n";
  }
  writer.end().end();
  TRY(print(json ? writer.take() + "\n" : text));
  return 0;
}

}  // namespace

Result<int> run_config(const Invocation& invocation) {
  Arguments arguments("wif config show|check|path|profiles [OPTIONS]",
                      "Shows what a profile effectively says and where each value comes from,\n"
                      "checks every file, tells which files are read, or lists the profiles.");
  arguments.examples("  wif config show -p prod\n  wif config check --config ./wif.toml\n");
  std::optional<std::string> action;
  bool json = false;
  arguments.positional("ACTION", action, "show, check, path or profiles");
  arguments.flag("--json", json, "print JSON");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  if (action != "show" && action != "check" && action != "path" && action != "profiles")
    return fail(Category::usage, action ? "unknown action \"" + *action + "\"" : "no action",
                "use wif config show, check, path or profiles");
  TRY_ASSIGN(const Config config, Config::load(real_system(), global.choice));
  if (action == "check") return check(config);
  if (action == "path") return paths(config, json);
  if (action == "profiles") return profiles(config, json);
  Catalogue catalogue(real_system());
  TRY_ASSIGN(const Profile profile, config.profile(catalogue));
  return show(profile, json);
}

}  // namespace wif
