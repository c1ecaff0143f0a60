// SPDX-License-Identifier: Apache-2.0
#include "core/config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/config_layer.hpp"
#include "core/config_resolver.hpp"
#include "core/config_schema.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_system_file = "/etc/wif/config.toml";
constexpr std::string_view k_zero_file_name = "default";

struct Candidate {
  std::string path;
  const char* demanded_by = nullptr;  // whoever named it; such a file has to exist
};

std::vector<Candidate> candidates(const System& system, const ConfigChoice& choice) {
  if (choice.file) return {{*choice.file, "--config"}};
  if (const auto path = system.trusted_variable("WIF_CONFIG")) return {{*path, "WIF_CONFIG"}};
  std::vector<Candidate> out = {{k_system_file, nullptr}};
  if (auto path = user_config_file(system, choice)) out.push_back({std::move(*path), nullptr});
  return out;
}

// Nothing if the file isn't there.
Result<std::optional<std::string>> read_layer(const System& system, const Candidate& candidate) {
  errno = 0;
  if (auto text = system.read(candidate.path)) return text;
  const int error = errno;
  const bool absent = error == ENOENT || error == ENOTDIR || (error == 0 && !system.exists(candidate.path));
  if (absent && candidate.demanded_by == nullptr) return std::nullopt;
  const std::string why = absent       ? "No such file or directory"
                          : error == 0 ? "cannot be read"
                                       : errno_text(error);
  const std::string named =
      candidate.demanded_by == nullptr ? "" : std::string(" (named by ") + candidate.demanded_by + ")";
  return fail(Category::configuration, "cannot read " + candidate.path + named + ": " + why,
              absent ? "write the file, or leave out what names it" : "let this user read the file");
}

std::string looked_at(const std::vector<ConfigFile>& files) {
  std::string out;
  for (const auto& file : files) {
    if (!out.empty()) out += ", ";
    out += file.path;
    if (!file.exists) out += " (not there)";
  }
  return out;
}

using Layers = std::vector<std::shared_ptr<const ConfigLayer>>;

Result<std::vector<LayerReader>> open_all(const Layers& layers) {
  std::vector<LayerReader> readers;
  for (const auto& layer : layers) {
    TRY_ASSIGN(readers.emplace_back(), LayerReader::open(*layer));
    std::vector<Mistake> mistakes;
    check_root(readers.back().root(), layer->path(), mistakes);
    if (!mistakes.empty()) return tl::unexpected<Error>(std::move(mistakes.front().error));
  }
  return readers;
}

