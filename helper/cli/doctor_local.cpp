// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_local.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "core/cache.hpp"
#include "core/detection.hpp"
#include "core/lock.hpp"
#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_configuration = "profile";
constexpr const char* k_provider = "source of the identity";
constexpr const char* k_cache = "cache";
constexpr const char* k_environment = "other programs' environment";
constexpr std::int64_t k_min_ttl = 120;

DoctorStep warned(DoctorStep step, std::string cause, std::string mend) {
  return told(std::move(step), StepStatus::warning, std::move(cause), std::move(mend),
              Category::configuration);
}

// Where the profile's settings come from, files only.
std::string files_of(const Profile& profile) {
  std::vector<std::string> files;
  for (const auto& [key, setting] : profile.settings) {
    if (!setting.origin.starts_with('/')) continue;
    const std::string file = setting.origin.substr(0, setting.origin.find(':'));
    if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
  }
  return files.empty() ? "from the environment alone, no file" : "from " + join(files, "; ");
}

// An id that was pasted with what stood around it, or never filled in.
std::optional<std::string> id_problem(const Profile& profile, const std::string& key) {
  const std::string value(profile.get(key));
  const auto found = profile.settings.find(key);
  std::string visible;  // line breaks as they are written in TOML
  for (const char c : value) visible += c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
  const std::string shown = key + " is '" + printable(visible, 60) + "' (" +
                            (found == profile.settings.end() ? "" : found->second.origin) + ")";
  if (value.empty()) return {};
  if (value.find_first_of("<>{}$") != std::string::npos || value.find("...") != std::string::npos ||
      value.find("…") != std::string::npos)
    return shown + ": a placeholder that was never filled in";
  if (value.find_first_of(" \t\r\n\"'`,;") != std::string::npos)
    return shown + (value.find_first_of("\r\n") != std::string::npos
                        ? ": there is a line break in it"
                        : ": it has quotes, commas or white space in it");
  return {};
}

Error id_error(std::string message) {
  return {Category::configuration,
          std::move(message),
          "copy the id anew from OpenAI's settings, without anything around it",
          {}};
}

// Ids of one kind in the other's place are the likeliest slip.
std::optional<Error> ids_problem(const Profile& profile) {
  constexpr const char* k_provider_id = "exchange.identity_provider_id";
  constexpr const char* k_account_id = "exchange.service_account_id";
  for (const char* key : {k_provider_id, k_account_id})
    if (auto problem = id_problem(profile, key)) return id_error(std::move(*problem));
  const auto provider = profile.get(k_provider_id);
  if (!provider.empty() && provider == profile.get(k_account_id))
    return id_error(
        std::string("exchange.identity_provider_id and exchange.service_account_id are the same: '") +
        printable(provider, 60) + "'");
  // As the dashboard writes them; ids of another form say nothing.
  const std::string_view account = profile.get(k_account_id);
  if (provider.starts_with("sa_") || account.starts_with("idp_")) {
    const bool both = provider.starts_with("sa_") && account.starts_with("idp_");
    const bool is_provider = provider.starts_with("sa_");
    Error error = id_error(std::string(is_provider ? k_provider_id : k_account_id) + " is '" +
                           printable(is_provider ? provider : account, 60) + "', which begins as ids of " +
                           (is_provider ? "service accounts do" : "identity providers do"));
    if (both) {
      error.message +=
          "; " + std::string(k_account_id) + " is '" + printable(account, 60) + "': the two are swapped";
      error.hint = "put each in the other's place";
    }
    return error;
  }
  return {};
}

// Values that don't begin as the preset's do.
std::string odd_values(const Profile& profile) {
  std::string odd;
  for (const auto& [name, prefix] : profile.exchange.prefixes)
    for (const std::string_view value : split(profile.get("exchange." + std::string(name)), '\n'))
      if (!value.empty() && !value.starts_with(prefix))
        odd += (odd.empty() ? "exchange." : "; exchange.") + std::string(name) + " is '" +
               printable(value, 80) + "', and such values begin with " + std::string(prefix);
  return odd;
}

