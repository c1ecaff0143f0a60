// SPDX-License-Identifier: Apache-2.0
// From the global options to a credential.
#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

#include "cli/command.hpp"
#include "core/lock.hpp"
#include "util/encode.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_longest_timeout_s = 3600;
constexpr std::int64_t k_first_pause_ms = 100;
constexpr std::int64_t k_longest_pause_ms = 1000;
// What a shorter one says of its time would hide what the one before it met.
constexpr std::int64_t k_shortest_try_ms = 1000;

// What WIF_LOG says, as the count of -v that says the same; below -v. One that says nothing known is told of, and is no reason to
// answer nothing.
int verbosity_of_environment() {
  const auto said = real_system().variable("WIF_LOG");
  if (!said) return 0;
  constexpr std::array<std::string_view, 4> k_levels = {"error", "warning", "info", "debug"};
  for (std::size_t i = 0; i < k_levels.size(); ++i)
    if (*said == k_levels[i]) return static_cast<int>(i) - 1;
  warn("WIF_LOG is " + printable(*said, 40) + ": not error, warning, info or debug");
  return 0;
}

struct GlobalName {
  std::string_view name;
  bool takes_value;
};
constexpr std::array k_global_names = {GlobalName{"-p", true},           GlobalName{"--profile", true},
                                       GlobalName{"--config", true},     GlobalName{"--set", true},
                                       GlobalName{"--no-cache", false},  GlobalName{"--timeout", true},
                                       GlobalName{"--log-format", true}, GlobalName{"-v", false},
                                       GlobalName{"--verbose", false},   GlobalName{"-vv", false}};

Result<std::int64_t> option_ms(const char* name, const std::string& text) {
  const auto seconds = parse_duration(text);
  if (!seconds || *seconds < 1 || *seconds > k_longest_timeout_s)
    return fail(Category::usage, std::string(name) + " " + text + ": not a time from 1s to 1h",
                "write it as 10s or 2m");
  return *seconds * 1000;
}

void sleep_ms(std::int64_t duration) {
  const timespec time{static_cast<time_t>(duration / 1000), static_cast<long>(duration % 1000 * 1'000'000)};
  nanosleep(&time, nullptr);
}

Result<int> look_up(const GlobalOptions& global, const Wanted& wanted, SessionOptions options,
                    const CredentialUse& use) {
  TRY_ASSIGN(const Profile profile, choose_profile(global, wanted));
  options.min_remaining = wanted.min_remaining;
  options.caller = wanted.caller;
  if (wanted.silent) --options.verbosity;  // else modules' warnings are shown
  EngineProcess engine(real_system());
  Session session(real_system(), engine, profile, options);
  auto credential = session.get();
  const bool silent = wanted.silent && credential;
  for (const auto& warning : session.warnings())
    if (!silent) warn(warning);
  if (!credential) return tl::unexpected(point_at_doctor(std::move(credential.error()), profile.name));
  if (options.verbosity > 0)
    inform("profile '" + profile.name +
           "': " + (session.from_cache() ? "from the cache" : "newly exchanged"));
  const std::int64_t left = credential->expires_at - real_system().now().wall;
  if (left < wanted.min_remaining && !silent)
    warn("the credential is good for " + duration_words(left) + " more, and " + wanted.consumer + " wants " +
         duration_words(wanted.min_remaining) + "; the exchange of profile '" + profile.name +
         "' gave no longer one");
  auto result = use(profile, *credential);
  if (result) session.refresh_behind();
  return result;
}

}  // namespace

Error point_at_doctor(Error error, const std::string& profile) {
  if (error.category == Category::no_identity || error.category == Category::refused ||
      error.category == Category::unreachable)
    error.hint +=
        (error.hint.empty() ? "`wif doctor -p " : "; `wif doctor -p ") + profile + "` looks at the whole way";
  return error;
}

bool is_global_option(const std::string& word, bool& takes_value) {
  const std::string_view name = std::string_view(word).substr(0, word.find('='));
  for (const auto& known : k_global_names) {
    if (known.name != name) continue;
    takes_value = known.takes_value && name.size() == word.size();
    return true;
  }
  // -pNAME
  takes_value = false;
  return word.size() > 2 && word.starts_with("-p");
}

void GlobalOptions::describe(Arguments& arguments) {
  arguments.group("Global options");
  arguments.option("-p,--profile", "NAME", choice.profile, "profile to use (WIF_PROFILE)");
  arguments.option("--config", "FILE", choice.file, "this file only (WIF_CONFIG)");
  arguments.list("--set", "KEY=VALUE", choice.set, "set a profile's key for this call");
  arguments.flag("--no-cache", choice.no_cache, "neither read nor write the cache");
  arguments.option("--timeout", "TIME", timeout, "give up after this long (30s)");
  arguments.option("--log-format", "text|json", log_format, "of what goes to stderr");
  arguments.counter("-v,--verbose", verbosity, "say more on stderr (WIF_LOG); twice: still more");
}

