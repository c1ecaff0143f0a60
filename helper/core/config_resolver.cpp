// SPDX-License-Identifier: Apache-2.0
#include "core/config_resolver.hpp"

#include <algorithm>
#include <array>

#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_list = 400;

constexpr const char* k_audience_variable = "OPENAI_WIF_AUDIENCE";
constexpr std::string_view k_audience = "subject.audience";

bool is_path(std::string_view key) {
  const std::string_view name = key.substr(key.rfind('.') + 1);
  return name == "path" || name.ends_with("_file") || name.ends_with("_dir") || name.ends_with("_path");
}

// --set has its lists with commas.
std::string list_from(std::string_view text) {
  std::string out;
  for (const std::string_view element : split(text, ',')) {
    if (!out.empty()) out += '\n';
    out += trim(element);
  }
  return out;
}

std::string full_key(std::string_view part, std::string_view key) {
  return std::string(part) + "." + std::string(key);
}

}  // namespace

Result<ProfileResolver::Pairs> parse_set(const std::vector<std::string>& set) {
  ProfileResolver::Pairs out;
  for (const auto& text : set) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Category::usage, "--set " + printable(text, 60) + ": not of the form KEY=VALUE",
                  "for example --set subject.audience=https://api.openai.com/v1");
    out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::vector<Error> ProfileResolver::run() {
  choose_provider();
  choose_exchange();
  apply_set();
  apply_file();
  std::stable_sort(m_mistakes.begin(), m_mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.place < b.place; });
  if (m_mistakes.empty() && m_has_provider) {
    apply_request();
    apply_environment();
    apply_implied();
    apply_defaults();
    expand_home();
  }
  if (m_mistakes.empty()) check_required();
  std::vector<Error> errors;
  for (auto& mistake : m_mistakes) errors.push_back(std::move(mistake.error));
  for (auto& late : m_late) errors.push_back(std::move(late));
  return errors;
}

void ProfileResolver::add(Error error, Place place) { m_mistakes.push_back({place, std::move(error)}); }

bool ProfileResolver::set_says(std::string_view key) const {
  return std::any_of(m_set.begin(), m_set.end(), [&](const auto& pair) { return pair.first == key; });
}

const TomlNode* ProfileResolver::file_value(std::string_view part, std::string_view key) const {
  const TomlNode* table = m_source == nullptr ? nullptr : m_source->node.child(part);
  const TomlNode* node = table == nullptr ? nullptr : table->child(key);
  return node != nullptr && node->kind == TomlNode::Kind::string ? node : nullptr;
}

// The two settings that decide which others there are, and so have to be known before anything is checked.
std::optional<Setting> ProfileResolver::asked_for(std::string_view part, std::string_view key) const {
  const std::string full = full_key(part, key);
  for (auto pair = m_set.rbegin(); pair != m_set.rend(); ++pair)
    if (pair->first == full) return Setting{pair->second, "--set"};
  const TomlNode* node = file_value(part, key);
  if (node == nullptr) return {};
  return Setting{node->text, at(m_source->path, node->key_at)};
}

void ProfileResolver::choose_provider() {
  if (m_profile.subject_token != nullptr) return use_given_subject();
  if (const auto profile = asked_for("subject", "profile")) return use_profile(*profile);
  const auto asked = asked_for("subject", "provider");
  if (!asked || asked->value.empty() || asked->value == "auto") return detect_provider();
  auto found = m_catalogue.find(asked->value);
  if (!found) {
    const TomlNode* node = file_value("subject", "provider");
    const bool from_set = asked->origin == "--set";
    found.error().message =
        (from_set ? "--set subject.provider" : asked->origin) + ": " + found.error().message;
    add(std::move(found.error()), from_set || node == nullptr ? Place{} : node->key_at);
    m_schema.any_subject = true;
    return;
  }
  m_profile.provider = *found;
  m_profile.provider_why = "configured";
  m_profile.settings["subject.provider"] = Setting{asked->value, asked->origin};
  m_has_provider = true;
  m_schema.subject = m_profile.provider.settings;
  // What the file says for its own provider isn't a mistake when --set names another.
  const TomlNode* in_file = file_value("subject", "provider");
  m_schema.any_subject = asked->origin == "--set" && in_file != nullptr && in_file->text != asked->value;
}

// Another profile's credential: Config makes the link.
void ProfileResolver::use_profile(const Setting& asked) {
  m_has_provider = true;
  m_profile.provider_why = "configured";
  const auto provider = asked_for("subject", "provider");
  if (!provider) return;
  m_schema.any_subject = true;
  const TomlNode* node = file_value("subject", "provider");
  add({Category::configuration,
       provider->origin + ": subject.provider is set, and so is subject.profile (" + asked.origin + ")",
       "leave out one of the two: the subject is either a provider's token or another profile's credential",
       {}},
      node == nullptr ? Place{} : node->key_at);
}