std::vector<std::string> names_of(const std::vector<LayerReader>& readers) {
  std::vector<std::string> out;
  for (const auto& reader : readers)
    for (auto& name : reader.names()) out.push_back(std::move(name));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// Which profile, and who said so ("-p", "WIF_PROFILE", "/etc/wif/config.toml:1:1").
struct Choice {
  std::string name;
  std::string said_by;
  bool is_default = false;  // default_profile's
};

Result<Choice> choose(const System& system, const ConfigChoice& choice,
                      const std::vector<LayerReader>& readers) {
  if (choice.profile) return Choice{*choice.profile, "-p"};
  if (const auto name = system.variable("WIF_PROFILE")) return Choice{*name, "WIF_PROFILE"};
  for (auto reader = readers.rbegin(); reader != readers.rend(); ++reader)
    if (const TomlNode* node = reader->root().child("default_profile"))
      return Choice{node->text, at(reader->layer().path(), node->key_at), true};
  const std::vector<std::string> names = names_of(readers);
  if (names.empty()) return Choice{std::string(k_zero_file_name), {}};
  if (names.size() == 1) return Choice{names.front(), {}};
  return fail(Category::configuration,
              "there are several profiles and none is the default: " + join(names, ", "),
              "choose one with -p NAME or WIF_PROFILE, or write default_profile = \"NAME\" into the file");
}

// The last file's that has it; nothing for the zero-file profile, which only exists where no file has a profile.
Result<std::optional<ProfileSource>> find_profile(const std::vector<LayerReader>& readers,
                                                  const Choice& choice,
                                                  const std::vector<ConfigFile>& files) {
  for (auto reader = readers.rbegin(); reader != readers.rend(); ++reader) {
    TRY_ASSIGN(auto node, reader->profile(choice.name));
    if (node) return ProfileSource{reader->layer().path(), std::move(*node)};
  }
  const std::vector<std::string> names = names_of(readers);
  if (names.empty() && choice.name == k_zero_file_name && !choice.is_default) return std::nullopt;
  const std::string shown = quoted(choice.name);
  std::string message = "there is no profile " + shown + " (asked for by " + choice.said_by + "); looked at ";
  if (choice.is_default)
    message = choice.said_by + ": default_profile " + shown + " does not exist; looked at ";
  const std::string near = did_you_mean(choice.name, names);
  const std::string known =
      names.empty() ? "no file has a profile" : "name one that there is: " + join(names, ", ");
  return fail(Category::configuration, message + looked_at(files), near.empty() ? known : near);
}

// What `hosts` says, else what the exchange's kind does; of a preset that can't be read, nobody.
std::string hosts_of(Catalogue& catalogue, const TomlNode& profile) {
  if (const TomlNode* hosts = profile.child("hosts")) return hosts->text;
  const TomlNode* exchange = profile.child("exchange");
  const TomlNode* kind = exchange == nullptr ? nullptr : exchange->child("kind");
  const auto found = catalogue.find_exchange(kind == nullptr ? exchange_kinds().front().name : kind->text);
  return found ? std::string(found->hosts) : std::string();
}

// On the command line; then only the whole profile tells.
bool says_hosts(const ConfigChoice& choice) {
  return std::any_of(choice.set.begin(), choice.set.end(), [](const std::string& pair) {
    return pair.starts_with("hosts=") || pair.starts_with("exchange.kind=");
  });
}

// A file that doesn't parse as a whole is read in slices, so that its first syntax error doesn't hide the others.
std::vector<ProfileSource> profiles_to_check(const ConfigLayer& layer, TomlNode& root,
                                             std::vector<Error>& errors) {
  std::vector<ProfileSource> out;
  auto whole = layer.whole();
  if (whole) {
    root = std::move(*whole);
    if (const TomlNode* profiles = root.child("profiles"))
      for (const auto& node : profiles->children) out.push_back({layer.path(), node});
    return out;
  }
  const std::size_t before = errors.size();
  if (layer.index().regular()) {
    if (auto top = layer.root())
      root = std::move(*top);
    else
      errors.push_back(std::move(top.error()));
    for (auto& repeated : layer.repeated_headers({})) errors.push_back(std::move(repeated.error));
    for (const auto& name : layer.index().names()) {
      if (!layer.repeated_headers(name).empty()) continue;  // told already
      auto sliced = layer.sections_of(name);
      const TomlNode* profiles = sliced ? sliced->child("profiles") : nullptr;
      if (profiles != nullptr && profiles->child(name) != nullptr)
        out.push_back({layer.path(), *profiles->child(name)});
      if (!sliced) errors.push_back(std::move(sliced.error()));
    }
  }
  if (errors.size() == before) errors.push_back(std::move(whole.error()));
  return out;
}

}  // namespace

std::optional<std::string> user_config_file(const System& system, const ConfigChoice& choice) {
  if (choice.file) return choice.file;
  if (auto path = system.trusted_variable("WIF_CONFIG")) return path;
  // A relative XDG_CONFIG_HOME is to be ignored (XDG base directories, "Basics").
  if (const auto folder = system.trusted_variable("XDG_CONFIG_HOME"); folder && folder->front() == '/')
    return *folder + "/wif/config.toml";
  if (const auto home = system.trusted_variable("HOME")) return *home + "/.config/wif/config.toml";
  return {};
}

std::string_view Profile::get(std::string_view key) const {
  const auto found = settings.find(key);
  return found == settings.end() ? std::string_view{} : std::string_view(found->second.value);
}

