// SPDX-License-Identifier: Apache-2.0
#include "core/config_schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/audit.hpp"
#include "core/hosts.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_word = 60;
constexpr std::string_view k_claims = "expect.claims.";
constexpr std::string_view k_attributes = "expect.attributes.";
constexpr std::string_view k_exchange_fields = "exchange.fields.";
constexpr std::string_view k_refresh_modes = "background|inline|off";

constexpr std::array k_subject = {
    SettingSpec{"provider", SettingType::string, {}, "where the identity comes from, or \"auto\"", false},
    SettingSpec{"profile", SettingType::string, {}, "the profile whose credential is the subject", false},
};
constexpr std::array k_exchange = {
    SettingSpec{"kind", SettingType::string, {}, "what the identity is traded with", false},
};
constexpr std::array k_cache = {
    SettingSpec{"refresh", SettingType::string, "background", "background, inline or off", false},
    SettingSpec{"min_ttl", SettingType::duration, "2m", "least time that an answer has to have left", false},
};
constexpr std::array k_expect = {
    SettingSpec{"issuer", SettingType::string, {}, "the iss that doctor expects", false},
    SettingSpec{"audience", SettingType::string, {}, "the aud that doctor expects", false},
    SettingSpec{"jwks_file", SettingType::string, {}, "the JWKS that was uploaded", false},
    SettingSpec{
        "ca_file", SettingType::string, {}, "trust anchors of the issuer, in place of the exchange's", false},
    SettingSpec{"scopes", SettingType::list, {}, "scopes that the credential is to have", false},
};
constexpr std::array k_top = {
    SettingSpec{"hosts", SettingType::list, {}, "whom integrations may give the credential to", false},
    SettingSpec{"audit", SettingType::string, {}, "\"syslog\", or the file that says who asked", false},
    SettingSpec{"description", SettingType::string, {}, "for people", false},
};
constexpr std::array<std::string_view, 4> k_parts = {"subject", "exchange", "cache", "expect"};

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// "subject." of "subject.audience"; empty of "hosts".
std::string_view prefix_of(std::string_view key) {
  const std::size_t dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot + 1);
}

const SettingSpec* find_in(std::span<const SettingSpec> specs, std::string_view name) {
  for (const auto& spec : specs)
    if (spec.name == name) return &spec;
  return nullptr;
}

std::string_view type_words(SettingType type) {
  switch (type) {
    case SettingType::string:
      return "a string";
    case SettingType::integer:
      return "an integer";
    case SettingType::boolean:
      return "a boolean";
    case SettingType::duration:
      return "a duration such as \"2m\"";
    case SettingType::list:
      return "a list of strings";
    case SettingType::strings:
      return "a string or a list of strings";
    case SettingType::table:
      return "a table of strings";
  }
  return "a string";
}

bool kind_fits(SettingType type, TomlNode::Kind kind) {
  switch (type) {
    case SettingType::string:
      return kind == TomlNode::Kind::string;
    case SettingType::integer:
      return kind == TomlNode::Kind::integer;
    case SettingType::boolean:
      return kind == TomlNode::Kind::boolean;
    case SettingType::duration:
      return kind == TomlNode::Kind::string || kind == TomlNode::Kind::integer;
    case SettingType::list:
      return kind == TomlNode::Kind::list;
    case SettingType::strings:
      return kind == TomlNode::Kind::string || kind == TomlNode::Kind::list;
    case SettingType::table:
      return kind == TomlNode::Kind::table;
  }
  return false;
}

bool is_integer(std::string_view text) {
  long long number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end && !text.empty();
}

}  // namespace

std::span<const SettingSpec> ConfigSchema::part(std::string_view prefix) const {
  if (prefix == "subject.") return subject;
  if (prefix == "exchange.") return exchange;
  if (prefix == "cache.") return k_cache;
  if (prefix == "expect.") return k_expect;
  if (prefix.empty()) return k_top;
  return {};
}