// What the profile says of its provider isn't looked at. A chain has no place for it.
void ProfileResolver::use_given_subject() {
  m_has_provider = true;
  m_profile.provider_why = "the request brings the subject token";
  m_schema.any_subject = true;
  const auto profile = asked_for("subject", "profile");
  if (!profile) return;
  const TomlNode* node = file_value("subject", "profile");
  add({Category::configuration,
       profile->origin + ": the subject of profile " + quoted(m_profile.name) +
           " is another profile's credential, and the request brings a subject token",
       "name a profile whose subject is a provider's: the request's takes its place",
       {}},
      node == nullptr ? Place{} : node->key_at);
}

void ProfileResolver::detect_provider() {
  m_finding = detect(m_system, m_catalogue);
  if (!m_finding) return use_any_provider();
  m_profile.provider = m_finding->descriptor;
  m_profile.provider_why = m_finding->why;
  m_profile.settings["subject.provider"] =
      Setting{std::string(m_profile.provider.name), "detected: " + m_finding->why};
  m_has_provider = true;
  m_schema.subject = m_profile.provider.settings;
}

// None fits: still check the keys, against what any provider takes, and tell what was looked for.
void ProfileResolver::use_any_provider() {
  std::vector<Error> problems;
  std::string looked_for;
  for (const auto& finding : survey(m_system, m_catalogue, problems)) {
    if (!looked_for.empty()) looked_for += "; ";
    looked_for += std::string(finding.descriptor.name) + ": " + finding.why;
  }
  for (const auto& descriptor : m_catalogue.all(problems))
    m_all_settings.insert(m_all_settings.end(), descriptor.settings.begin(), descriptor.settings.end());
  m_schema.subject = m_all_settings;
  m_late.push_back(
      {Category::no_identity,
       "no provider fits this place: " + printable(looked_for, k_longest_list),
       "`wif providers` shows what was looked for; or name one, as --set subject.provider=NAME or in a profile",
       {}});
}

void ProfileResolver::choose_exchange() {
  if (!m_with_exchange) {
    if (const auto asked = asked_for("exchange", "kind"))
      if (const auto kind = m_catalogue.find_exchange(asked->value)) m_audience_kind = *kind;
    m_profile.exchange = *exchange_kind(k_no_exchange);
    m_profile.settings["exchange.kind"] = Setting{std::string(k_no_exchange), "the subject token is wanted"};
    m_schema.exchange = m_profile.exchange.settings;
    m_schema.any_exchange = true;
    return;
  }
  const auto asked = asked_for("exchange", "kind");
  const std::string name = asked ? asked->value : std::string(exchange_kinds().front().name);
  auto found = m_catalogue.find_exchange(name);
  const TomlNode* in_file = file_value("exchange", "kind");
  if (!found) {
    const bool from_set = asked->origin == "--set";
    found.error().message = (from_set ? "--set exchange.kind" : asked->origin) + ": " + found.error().message;
    add(std::move(found.error()), from_set || in_file == nullptr ? Place{} : in_file->key_at);
    m_schema.any_exchange = true;
    return;
  }
  m_profile.exchange = *found;
  m_audience_kind = *found;
  m_profile.settings["exchange.kind"] = asked ? *asked : Setting{name, "default"};
  use_exchange(m_profile.exchange);
  m_schema.any_exchange = in_file != nullptr && in_file->text != name;
}

// A preset takes its base's settings, and its own.
void ProfileResolver::use_exchange(const ExchangeKind& kind) {
  m_schema.exchange = kind.settings;
  if (kind.base.empty()) return;
  const auto base = exchange_kind(kind.base)->settings;
  m_exchange_settings.assign(kind.settings.begin(), kind.settings.end());
  m_exchange_settings.insert(m_exchange_settings.end(), base.begin(), base.end());
  m_schema.exchange = m_exchange_settings;
}

void ProfileResolver::apply_set() {
  for (const auto& [key, value] : m_set) {
    if (key == "subject.provider" || key == "exchange.kind") continue;  // chosen already
    const std::string what = "--set " + printable(key, 80);
    const auto spec = m_schema.find(key);
    if (!spec) {
      if (!m_schema.passes(key))
        add({Category::configuration, what + ": unknown key", m_schema.hint_for(key), {}});
      continue;
    }
    const bool list = spec->type == SettingType::list || spec->type == SettingType::strings;
    const std::string text = list ? list_from(value) : value;
    if (const auto problem = value_problem(key, *spec, text)) {
      add({Category::configuration, what + ": " + *problem, {}, {}});
    } else {
      m_profile.settings.insert_or_assign(key, Setting{text, "--set"});
    }
  }
}

