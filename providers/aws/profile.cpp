// SPDX-License-Identifier: Apache-2.0
#include "profile.hpp"

#include <cerrno>

namespace wif::aws {
using kit::fail;
using kit::Failure;
using kit::Host;
using kit::Result;

namespace {

constexpr std::size_t k_limit = std::size_t{1} << 20;

struct Place {
  std::string path;    // empty: nowhere
  bool named = false;  // by a variable, so it has to be readable
};

Place place_of(const Host& host, const char* variable, const char* below_home) {
  const auto home = host.environment("HOME");
  const auto named = host.environment(variable);
  if (named && named->starts_with("~/") && home)
    return {std::string(*home) + std::string(named->substr(1)), true};
  if (named) return {std::string(*named), true};
  return {home ? std::string(*home) + below_home : "", false};
}

tl::unexpected<Failure> unreadable(const std::string& path, const std::string& why) {
  return fail(WIF_CONFIGURATION, "cannot read AWS's " + path + ": " + why,
              "run as the user whose file it is, or name another in AWS_CONFIG_FILE and "
              "AWS_SHARED_CREDENTIALS_FILE");
}

// Somebody else's home, as that of a service without one of its own, is as good as none.
bool is_absent(const Place& place, int error) {
  return error == ENOENT || error == ENOTDIR || (error == EACCES && !place.named);
}

// It may hold keys. No file is an empty one.
Result<std::string_view> read_file(const Host& host, const Place& place) {
  if (place.path.empty()) return std::string_view();
  const Fd file = kit::open_file(place.path);
  if (!file && is_absent(place, errno)) return std::string_view();
  if (!file) return unreadable(place.path, errno_text(errno));
  const auto text = kit::read_secret_file(host, file, k_limit);
  if (text) return *text;
  return unreadable(place.path, text.error() == EFBIG ? "it is larger than 1 MiB" : errno_text(text.error()));
}

std::string_view without_quotes(std::string_view text) {
  const bool quoted =
      text.size() > 1 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// `head` is what stands between the brackets.
bool is_section(std::string_view head, std::string_view name, bool config_file) {
  constexpr std::string_view k_profile = "profile";
  head = trim(head);
  if (!config_file || (name == "default" && head == "default")) return without_quotes(head) == name;
  if (!head.starts_with(k_profile)) return false;
  head.remove_prefix(k_profile.size());
  return (head.starts_with(' ') || head.starts_with('\t')) && without_quotes(trim(head)) == name;
}

}  // namespace

Section read_section(std::string_view text, std::string_view name, bool config_file) {
  Section section;
  bool inside = false;
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view trimmed = trim(line);
    if (trimmed.empty() || trimmed.front() == '#' || trimmed.front() == ';') continue;
    if (trimmed.front() == '[') {
      inside = is_section(trimmed.substr(1, trimmed.find(']') - 1), name, config_file);
      continue;
    }
    const std::size_t equals = trimmed.find('=');
    const bool nested = line.front() == ' ' || line.front() == '\t';
    if (!inside || nested || equals == trimmed.npos) continue;
    section[trim(trimmed.substr(0, equals))] = trim(trimmed.substr(equals + 1));
  }
  return section;
}

std::string_view Profile::get(std::string_view key) const {
  for (const Section* section : {&credentials, &config})
    if (const auto found = section->find(key); found != section->end()) return found->second;
  return {};
}

Result<Profile> load_profile(const Host& host) {
  Profile profile;
  const auto chosen = host.setting("aws_profile");
  const auto variable = host.environment("AWS_PROFILE");
  const auto older = host.environment("AWS_DEFAULT_PROFILE");
  const auto asked = chosen ? chosen : variable ? variable : older;
  profile.only = chosen.has_value();
  if (asked) profile.name = *asked;
  const Place places[] = {place_of(host, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials"),
                          place_of(host, "AWS_CONFIG_FILE", "/.aws/config")};
  const auto credentials = read_file(host, places[0]);
  if (!credentials) return tl::unexpected<Failure>(credentials.error());
  const auto config = read_file(host, places[1]);
  if (!config) return tl::unexpected<Failure>(config.error());
  profile.credentials = read_section(*credentials, profile.name, false);
  profile.config = read_section(*config, profile.name, true);
  if (asked && profile.credentials.empty() && profile.config.empty())
    return fail(
        WIF_CONFIGURATION,
        "there is no AWS profile '" + profile.name + "' in " + places[0].path + " or " + places[1].path,
        std::string("correct ") +
            (chosen     ? "subject.aws_profile"
             : variable ? "AWS_PROFILE"
                        : "AWS_DEFAULT_PROFILE") +
            ", or see what `aws configure list-profiles` says");
  return profile;
}

}  // namespace wif::aws