Result<SessionOptions> GlobalOptions::session_options() const {
  SessionOptions options;
  options.verbosity = verbosity;
  options.no_cache = choice.no_cache;
  options.json_log = log_format == "json";
  if (timeout) {
    TRY_ASSIGN(options.timeout_ms, option_ms("--timeout", *timeout));
  }
  return options;
}

void GlobalOptions::describe_wait(Arguments& arguments) {
  arguments.option("--wait", "TIME", wait, "go on trying while there is no identity yet");
}

Result<std::int64_t> GlobalOptions::wait_ms() const {
  if (!wait) return 0;
  return option_ms("--wait", *wait);
}

Result<bool> parse_arguments(Arguments& arguments, GlobalOptions& global, const Invocation& invocation) {
  global.describe(arguments);
  TRY_ASSIGN(const bool parsed, arguments.parse(invocation.words));
  if (!parsed) {
    TRY(print(arguments.help()));
    return false;
  }
  if (global.log_format && *global.log_format != "text" && *global.log_format != "json")
    return fail(Category::usage, "--log-format " + *global.log_format + ": not text or json");
  set_json_log(global.log_format == "json");
  if (global.verbosity == 0) global.verbosity = verbosity_of_environment();
  set_quiet_log(global.verbosity < 0);
  return true;
}

Result<Profile> load_profile(const GlobalOptions& global) {
  Catalogue catalogue(real_system());
  TRY_ASSIGN(const Config config, Config::load(real_system(), global.choice));
  return config.profile(catalogue);
}

Result<Profile> choose_profile(const GlobalOptions& global, const Wanted& wanted) {
  ConfigChoice choice = global.choice;
  choice.subject_only = choice.subject_only || wanted.subject;
  choice.request = wanted.settings;
  if (wanted.profile) choice.profile = wanted.profile;
  if (!wanted.subject_token.empty())
    choice.subject_token = std::make_shared<const Secret>(wanted.subject_token.clone());
  Catalogue catalogue(real_system());
  TRY_ASSIGN(const Config config, Config::load(real_system(), choice));
  if (!wanted.target) return config.profile(catalogue);
  TRY_ASSIGN(auto profile, config.profile_for(catalogue, *wanted.target));
  if (profile) return std::move(*profile);
  return fail(Category::configuration, "no profile serves " + wanted.target->authority(),
              "add it to `hosts` of the profile whose credential it is to get", std::string(k_not_served));
}

Result<int> wait_for_identity(const GlobalOptions& global,
                              const std::function<Result<int>(const SessionOptions&)>& once) {
  TRY_ASSIGN(SessionOptions options, global.session_options());
  TRY_ASSIGN(const std::int64_t wait, global.wait_ms());
  const std::int64_t last_start = monotonic_ms() + wait;
  // What waits longer than one try may take ends with the wait; a try that has begun has its own time.
  const std::int64_t deadline = std::max(last_start, monotonic_ms() + options.timeout_ms);
  for (std::int64_t pause = k_first_pause_ms;; pause = std::min(pause * 2, k_longest_pause_ms)) {
    auto result = once(options);
    if (result || (result.error().category != Category::no_identity &&
                   result.error().category != Category::unreachable))
      return result;
    const std::int64_t next = monotonic_ms() + pause;
    if (next >= last_start || deadline - next < k_shortest_try_ms) return result;
    if (options.verbosity > 0) warn("waiting: " + result.error().message);
    sleep_ms(pause);
    options.timeout_ms = std::min(options.timeout_ms, deadline - next);
  }
}

Result<int> with_credential(const GlobalOptions& global, const CredentialUse& use, const Wanted& wanted) {
  return wait_for_identity(
      global, [&](const SessionOptions& options) { return look_up(global, wanted, options, use); });
}

std::string get_json(const Profile& profile, const Credential& credential) {
  JsonWriter writer;
  writer.object();
  writer.member("version", 1);
  if (credential.is_aws()) {
    writer.member("access_key_id", credential.access_key_id.view());
    writer.member("secret_access_key", credential.secret_access_key.view());
    writer.member("session_token", credential.access_token.view());
  } else {
    writer.member("access_token", credential.access_token.view());
    writer.member("token_type", std::string_view(credential.token_type));
  }
  writer.member("expires_at", std::string_view(rfc3339(credential.expires_at)));
  writer.member("expires_in", credential.expires_at - real_system().now().wall);
  if (!credential.scope.empty()) writer.member("scope", std::string_view(credential.scope));
  writer.member("profile", std::string_view(profile.name));
  writer.end();
  return writer.take() + "\n";
}

}  // namespace wif
