// SPDX-License-Identifier: Apache-2.0
// wif setup: what to enter at the relying party so that it takes this machine's tokens, and the profile for it.
#include <array>
#include <cerrno>

#include <unistd.h>

#include "cli/command.hpp"
#include "cli/setup_profile.hpp"
#include "cli/setup_report.hpp"
#include "cli/token_file.hpp"
#include "cli/token_report.hpp"
#include "core/config_schema.hpp"
#include "util/fd.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_file = std::size_t{1} << 20;
constexpr std::size_t k_longest_answer = 500;
constexpr std::string_view k_exchange = "exchange.";
constexpr mode_t k_public = 0644;

struct IdOption {
  const char* names;
  const char* setting;
  const char* help;
};
constexpr std::array k_ids = {
    IdOption{"--identity-provider-id", "identity_provider_id", "OpenAI's id of the provider"},
    IdOption{"--service-account-id", "service_account_id", "the service account to act as"},
    IdOption{"--federation-rule-id", "federation_rule_id", "Anthropic's id of the rule"},
    IdOption{"--organization-id", "organization_id", "Anthropic's id of the organization"},
    IdOption{"--workspace-id", "workspace_id", "Anthropic's id of the workspace"},
};

struct SetupOptions {
  std::optional<std::string> name;
  std::optional<std::string> kind;
  std::optional<std::string> audience;
  std::optional<std::string> format;
  std::optional<std::string> jwks_output;
  std::array<std::optional<std::string>, k_ids.size()> ids;
  bool write = false;
  bool force = false;
  bool check = false;

  void describe(Arguments& arguments);
  Status validate() const;
  std::string profile_name(const GlobalOptions& global) const {
    return name ? *name : global.choice.profile.value_or("prod");
  }
};

void SetupOptions::describe(Arguments& arguments) {
  arguments.option("--kind", "KIND", kind, "the exchange: openai (default), anthropic, ...");
  for (std::size_t i = 0; i < k_ids.size(); ++i)
    arguments.option(k_ids[i].names, "ID", ids[i], k_ids[i].help);
  arguments.option("--audience", "AUD", audience, "what the token is to be issued for");
  arguments.option("--name", "NAME", name, "the profile's name (prod)");
  arguments.option("--format", "FORMAT", format, "text, markdown or json");
  arguments.option("--jwks-output", "FILE", jwks_output, "write the issuer's key set there");
  arguments.flag("--write", write, "write the profile into the configuration");
  arguments.flag("--force", force, "with --write: over a profile of that name");
  arguments.flag("--check", check, "with --write: run wif doctor on it");
}

Status SetupOptions::validate() const {
  if (format && *format != "text" && *format != "markdown" && *format != "json")
    return fail(Category::usage, "--format " + printable(*format, 40) + ": not text, markdown or json");
  if ((force || check) && !write)
    return fail(Category::usage, std::string(force ? "--force" : "--check") + " goes with --write");
  if (check && format == "json")
    return fail(Category::usage, "--check prints what doctor says, and --format json one document",
                "run `wif doctor --json` on its own");
  const std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (name && (name->empty() || name->find_first_not_of(letters) != std::string::npos))
    return fail(Category::usage, "--name " + printable(*name, 60) + ": only letters, digits, - and _");
  return {};
}

// Which source: that of -p's profile, else what is found here, whatever profiles the files have.
ConfigChoice source_choice(const GlobalOptions& global, const SetupOptions& options) {
  ConfigChoice choice = global.choice;
  choice.subject_only = true;
  if (options.audience) choice.set.push_back("subject.audience=" + *options.audience);
  if (choice.profile) return choice;
  choice.file = "/dev/null";
  choice.profile = "default";
  return choice;
}

// The exchange's settings that --set and the options for ids say; an option comes first.
Result<GivenSettings> given_settings(const GlobalOptions& global, const SetupOptions& options) {
  GivenSettings given;
  for (const auto& pair : global.choice.set) {
    const std::size_t equals = pair.find('=');
    if (!pair.starts_with(k_exchange) || equals == std::string::npos) continue;
    given[pair.substr(k_exchange.size(), equals - k_exchange.size())] = pair.substr(equals + 1);
  }
  given.erase("kind");
  for (std::size_t i = 0; i < k_ids.size(); ++i)
    if (options.ids[i]) given[k_ids[i].setting] = *options.ids[i];
  return given;
}

// The profile of -p, with its exchange; none if that isn't complete.
std::optional<Profile> named_profile(const GlobalOptions& global) {
  if (!global.choice.profile) return {};
  auto profile = load_profile(global);
  return profile ? std::optional(std::move(*profile)) : std::nullopt;
}