void ProfileResolver::apply_file() {
  if (m_source == nullptr) return;
  ProfileReader reader(m_schema, m_source->path, m_profile.settings, m_mistakes);
  reader.read(m_source->node);
}

void ProfileResolver::apply_request() {
  if (m_request == nullptr) return;
  for (const auto& [key, value] : *m_request)
    if (m_schema.find(key)) m_profile.settings.try_emplace(key, Setting{value, "the request"});
}

void ProfileResolver::apply_environment() {
  for (const std::string_view prefix : {"subject.", "exchange."})
    for (const auto& spec : m_schema.part(prefix)) {
      if (spec.variable.empty()) continue;
      for (const std::string_view name : split(spec.variable, ' '))
        take_variable(std::string(prefix) + std::string(spec.name), std::string(name));
    }
  if (m_profile.provider.setting("audience") != nullptr && means_openai(m_audience_kind))
    take_variable(k_audience, k_audience_variable);
}

void ProfileResolver::take_variable(std::string_view key, const std::string& name) {
  if (const auto value = m_system.variable(name.c_str()))
    m_profile.settings.try_emplace(std::string(key), Setting{*value, name});
}

// A provider that was named finds its conventional place as well as one that was detected.
void ProfileResolver::apply_implied() {
  bool wanted = false;
  for (const auto& detection : m_profile.provider.detections)
    for (const auto& implied : detection.implies)
      wanted =
          wanted || m_profile.settings.find(full_key("subject", implied.name)) == m_profile.settings.end();
  // Looking at every provider's conditions takes time; a profile that says it all doesn't pay for it.
  if (!m_finding && wanted) {
    std::vector<Error> problems;
    for (auto& finding : survey(m_system, m_catalogue, problems)) {
      if (!finding.found || finding.descriptor.name != m_profile.provider.name) continue;
      m_finding = std::move(finding);
      break;
    }
  }
  if (!m_finding) return;
  for (const auto& [name, value] : m_finding->implied)
    m_profile.settings.try_emplace(full_key("subject", name), Setting{value, "detected: " + m_finding->why});
}

void ProfileResolver::apply_defaults() {
  const ExchangeKind& exchange = m_profile.exchange;
  const std::string origin = "exchange " + std::string(exchange.name);
  for (const auto& [name, value] : exchange.set)
    m_profile.settings.try_emplace(full_key("exchange", name), Setting{std::string(value), origin});
  if (!exchange.hosts.empty())
    m_profile.settings.try_emplace("hosts", Setting{std::string(exchange.hosts), origin});
  for (const std::string_view prefix : {"subject.", "exchange.", "cache.", "expect.", ""})
    for (const auto& spec : m_schema.part(prefix)) {
      const std::string key = std::string(prefix) + std::string(spec.name);
      const bool others = key == k_audience && !means_openai(m_audience_kind);
      const std::string_view value =
          others && !spec.default_value.empty() ? m_audience_kind.audience : spec.default_value;
      if (!value.empty()) m_profile.settings.try_emplace(key, Setting{std::string(value), "default"});
    }
}

void ProfileResolver::expand_home() {
  const auto home = m_system.trusted_variable("HOME");
  if (!home) return;
  for (auto& [key, setting] : m_profile.settings)
    if (setting.value.compare(0, 2, "~/") == 0 && is_path(key)) setting.value.replace(0, 1, *home);
}

void ProfileResolver::check_required() {
  // Without a provider its settings can't be missed, but the exchange's can, unless the environment says them.
  if (!m_has_provider) apply_environment();
  for (const std::string_view prefix : {"subject.", "exchange."}) {
    if (prefix == "subject." && !m_has_provider) continue;
    for (const auto& spec : m_schema.part(prefix))
      if (spec.required && m_profile.get(std::string(prefix) + std::string(spec.name)).empty())
        missing(prefix, spec);
  }
}

void ProfileResolver::missing(std::string_view prefix, const SettingSpec& spec) {
  const std::string key = std::string(prefix) + std::string(spec.name);
  std::string hint = "set " + key + " in the profile, or pass --set " + key + "=…";
  if (m_source == nullptr) hint = "pass --set " + key + "=…, or write a profile into a configuration file";
  std::string_view variable = spec.variable.substr(0, spec.variable.find(' '));
  if (key == k_audience && means_openai(m_audience_kind)) variable = k_audience_variable;
  if (!variable.empty()) hint = "set " + std::string(variable) + " in the environment, or " + hint;
  const std::string where = m_source == nullptr
                                ? "no configuration file has a profile, and " + key + " is not set"
                                : at(m_source->path, m_source->node.key_at) + ": profile " +
                                      quoted(m_profile.name) + " doesn't set " + key;
  add({Category::configuration, where + " (" + std::string(spec.help) + ")", hint, {}});
}

}  // namespace wif