std::optional<SettingSpec> ConfigSchema::find(std::string_view key) const {
  if (starts_with(key, k_claims) && key.size() > k_claims.size())
    return SettingSpec{key, SettingType::string, "", "a claim's expected value", false};
  if (starts_with(key, k_attributes) && key.size() > k_attributes.size())
    return SettingSpec{key, SettingType::string, "", "an attribute transformation's expression", false};
  if (takes_fields() && starts_with(key, k_exchange_fields) && key.size() > k_exchange_fields.size())
    return SettingSpec{key, SettingType::string, "", "a field to send", false};
  const std::string_view prefix = prefix_of(key);
  const std::string_view name = key.substr(prefix.size());
  const SettingSpec* spec = find_in(part(prefix), name);
  if (spec == nullptr && prefix == "subject.") spec = find_in(k_subject, name);
  if (spec == nullptr && prefix == "exchange.") spec = find_in(k_exchange, name);
  if (spec == nullptr) return {};
  return *spec;
}

bool ConfigSchema::takes_fields() const {
  const SettingSpec* spec = find_in(exchange, k_fields);
  return spec != nullptr && spec->type == SettingType::table;
}

bool ConfigSchema::is_part(std::string_view key) const {
  return std::find(k_parts.begin(), k_parts.end(), key) != k_parts.end() || key == "expect.claims" ||
         key == "expect.attributes" || starts_with(key, k_claims) ||
         (key == "exchange.fields" && takes_fields());
}

bool ConfigSchema::passes(std::string_view key) const {
  return (any_subject && starts_with(key, "subject.")) || (any_exchange && starts_with(key, "exchange."));
}

std::vector<std::string> ConfigSchema::keys_of(std::string_view prefix) const {
  std::vector<std::string> out;
  if (prefix == "subject.") out.insert(out.end(), {"provider", "profile"});
  if (prefix == "exchange.") out.emplace_back("kind");
  if (prefix == "expect.") out.insert(out.end(), {"claims", "attributes"});
  if (prefix.empty()) out.assign(k_parts.begin(), k_parts.end());
  for (const auto& spec : part(prefix)) out.emplace_back(spec.name);
  return out;
}

std::string ConfigSchema::hint_for(std::string_view key) const {
  const std::string_view prefix = prefix_of(key);
  const std::string_view name = key.substr(prefix.size());
  const std::vector<std::string> here = keys_of(prefix);
  if (const auto near = nearest(name, here)) return "did you mean " + quoted(*near) + "?";
  // The right key in the wrong place.
  for (const std::string_view other : {"subject.", "exchange.", "cache.", "expect.", ""}) {
    const std::vector<std::string> there = keys_of(other);
    if (std::find(there.begin(), there.end(), name) != there.end())
      return "did you mean " + quoted(std::string(other) + std::string(name)) + "?";
  }
  return here.empty() ? std::string() : "known keys: " + join(here, ", ");
}

std::optional<std::string> value_problem(std::string_view key, const SettingSpec& spec,
                                         std::string_view value) {
  const auto not_this = [value] { return ", not " + quoted(value); };
  if (key == "cache.refresh") {
    const auto modes = split(k_refresh_modes, '|');
    if (std::find(modes.begin(), modes.end(), value) == modes.end())
      return "must be \"background\", \"inline\" or \"off\"" + not_this();
  }
  if (key == "audit" && value != k_syslog && !value.starts_with('/'))
    return "must be \"syslog\" or a file's absolute path" + not_this();
  if (key == "hosts" && !value.empty())
    for (const std::string_view pattern : split(value, '\n'))
      if (const auto problem = pattern_problem(pattern))
        return "has " + quoted(pattern) + ", which " + *problem;
  const bool fits = (spec.type != SettingType::integer || is_integer(value)) &&
                    (spec.type != SettingType::boolean || value == "true" || value == "false") &&
                    (spec.type != SettingType::duration || parse_duration(value).has_value()) &&
                    spec.type != SettingType::table;
  if (!fits) return "must be " + std::string(type_words(spec.type)) + not_this();
  if (value.find('\0') != std::string_view::npos) return "must not hold a NUL character";
  return {};
}

void ProfileReader::read(const TomlNode& profile) {
  m_profile = profile.key;
  if (profile.kind == TomlNode::Kind::table) return read_children(profile, {});
  mistake(profile.key_at,
          quoted(m_profile) + " in [profiles] must be a table, not " + std::string(kind_words(profile)));
}