// --kind, else that of -p's profile.
std::string kind_of(const GlobalOptions& global, const SetupOptions& options) {
  if (options.kind) return *options.kind;
  for (const auto& pair : global.choice.set)
    if (pair.starts_with("exchange.kind=")) return pair.substr(pair.find('=') + 1);
  if (const auto profile = named_profile(global)) return std::string(profile->exchange.name);
  return std::string(exchange_kinds().front().name);
}

Result<Jwt> fetch_token(const Profile& profile, const SessionOptions& session) {
  TRY_ASSIGN(const EngineRequest request, subject_request(real_system(), profile, session));
  EngineProcess engine(real_system());
  EngineAnswer answer = engine.run(request, -1);
  if (!answer.subject) return tl::unexpected(std::move(answer.outcome.error().error));
  auto jwt = decode_jwt(answer.subject->token.view());
  if (!jwt)
    return fail(jwt.error().category, "the subject token is " + jwt.error().message,
                "its source has to give an OIDC JWT; `wif providers` shows which source was found");
  return jwt;
}

// The issuer's: --set's, else those of -p's profile, as doctor takes them.
NamedValues trust_of(const GivenSettings& given, const GlobalOptions& global) {
  constexpr std::array k_names = {"ca_file", "ca_dir"};
  NamedValues out;
  for (const char* name : k_names)
    if (const auto found = given.find(name); found != given.end()) out.emplace_back(name, found->second);
  const auto profile = out.empty() ? named_profile(global) : std::nullopt;
  if (!profile) return out;
  if (const auto own = profile->get("expect.ca_file"); !own.empty()) return {{"ca_file", std::string(own)}};
  for (const char* name : k_names) out.emplace_back(name, profile->get(std::string(k_exchange) + name));
  return out;
}

Result<std::string> fetch_keys(const std::string& issuer, const NamedValues& trust,
                               const SessionOptions& session) {
  EngineRequest request;
  request.deadline_ms = monotonic_ms() + session.timeout_ms;
  request.verbosity = session.verbosity;
  request.json_log = session.json_log;
  request.key_set_of = issuer;
  request.exchange_settings = trust;
  EngineProcess engine(real_system());
  EngineAnswer answer = engine.run(request, -1);
  if (!answer.document) return tl::unexpected(std::move(answer.outcome.error().error));
  return std::move(*answer.document);
}

// A public name is discovered, and needs no look; the key set is fetched where it is to be uploaded or written.
Result<KeySource> find_keys(const std::string& issuer, const NamedValues& trust, const SetupOptions& options,
                            const SessionOptions& session) {
  KeySource keys;
  const auto why = why_upload(issuer);
  keys.upload = why.has_value();
  keys.reason = why.value_or("the issuer's name is a public one; its keys rotate by themselves");
  if (!keys.upload && !options.jwks_output) return keys;
  auto set = fetch_keys(issuer, trust, session);
  if (set) {
    keys.jwks = std::move(*set);
  } else if (options.jwks_output) {
    if (set.error().hint.empty())
      set.error().hint = "run it where the issuer can be reached, or leave out --jwks-output";
    return tl::unexpected(std::move(set.error()));
  }
  return keys;
}

// On a terminal only: whoever runs this in a script is told what lacks instead.
Status ask(ExchangeChoice& exchange) {
  if (exchange.missing.empty() || isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) return {};
  for (const auto& name : exchange.missing) {
    const SettingSpec* spec = exchange.kind.setting(name);
    const std::string question = name + " (" + std::string(spec == nullptr ? "" : spec->help) + "): ";
    static_cast<void>(write_all(STDERR_FILENO, question));
    std::string answer(k_longest_answer, '\0');
    const ssize_t count = read(STDIN_FILENO, answer.data(), answer.size());
    answer.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    const std::string value(trim(answer));
    if (value.empty()) return fail(Category::usage, "no " + name + " was given");
    exchange.given[name] = value;
  }
  exchange.missing.clear();
  return {};
}

Error lacking(const std::vector<std::string>& missing) {
  std::string flags;
  for (const auto& name : missing) {
    std::string flag = "--set exchange." + name + "=...";
    for (const auto& id : k_ids)
      if (name == id.setting) flag = std::string(id.names) + " ID";
    flags += (flags.empty() ? "" : ", ") + flag;
  }
  return {Category::usage,
          "the profile can't be written without " + join(missing, " and "),
          "pass " + flags + ", or run it on a terminal, where it asks",
          {}};
}

// Every file that is read has a say in which names are taken.
Result<bool> is_taken(const std::string& name, const GlobalOptions& global, const std::string& path) {
  ConfigChoice choice = global.choice;
  if (!real_system().exists(path)) return false;
  TRY_ASSIGN(const Config config, Config::load(real_system(), choice));
  TRY_ASSIGN(const auto names, config.profile_names());
  return std::find(names.begin(), names.end(), name) != names.end();
}

