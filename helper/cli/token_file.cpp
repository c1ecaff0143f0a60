// SPDX-License-Identifier: Apache-2.0
#include "cli/token_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "integrations/table.hpp"
#include "util/fd.hpp"
#include "util/secret.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::array<std::string_view, 4> k_formats = {"raw", "json", "env", "header"};

Result<mode_t> parse_mode(const std::string& text) {
  char* end = nullptr;
  const unsigned long mode = std::strtoul(text.c_str(), &end, 8);
  if (text.empty() || *end != '\0' || mode > 0777 || (mode & 0400U) == 0)
    return fail(Category::usage, "--mode " + text + ": not an octal file mode that its owner can read",
                "write it as 0600 or 0640");
  if ((mode & 0007U) != 0)
    return fail(Category::usage, "--mode " + text + " would let every user of this machine use the token",
                "give it to a group at most: 0640");
  return static_cast<mode_t>(mode);
}

const FileFormat* integration_format(std::string_view name) {
  for (const Integration* integration : integrations())
    for (const FileFormat& format : integration->formats)
      if (name == format.name) return &format;
  return nullptr;
}

std::string format_names() {
  std::string names;
  for (const std::string_view name : k_formats) names.append(names.empty() ? "" : ", ").append(name);
  for (const Integration* integration : integrations())
    for (const FileFormat& format : integration->formats) names.append(", ").append(format.name);
  return names;
}

Result<Secret> content(const FileTarget& target, const Profile& profile, const Credential& credential) {
  if (const FileFormat* format = integration_format(target.format))
    return format->render({profile, credential, real_system().now()});
  if (target.format == "json") return Secret(get_json(profile, credential));
  TRY(one_token(profile, credential));
  const std::string& token = credential.access_token.reveal();
  if (target.format == "env") return Secret("OPENAI_API_KEY=" + token + "\n");
  if (target.format == "header") return Secret("Authorization: Bearer " + token + "\n");
  return Secret(std::string_view(token));  // raw: readers of token files take the whole file, so no line end
}

// The files whose JWT is a part of the binding, of the profile and of those that it is chained to.
void add_sources(const Profile& profile, std::vector<std::string>& sources) {
  for (const auto& input : profile.provider.identities) {
    const std::string path(profile.get("subject." + std::string(input.name)));
    if (input.kind == IdentityInput::Kind::jwt_file && !path.empty()) sources.push_back(path);
  }
  for (const auto& link : profile.links) add_sources(*link.profile, sources);
}

}  // namespace

Result<FileTarget> make_target(std::string path, const std::optional<std::string>& format,
                               const std::optional<std::string>& mode) {
  FileTarget target;
  target.path = std::move(path);
  target.format = format.value_or("raw");
  const bool ours = std::find(k_formats.begin(), k_formats.end(), target.format) != k_formats.end();
  if (!ours && integration_format(target.format) == nullptr)
    return fail(Category::usage,
                "--format " + printable(target.format, 40) + ": not one of " + format_names());
  if (mode) {
    TRY_ASSIGN(target.mode, parse_mode(*mode));
  }
  return target;
}

Status replace_file(const std::string& path, mode_t mode, std::string_view text) {
  std::string temporary = path + ".XXXXXX";
  const Fd fd(mkostemp(temporary.data(), O_CLOEXEC));  // 0600 from the first byte
  const auto failed = [&](int error) {
    if (fd) unlink(temporary.c_str());
    return fail(Category::configuration, "cannot write " + path + ": " + errno_text(error),
                "it needs a folder that you may write to");
  };
  if (!fd) return failed(errno);
  if (const int error = write_all(fd.get(), text); error != 0) return failed(error);
  if (fchmod(fd.get(), mode) != 0 || fsync(fd.get()) != 0) return failed(errno);
  if (rename(temporary.c_str(), path.c_str()) != 0) return failed(errno);
  return {};
}

Result<Written> TokenFile::write(bool renew, bool keeping, std::int64_t longest_ms) {
  TRY_ASSIGN(SessionOptions options, m_global->session_options());
  options.renew = renew;
  options.refresh_inline = keeping;
  if (longest_ms > 0) options.timeout_ms = std::min(options.timeout_ms, longest_ms);
  // Configuration is read anew each time: a change takes effect without a restart.
  Catalogue catalogue(real_system());
  TRY_ASSIGN(const Config config, Config::load(real_system(), m_global->choice));
  TRY_ASSIGN(const Profile profile,
             m_profile ? config.profile(catalogue, *m_profile) : config.profile(catalogue));
  m_name = profile.name;
  m_sources.clear();
  add_sources(profile, m_sources);
  EngineProcess engine(real_system());
  Session session(real_system(), engine, profile, options);
  auto credential = session.get();
  for (const auto& warning : session.warnings()) warn(warning);
  if (!credential) return tl::unexpected(point_at_doctor(std::move(credential.error()), profile.name));
  if (m_target) {
    TRY_ASSIGN(const Secret text, content(*m_target, profile, *credential));
    TRY(replace_file(m_target->path, m_target->mode, text.view()));
  }
  if (!keeping) session.refresh_behind();
  Written out;
  out.changed = !m_credential || m_credential->access_token.view() != credential->access_token.view();
  out.expires_at = credential->expires_at;
  if (!session.refresh_failed())
    out.refresh_at = session.refresh_at() != 0 ? session.refresh_at() : refresh_point(*credential, 0.5);
  m_credential = std::move(*credential);
  return out;
}

}  // namespace wif
