// SPDX-License-Identifier: Apache-2.0
// A file that holds a profile's credential: `wif write`, `wif exec --refresh-file`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "cli/command.hpp"

namespace wif {

struct FileTarget {
  std::string path;
  std::string format = "raw";
  mode_t mode = 0600;
};

// --format and --mode as given, checked (usage).
Result<FileTarget> make_target(std::string path, const std::optional<std::string>& format,
                               const std::optional<std::string>& mode);

// Beside it and renamed over it, so that a reader sees the old text or the new one, never half of one.
Status replace_file(const std::string& path, mode_t mode, std::string_view text);

// What one look-up gave.
struct Written {
  bool changed = false;         // another credential than the last one written
  std::int64_t refresh_at = 0;  // Unix seconds; 0: a refresh failed and is due still
  std::int64_t expires_at = 0;  // Unix seconds
};

class TokenFile {
 public:
  // Of the profile that `global` chooses, which outlives this. Without a target the credential is renewed and written
  // nowhere.
  TokenFile(const GlobalOptions& global, std::optional<std::string> profile, std::optional<FileTarget> target)
      : m_global(&global),
        m_profile(std::move(profile)),
        m_target(std::move(target)),
        m_name(m_profile.value_or(global.choice.profile.value_or(""))) {}

  // Looks up and writes. `keeping`: somebody comes back for the refresh, which is not left to an engine behind the answer.
  // `longest_ms` bounds --timeout; 0: as --timeout says.
  Result<Written> write(bool renew, bool keeping, std::int64_t longest_ms = 0);
  const std::optional<FileTarget>& target() const { return m_target; }
  // The profile's; empty as long as no configuration could be read that chooses one.
  const std::string& name() const { return m_name; }
  // Files that its subject token is read from, also where there are none yet; known with the configuration.
  const std::vector<std::string>& sources() const { return m_sources; }
  // The credential that was looked up last, for the environment of a command.
  const std::optional<Credential>& credential() const { return m_credential; }

 private:
  const GlobalOptions* m_global;
  std::optional<std::string> m_profile;
  std::optional<FileTarget> m_target;
  std::string m_name;
  std::vector<std::string> m_sources;
  std::optional<Credential> m_credential;
};

}  // namespace wif