DoctorStep configuration_step(const Profile& profile) {
  DoctorStep step = ok_step("configuration", k_configuration, "'" + profile.name + "' " + files_of(profile));
  if (auto problem = ids_problem(profile)) {
    step = failed_step("configuration", k_configuration, *problem);
  } else if (std::string odd = odd_values(profile); !odd.empty()) {
    step = warned(std::move(step), std::move(odd),
                  "copy it anew from the server's settings: the id, not the name");
    step.guessed = true;
  }
  return step;
}

DoctorStep provider_step(const Profile& profile) {
  if (!profile.links.empty() && profile.provider.name.empty())
    return ok_step("provider", k_provider, "profile '" + profile.links.front().profile->name + "'");
  std::string found = std::string(profile.provider.name) + " (" + profile.provider_why + ")";
  Catalogue catalogue(real_system());
  std::vector<Error> problems;
  std::vector<std::string> others;
  for (const auto& finding : survey(real_system(), catalogue, problems)) {
    const std::string name(finding.descriptor.name);
    if (finding.found && name != profile.provider.name &&
        std::find(others.begin(), others.end(), name) == others.end())
      others.push_back(name);
  }
  if (!others.empty()) found += "; found as well: " + join(others, "; ");
  DoctorStep step = ok_step("provider", k_provider, found);
  if (!problems.empty()) return warned(std::move(step), problems.front().message, problems.front().hint);
  return step;
}

std::string record_words(const Record& record, const Now& now) {
  const std::int64_t left = record.credential.expires_at - now.wall;
  switch (state_of(record, now, k_min_ttl)) {
    case State::fresh:
      return "a fresh record, good for " + duration_words(left);
    case State::stale:
      return "a record that is due for refresh, good for " + duration_words(left);
    case State::invalid:
      return "a record that is used up";
  }
  return {};
}

void diagnose_record(const Profile& profile, const Store& store, std::vector<DoctorStep>& steps) {
  const auto binding = make_binding(real_system(), profile);
  const std::size_t records = store.names().size();
  const std::string others = std::to_string(records) + " records in " + store.directory();
  if (!binding)
    return steps.push_back(
        ok_step("cache", k_cache, others + "; which is this profile's can't be told without its token"));
  const std::string name = record_name(*binding);
  const auto record = store.read_record(name, *binding);
  if (!record) return steps.push_back(failed_step("cache", k_cache, record.error()));
  std::string found = *record ? record_words(**record, real_system().now()) : "no record of this profile";
  const auto lock = store.open_lock(name);
  const bool free = lock && try_lock(lock->get(), LockMode::exclusive);
  if (free) unlock(lock->get());
  if (lock && !free) found += "; an exchange is under way";
  DoctorStep step = ok_step("cache", k_cache, found + "; " + others);
  if (!lock) step = warned(std::move(step), lock.error().message, lock.error().hint);
  const auto kind = network_file_system(real_system().file_system(store.directory()));
  if (!kind.empty())
    step = warned(std::move(step),
                  "the cache lies on " + std::string(kind) + ": locks may not reach other hosts",
                  "set WIF_CACHE_DIR to a local directory, such as one in $XDG_RUNTIME_DIR");
  steps.push_back(std::move(step));
  const auto failure = store.read_failure(name, *binding);
  if (!failure) return steps.push_back(ok_step("last_failure", "last failure", "none kept"));
  DoctorStep last =
      ok_step("last_failure", "last failure", circumstances(*failure, real_system().now().wall));
  steps.push_back(warned(std::move(last), failure->error.message, failure->error.hint));
}