std::vector<std::pair<std::string, std::string>> Profile::part(std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (auto it = settings.lower_bound(prefix); it != settings.end(); ++it) {
    const std::string_view key = it->first;
    if (key.substr(0, prefix.size()) != prefix) break;
    if (key != "subject.provider" && key != "exchange.kind")
      out.emplace_back(key.substr(prefix.size()), it->second.value);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Profile::exchange_part() const {
  auto out = part("exchange.");
  if (!exchange.base.empty())
    for (auto& [key, value] : out)
      if (exchange.setting(key) != nullptr) key.insert(0, std::string(k_fields) + ".");
  return out;
}

Result<Config> Config::load(const System& system, const ConfigChoice& choice) {
  Config config(system, choice);
  for (const auto& candidate : candidates(system, choice)) {
    TRY_ASSIGN(auto text, read_layer(system, candidate));
    config.m_files.push_back({candidate.path, text.has_value()});
    if (text)
      config.m_layers.push_back(std::make_shared<const ConfigLayer>(candidate.path, std::move(*text)));
  }
  return config;
}

Result<Profile> Config::profile(Catalogue& catalogue) const { return resolve(catalogue, m_choice); }

Result<Profile> Config::profile(Catalogue& catalogue, std::string_view name) const {
  ConfigChoice choice = m_choice;
  choice.profile = std::string(name);
  return resolve(catalogue, choice);
}

Result<std::optional<Profile>> Config::profile_for(Catalogue& catalogue, const Target& target) const {
  ConfigChoice choice = m_choice;
  if (!says_hosts(choice)) {
    TRY_ASSIGN(choice.profile, name_for(catalogue, target));
    if (!choice.profile) return std::optional<Profile>();
    // An empty one: no file has a profile.
    if (choice.profile->empty()) choice.profile.reset();
  }
  TRY_ASSIGN(Profile profile, resolve(catalogue, choice));
  if (closeness(profile.get("hosts"), target) == 0) return std::optional<Profile>();
  return std::optional<Profile>(std::move(profile));
}

// Only `hosts` and exchange.kind of each are looked at: a host that nobody serves is told as such before anything else can be
// wrong. Empty: the profile that the environment alone makes.
Result<std::optional<std::string>> Config::name_for(Catalogue& catalogue, const Target& target) const {
  TRY_ASSIGN(const auto readers, open_all(m_layers));
  const auto fallback = choose(*m_system, m_choice, readers);
  const bool asked_for = m_choice.profile || m_system->variable("WIF_PROFILE");
  std::vector<std::string> names = names_of(readers);
  if (asked_for || names.empty()) names = {fallback ? fallback->name : std::string(k_zero_file_name)};
  std::vector<std::string> closest;
  std::size_t best = 0;
  for (const auto& name : names) {
    TRY_ASSIGN(const auto source,
               find_profile(readers, {name, asked_for ? fallback->said_by : "", false}, m_files));
    const std::size_t close = closeness(hosts_of(catalogue, source ? source->node : TomlNode{}), target);
    if (close == 0 || close < best) continue;
    if (close > best) closest.clear();
    best = close;
    closest.push_back(source ? name : std::string());
  }
  if (closest.empty()) return std::optional<std::string>();
  if (closest.size() == 1) return std::optional<std::string>(closest.front());
  if (fallback && std::find(closest.begin(), closest.end(), fallback->name) != closest.end())
    return std::optional<std::string>(fallback->name);
  return fail(
      Category::configuration,
      "several profiles serve " + target.authority() + " equally closely: " + join(closest, ", "),
      "narrow their `hosts`, choose one with -p NAME or WIF_PROFILE, or make one the default_profile");
}

// `trail`: the profiles whose links led here.
Result<Profile> Config::resolve(Catalogue& catalogue, const ConfigChoice& choice,
                                std::vector<std::string> trail) const {
  TRY_ASSIGN(const auto set, parse_set(choice.set));
  TRY_ASSIGN(const auto request, parse_set(choice.request));
  TRY_ASSIGN(const auto readers, open_all(m_layers));
  TRY_ASSIGN(auto chosen, choose(*m_system, choice, readers));
  if (!trail.empty()) chosen.said_by = "profile " + quoted(trail.back());
  TRY_ASSIGN(const auto source, find_profile(readers, chosen, m_files));
  ProfileResolver resolver(*m_system, catalogue, set, chosen.name, source ? &*source : nullptr);
  resolver.take_request(request);
  if (choice.subject_only) resolver.leave_out_exchange();
  if (choice.subject_token != nullptr) resolver.take_subject(choice.subject_token);
  auto errors = resolver.run();
  if (!errors.empty()) return tl::unexpected<Error>(std::move(errors.front()));
  Profile profile = std::move(resolver.profile());
  profile.kept = catalogue.kept();
  trail.push_back(profile.name);
  TRY(resolve_links(catalogue, profile, std::move(trail)));
  return profile;
}

Status Config::resolve_links(Catalogue& catalogue, Profile& profile, std::vector<std::string> trail) const {
  constexpr std::array k_links = {std::pair("subject", "subject.profile"),
                                  std::pair("actor", "exchange.actor_profile")};
  for (const auto& [role, key] : k_links) {
    const std::string name(profile.get(key));
    if (name.empty()) continue;
    if (std::find(trail.begin(), trail.end(), name) != trail.end())
      return fail(Category::configuration,
                  profile.settings.find(key)->second.origin + ": " + key +
                      " makes a loop: " + join(trail, " -> ") + " -> " + name,
                  "the first profile of a chain names a provider in subject.provider");
    // What --set says is the first profile's alone.
    ConfigChoice choice;
    choice.profile = name;
    TRY_ASSIGN(Profile linked, resolve(catalogue, choice, trail));
    profile.links.push_back({role, std::make_shared<const Profile>(std::move(linked))});
  }
  return {};
}

Result<std::vector<std::string>> Config::profile_names() const {
  TRY_ASSIGN(const auto readers, open_all(m_layers));
  return names_of(readers);
}

// Profiles that aren't there, and loops; what else is wrong with a chain's profiles has been told.
void Config::check_chains(Catalogue& catalogue, const std::vector<std::string>& names,
                          std::vector<Error>& errors) const {
  for (const auto& name : names) {
    ConfigChoice choice;
    choice.profile = name;
    const auto profile = resolve(catalogue, choice);
    if (profile || profile.error().category != Category::configuration) continue;
    const bool told = std::any_of(errors.begin(), errors.end(), [&](const auto& error) {
      return error.message == profile.error().message;
    });
    if (!told) errors.push_back(profile.error());
  }
}

std::vector<Error> Config::check(Catalogue& catalogue) const {
  std::vector<Error> errors;
  std::vector<std::string> names;
  std::vector<std::pair<std::string, const TomlNode*>> defaults;
  std::vector<std::string> chained;
  std::vector<TomlNode> roots(m_layers.size());
  const ProfileResolver::Pairs no_set;  // only what the files say is looked at
  for (std::size_t i = 0; i < m_layers.size(); ++i) {
    const ConfigLayer& layer = *m_layers[i];
    const auto profiles = profiles_to_check(layer, roots[i], errors);
    std::vector<Mistake> mistakes;
    check_root(roots[i], layer.path(), mistakes);
    for (auto& mistake : mistakes) errors.push_back(std::move(mistake.error));
    if (const TomlNode* node = roots[i].child("default_profile")) defaults.emplace_back(layer.path(), node);
    for (auto& name : layer.index().names()) names.push_back(std::move(name));
    for (const auto& source : profiles) {
      names.push_back(source.node.key);
      ProfileResolver resolver(*m_system, catalogue, no_set, source.node.key, &source);
      // That no provider fits this machine isn't the file's mistake.
      for (auto& error : resolver.run())
        if (error.category == Category::configuration) errors.push_back(std::move(error));
      const Profile& profile = resolver.profile();
      if (!profile.get("subject.profile").empty() || !profile.get("exchange.actor_profile").empty())
        chained.push_back(profile.name);
    }
  }
  check_chains(catalogue, chained, errors);
  for (const auto& [path, node] : defaults) {
    if (node->kind != TomlNode::Kind::string ||
        std::find(names.begin(), names.end(), node->text) != names.end())
      continue;
    errors.push_back({Category::configuration,
                      at(path, node->key_at) + ": default_profile " + quoted(node->text) + " does not exist",
                      did_you_mean(node->text, names),
                      {}});
  }
  return errors;
}

}  // namespace wif