void ProfileReader::read_children(const TomlNode& table, const std::string& prefix) {
  // Any names, with dots in them too.
  const bool any_names =
      starts_with(prefix, k_claims) || prefix == k_attributes || prefix == k_exchange_fields;
  for (const auto& node : table.children) {
    const std::string key = prefix + node.key;
    const bool is_table = node.kind == TomlNode::Kind::table;
    // A quoted key with a dot in it is one key, not a path; only claims have such names.
    const bool plain = any_names || node.key.find('.') == std::string::npos;
    if (plain && m_schema.is_part(key) && (is_table || !any_names)) {
      if (is_table) {
        read_children(node, key + ".");
      } else {
        mistake(node.value_at, where(key) + " must be a table, not " + std::string(kind_words(node)));
      }
    } else if (plain && m_schema.find(key)) {
      read_value(node, key);
    } else if (!m_schema.passes(key)) {
      unknown(node, prefix);
    }
  }
}

void ProfileReader::read_value(const TomlNode& node, const std::string& key) {
  const SettingSpec spec = *m_schema.find(key);
  if (!kind_fits(spec.type, node.kind)) {
    mistake(node.value_at, where(key) + " must be " + std::string(type_words(spec.type)) + ", not " +
                               std::string(kind_words(node)));
  } else if (!node.problem.empty()) {
    mistake(node.value_at, where(key) + " " + node.problem);
  } else if (const auto problem = value_problem(key, spec, node.text)) {
    mistake(node.value_at, where(key) + " " + *problem);
  } else {
    m_out.try_emplace(key, Setting{node.text, at(m_path, node.key_at)});
  }
}

void ProfileReader::unknown(const TomlNode& node, const std::string& prefix) {
  const bool dotted = node.key.find('.') != std::string::npos;
  mistake(
      node.key_at, "unknown key " + where(prefix + node.key),
      dotted ? "a quoted key is one name: write it without quotes" : m_schema.hint_for(prefix + node.key));
}

// `"audience" in [profiles.prod] subject`.
std::string ProfileReader::where(const std::string& key) const {
  const std::string_view prefix = starts_with(key, k_claims)            ? k_claims
                                  : starts_with(key, k_attributes)      ? k_attributes
                                  : starts_with(key, k_exchange_fields) ? k_exchange_fields
                                                                        : prefix_of(key);
  std::string out = quoted(std::string_view(key).substr(prefix.size())) + " in [profiles." + m_profile + "]";
  if (!prefix.empty()) out.append(" ").append(prefix.substr(0, prefix.size() - 1));
  return out;
}

void ProfileReader::mistake(Place place, const std::string& what, std::string hint) {
  m_mistakes.push_back(
      {place, {Category::configuration, at(m_path, place) + ": " + what, std::move(hint), {}}});
}

void check_root(const TomlNode& root, const std::string& path, std::vector<Mistake>& mistakes) {
  const auto tell = [&](Place place, const std::string& what, std::string hint) {
    mistakes.push_back(
        {place, {Category::configuration, at(path, place) + ": " + what, std::move(hint), {}}});
  };
  for (const auto& node : root.children) {
    const std::string not_this = ", not " + std::string(kind_words(node));
    if (node.key == "default_profile") {
      if (node.kind != TomlNode::Kind::string)
        tell(node.value_at, "\"default_profile\" must be a string" + not_this, {});
    } else if (node.key == "profiles") {
      if (node.kind != TomlNode::Kind::table)
        tell(node.value_at, "\"profiles\" must be a table" + not_this, {});
    } else {
      const std::string near = did_you_mean(node.key, {"default_profile", "profiles"});
      tell(node.key_at, "unknown key " + quoted(node.key) + " at the top of the file",
           near.empty() ? "known there: default_profile, profiles" : near);
    }
  }
}

std::string quoted(std::string_view text) {
  return std::string("\"").append(printable(text, k_longest_word)).append("\"");
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const auto near = nearest(word, candidates);
  return near ? "did you mean " + quoted(*near) + "?" : std::string();
}

}  // namespace wif
