// SPDX-License-Identifier: Apache-2.0
#include "wrap/command.hpp"

#include <array>
#include <cerrno>
#include <climits>

#include <sys/stat.h>
#include <unistd.h>

#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif::wrap {
namespace {

constexpr std::array k_identities = {
    IdentityInput{IdentityInput::Kind::variables, "environment"},
    IdentityInput{IdentityInput::Kind::variable, "HOME"},
    IdentityInput{IdentityInput::Kind::variable, "AWS_PROFILE"},
    IdentityInput{IdentityInput::Kind::variable, "KUBERNETES_EXEC_INFO"},
    IdentityInput{IdentityInput::Kind::variable, "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE"},
    IdentityInput{IdentityInput::Kind::variable, "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE"},
    IdentityInput{IdentityInput::Kind::variable, "GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL"},
};

bool is_program(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

std::string joined(const std::vector<std::string>& words, char separator) {
  std::string text;
  for (const auto& word : words) (text += word) += separator;
  return text;
}

// JSON, and a terminal, take no other.
std::string shown_path(const std::string& path) {
  return is_utf8(path) ? printable(path, PATH_MAX) : "a path that is not UTF-8";
}

}  // namespace

std::string Command::name() const { return shown_path(path.substr(path.rfind('/') + 1)); }

Result<std::string> find_program(const std::string& name, std::string_view search) {
  if (name.starts_with('/')) return name;
  if (name.find('/') != std::string::npos) {
    std::array<char, PATH_MAX> folder{};
    if (getcwd(folder.data(), folder.size()) == nullptr)
      return fail(Category::usage, "cannot tell the current folder: " + errno_text(errno), {},
                  std::string(k_not_found));
    return std::string(folder.data()) + "/" + name;
  }
  for (const std::string_view folder : split(search, ':'))
    if (folder.starts_with('/'))
      if (std::string path = std::string(folder) + "/" + name; is_program(path)) return path;
  return fail(Category::usage, "there is no program " + printable(redact(name), 80) + " in PATH", {},
              std::string(k_not_found));
}

std::string format_of_name(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  if (path.starts_with("git-credential-")) return "git";
  return path.starts_with("docker-credential-") ? "docker" : "";
}

Profile profile_of(const Command& command, const Policy& policy) {
  Profile profile;
  profile.name = "wrap:" + command.name();
  profile.provider.name = "wrap";
  profile.provider.built_in = true;
  profile.provider.identities = k_identities;
  const auto set = [&profile](const char* key, std::string value) {
    profile.settings.insert_or_assign(key, Setting{std::move(value), "the command line"});
  };
  set("cache.refresh", policy.refresh);
  set("cache.min_ttl", policy.min_ttl);
  set("subject.command", shown_path(command.path));
  set("subject.command_sha256", sha256_hex(command.path + '\0' + joined(command.args, '\0')));
  set("subject.environment", joined(command.variables, '\n'));
  set("subject.format", command.format);
  set("subject.ttl", std::to_string(command.ttl));
  if (command.has_input) set("subject.input_sha256", sha256_hex(command.input.view()));
  return profile;
}

}  // namespace wif::wrap