// As it would be read: a mistake is told before the file is touched.
Status check_text(const std::string& path, const std::string& name, const std::string& text) {
  const std::string trial = path + "." + std::to_string(getpid()) + ".new";
  TRY(replace_configuration(trial, text));
  ConfigChoice choice;
  choice.file = trial;
  Catalogue catalogue(real_system());
  auto config = Config::load(real_system(), choice);
  Status status;
  if (!config) {
    status = tl::unexpected(std::move(config.error()));
  } else if (auto profile = config->profile(catalogue, name); !profile) {
    status = tl::unexpected(std::move(profile.error()));
  }
  unlink(trial.c_str());
  return status;
}

// The file that it was written to.
Result<std::string> write_profile(const NewProfile& profile, const GlobalOptions& global, bool force) {
  const auto path = user_config_file(real_system(), global.choice);
  if (!path)
    return fail(Category::configuration, "there is no place for a configuration file",
                "name one with --config, or set HOME");
  TRY_ASSIGN(const bool taken, is_taken(profile.name, global, *path));
  if (taken && !force)
    return fail(Category::configuration, "there is a profile \"" + profile.name + "\" already",
                "choose another --name, or write over it with --force");
  std::string file;
  if (real_system().exists(*path)) {
    TRY_ASSIGN(file, read_file(*path, k_longest_file, Category::configuration));
  }
  TRY_ASSIGN(const std::string text, with_profile(file, profile.name, profile_toml(profile)));
  TRY(check_text(*path, profile.name, text));
  TRY(replace_configuration(*path, text));
  return *path;
}

std::string print_form(const SetupReport& report, const std::optional<std::string>& format) {
  if (format == "json") return setup_json(report);
  return format == "markdown" ? setup_markdown(report) : setup_text(report);
}

Result<int> finish(const NewProfile& profile, const GlobalOptions& global, const SetupOptions& options) {
  TRY_ASSIGN(const std::string path, write_profile(profile, global, options.force));
  warn("profile \"" + profile.name + "\" is in " + path +
       (options.check ? "" : "; check it with `wif doctor -p " + profile.name + "`"));
  if (!options.check) return 0;
  Invocation doctor;
  doctor.name = "doctor";
  doctor.words = {"-p", profile.name};
  if (global.choice.file) doctor.words.insert(doctor.words.end(), {"--config", *global.choice.file});
  if (global.timeout) doctor.words.insert(doctor.words.end(), {"--timeout", *global.timeout});
  TRY(print("\n"));
  return run_doctor(doctor);
}

Result<int> set_up(const GlobalOptions& global, const SetupOptions& options) {
  TRY_ASSIGN(const SessionOptions session, global.session_options());
  GlobalOptions source_global = global;
  source_global.choice = source_choice(global, options);
  TRY_ASSIGN(const Profile source, load_profile(source_global));
  TRY_ASSIGN(auto given, given_settings(global, options));
  Catalogue catalogue(real_system());
  TRY_ASSIGN(ExchangeChoice exchange,
             choose_exchange(real_system(), catalogue, kind_of(global, options), std::move(given)));
  TRY_ASSIGN(const Jwt jwt, fetch_token(source, session));
  SetupReport report;
  report.advice = advise(jwt);
  report.kind = exchange.kind.name;
  report.provider = source.provider.name;
  report.concerns = concerns(jwt, real_system().now().wall);
  TRY_ASSIGN(report.advice.keys, find_keys(jwt.issuer, trust_of(exchange.given, global), options, session));
  if (options.jwks_output) {
    TRY(replace_file(*options.jwks_output, k_public, report.advice.keys.jwks));
    report.jwks_file = *options.jwks_output;
  }
  if (options.write) {
    TRY(ask(exchange));
    if (!exchange.missing.empty()) return tl::unexpected(lacking(exchange.missing));
  }
  const NewProfile profile =
      propose_profile(options.profile_name(global), source, exchange, report.advice, report.jwks_file);
  report.profile = profile_toml(profile);
  TRY(print(print_form(report, options.format)));
  return options.write ? finish(profile, global, options) : Result<int>(0);
}

}  // namespace

Result<int> run_setup(const Invocation& invocation) {
  Arguments arguments(
      "wif setup [OPTIONS]",
      "Says what to enter at the relying party so that it takes the tokens of this machine, worked out from\n"
      "one of them: issuer, audience, keys, mapping. Writes the profile with --write.");
  arguments.examples(
      "  wif setup --format markdown > openai.md\n"
      "  wif setup --jwks-output jwks.json          a cluster that OpenAI can't reach\n"
      "  wif setup --write --identity-provider-id idp_... --service-account-id sa_... --check\n"
      "  wif setup --kind anthropic\n");
  SetupOptions options;
  options.describe(arguments);
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  TRY(options.validate());
  return set_up(global, options);
}

}  // namespace wif
