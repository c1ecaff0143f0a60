// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor_local.hpp"
#include "core/hosts.hpp"
#include "integrations/table.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_integrations = "programs that run wif";
// How far behind `wif` or its command the option -p may stand, in words.
constexpr std::size_t k_reach = 8;

struct Trouble {
  std::string what;
  std::string mend;
};

using Words = std::vector<std::string>;

// A consumer's settings, without what their syntax puts around words.
Words words_of(std::string_view text) {
  constexpr std::string_view k_around = " \t\r\n\"'=:,;!{}[]()<>";
  Words words;
  std::size_t begin = text.find_first_not_of(k_around);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(k_around, begin), text.size());
    if (text.substr(begin, end - begin) != "-") words.emplace_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(k_around, end);
  }
  return words;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }
bool is_path(const std::string& word) { return word.find('/') != std::string::npos; }

bool names_wif(const Integration& integration, const std::string& word) {
  const std::string name = base_name(word);
  return name == "wif" || (integration.program != nullptr && name == integration.program);
}

// What the consumer would run, each once. A bare `wif` is the name of something else where a path says which program it is.
Words programs_of(const Integration& integration, const Words& words) {
  Words named;
  for (const auto& word : words)
    if (names_wif(integration, word)) named.push_back(word);
  const bool by_path = std::any_of(named.begin(), named.end(), is_path);
  Words programs;
  for (const auto& word : named) {
    if (by_path && !is_path(word)) continue;
    const bool short_name = word == "wif" && integration.program != nullptr;
    std::string program = short_name ? integration.program : word;
    if (std::find(programs.begin(), programs.end(), program) == programs.end())
      programs.push_back(std::move(program));
  }
  return programs;
}

// What -p and --profile say behind wif or its command's name (kubectl writes arguments in front of the program).
Words profiles_of(const Integration& integration, const Words& words) {
  Words profiles;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!names_wif(integration, words[i]) && words[i] != integration.name) continue;
    const std::size_t end = std::min(i + k_reach, words.size() - 1);
    for (std::size_t k = i + 1; k < end; ++k)
      if ((words[k] == "-p" || words[k] == "--profile") &&
          std::find(profiles.begin(), profiles.end(), words[k + 1]) == profiles.end())
        profiles.push_back(words[k + 1]);
  }
  return profiles;
}

// "~/..." or absolute; nothing where there is no home.
std::optional<std::string> expanded(const System& system, const char* path) {
  if (path[0] != '~') return std::string(path);
  const auto home = system.variable("HOME");
  if (!home) return {};
  return *home + (path + 1);
}