// Whether it can be made, without making it.
DoctorStep absent_cache(const std::string& directory, const std::string& why) {
  DoctorStep step = ok_step("cache", k_cache, "nothing is cached yet in " + directory);
  struct stat info {};
  if (lstat(directory.c_str(), &info) == 0)
    return warned(
        std::move(step),
        why + " (it belongs to user " + std::to_string(info.st_uid) + "): every call makes an exchange",
        info.st_uid == geteuid()
            ? "chmod u+rwx " + directory
            : "once wif ran as another user here (sudo): chown it, remove it, or set WIF_CACHE_DIR");
  std::string parent = directory;
  do {
    parent.erase(std::min(parent.find_last_of('/'), parent.size()));
    if (parent.empty()) parent = "/";
  } while (access(parent.c_str(), F_OK) != 0 && errno == ENOENT && parent != "/");
  if (access(parent.c_str(), W_OK | X_OK) == 0) return step;
  const int error = errno;
  return warned(std::move(step),
                directory + " can't be made, as " + parent + " can't be written to (" + errno_text(error) +
                    "): nothing is cached, and every call makes an exchange",
                "set WIF_CACHE_DIR to a folder that this user may write to");
}

}  // namespace

std::optional<Profile> diagnose_configuration(const GlobalOptions& global, std::vector<DoctorStep>& steps) {
  Catalogue catalogue(real_system());
  auto config = Config::load(real_system(), global.choice);
  auto profile = config ? config->profile(catalogue) : Result<Profile>(tl::unexpected(config.error()));
  if (profile) {
    steps.push_back(configuration_step(*profile));
    steps.push_back(provider_step(*profile));
    return std::move(*profile);
  }
  if (profile.error().category == Category::no_identity) {
    steps.push_back(ok_step("configuration", k_configuration, "no mistake found"));
    steps.push_back(failed_step("provider", k_provider, profile.error()));
  } else {
    steps.push_back(failed_step("configuration", k_configuration, profile.error()));
    steps.push_back(skipped_step("provider", k_provider, "no usable profile"));
  }
  return {};
}

void diagnose_cache(const Profile* profile, std::vector<DoctorStep>& steps) {
  const auto directory = cache_directory(real_system());
  if (!directory)
    return steps.push_back(warned(ok_step("cache", k_cache, "no directory for it"),
                                  "nothing is cached: neither WIF_CACHE_DIR, XDG_CACHE_HOME nor HOME is set",
                                  "set one of them, or every call makes an exchange"));
  std::string why;
  const auto store = Store::open(*directory, false, why);
  if (!store) return steps.push_back(failed_step("cache", k_cache, store.error()));
  if (!*store) return steps.push_back(absent_cache(*directory, why));
  if (profile != nullptr) return diagnose_record(*profile, **store, steps);
  steps.push_back(
      ok_step("cache", k_cache, std::to_string((*store)->names().size()) + " records in " + *directory));
}

DoctorStep diagnose_environment(const System& system) {
  std::vector<std::string> concerns;
  std::vector<std::string> mends;
  if (system.variable("OPENAI_API_KEY")) {
    concerns.emplace_back("OPENAI_API_KEY is set: OpenAI's SDKs use it and ignore federation");
    mends.emplace_back("unset OPENAI_API_KEY where programs should use federation");
  }
  const std::string exceptions =
      system.variable("no_proxy").value_or(system.variable("NO_PROXY").value_or(""));
  if (system.variable("http_proxy") && exceptions != "*" &&
      exceptions.find("169.254.169.254") == std::string::npos) {
    concerns.emplace_back(
        "http_proxy is set and no_proxy lacks 169.254.169.254: other programs' metadata calls go through "
        "the proxy (wif's own never do)");
    mends.emplace_back("add 169.254.169.254 and metadata.google.internal to no_proxy");
  }
  DoctorStep step = ok_step("environment", k_environment,
                            concerns.empty() ? "nothing that hides federation" : join(concerns, "; "));
  if (concerns.empty()) return step;
  return warned(std::move(step), join(concerns, "; "), join(mends, "; "));
}

}  // namespace wif