std::optional<std::string> consumer_file(const System& system, const ConsumerFile& file) {
  if (file.variable != nullptr)
    if (auto path = system.variable(file.variable)) {
      std::string first = path->substr(0, path->find(':'));
      struct stat about {};
      const bool folder = stat(first.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
      return folder ? first + std::strrchr(file.path, '/') : first;
    }
  return expanded(system, file.path);
}

Words search_folders(const System& system, const Integration& integration) {
  Words folders;
  for (const char* folder : integration.program_folders)
    if (auto path = expanded(system, folder)) folders.push_back(std::move(*path));
  if (!integration.program_folders.empty()) return folders;
  const std::string path = system.variable("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
  for (const std::string_view folder : split(path, ':'))
    if (!folder.empty()) folders.emplace_back(folder);
  return folders;
}

std::optional<Trouble> program_trouble(const System& system, const Integration& integration,
                                       const std::string& program) {
  if (is_path(program)) {
    if (access(program.c_str(), X_OK) == 0) return {};
    if (access(program.c_str(), F_OK) == 0)
      return Trouble{"runs " + program + ", which this user can't execute", "chmod a+x " + program};
    return Trouble{"runs " + program + ", which isn't there",
                   "write the path of the program that there is, or install wif there"};
  }
  for (const auto& folder : search_folders(system, integration))
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return {};
  if (integration.program_folders.empty())
    return Trouble{"runs " + program + ", which isn't in PATH",
                   "write the program's whole path there, or put it into a folder of PATH"};
  const std::string first = integration.program_folders.front();
  return Trouble{"runs " + program + ", which isn't in " + first + " (it doesn't look in PATH)",
                 "ln -s \"$(command -v " + program + ")\" " + first + "/"};
}

std::optional<Trouble> profile_trouble(const Words& known, const std::string& profile) {
  if (std::find(known.begin(), known.end(), profile) != known.end()) return {};
  return Trouble{"asks for profile '" + printable(profile, 64) + "', which wif doesn't have",
                 "name one that there is (" + (known.empty() ? "none yet" : join(known, ", ")) +
                     "), or write [profiles." + printable(profile, 64) + "]"};
}

// The hosts that wif is asked for, each in front of a word that names wif: `"ghcr.io": "wif"`, `[credential "https://host"] helper = wif`.
std::vector<Target> hosts_of(const Integration& integration, const Words& words) {
  std::vector<Target> hosts;
  // A colon parts words: "https", "//host", "8443".
  const auto add = [&](std::size_t at, bool url) {
    const bool port = at > 0 && words[at].find_first_not_of("0123456789") == std::string::npos;
    const std::string& name = words[port ? at - 1 : at];
    if (url != name.starts_with("//") || name.find('.') == std::string::npos ||
        name.find('*') != std::string::npos)
      return;
    if (auto target = parse_target((url ? "https:" : "") + name + (port ? ":" + words[at] : "")))
      hosts.push_back(std::move(*target));
  };
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!names_wif(integration, words[i])) continue;
    if (integration.host_before_program) add(i - 1, false);
    if (i > 1) add(i - 2, true);
  }
  return hosts;
}

std::optional<Trouble> host_trouble(const System& system, const Config& config, const Target& host) {
  Catalogue catalogue(system);
  const auto profile = config.profile_for(catalogue, host);
  if (!profile || *profile) return {};  // that the profile itself is wrong, other steps say
  return Trouble{"asks for " + host.authority() + ", which no profile's hosts name",
                 "add it to hosts of the profile whose credential it is to get"};
}

}  // namespace

DoctorStep diagnose_integrations(const System& system, const Config* config) {
  const auto profiles = config == nullptr ? Result<Words>(Words()) : config->profile_names();
  Words found;
  Words causes;
  Words mends;
  const auto mind = [&](const std::string& where, const std::optional<Trouble>& trouble) {
    if (!trouble) return;
    causes.push_back(where + " " + trouble->what);
    if (std::find(mends.begin(), mends.end(), trouble->mend) == mends.end()) mends.push_back(trouble->mend);
  };
  for (const Integration* integration : integrations())
    for (const ConsumerFile& file : integration->files) {
      const auto path = consumer_file(system, file);
      const auto text = path ? system.read(*path) : std::nullopt;
      if (!text) continue;
      const Words words = words_of(*text);
      const Words programs = programs_of(*integration, words);
      if (programs.empty()) continue;
      const std::string where = std::string(integration->name) + " (" + *path + ")";
      found.push_back(where);
      for (const auto& program : programs) mind(where, program_trouble(system, *integration, program));
      if (config == nullptr || !profiles) continue;
      const Words asked = profiles_of(*integration, words);
      for (const auto& profile : asked) mind(where, profile_trouble(*profiles, profile));
      if (!asked.empty()) continue;
      for (const auto& host : hosts_of(*integration, words)) mind(where, host_trouble(system, *config, host));
    }
  DoctorStep step = ok_step("integrations", k_integrations,
                            found.empty() ? "none is set up for this user" : join(found, "; "));
  if (causes.empty()) return step;
  return told(std::move(step), StepStatus::warning, join(causes, "; "), join(mends, "; "),
              Category::configuration);
}

}  // namespace wif
