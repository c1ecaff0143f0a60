// SPDX-License-Identifier: Apache-2.0
// Records and failures on disk: the cache directory, its checks, atomic writes. No policy here: see cache.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/credential.hpp"
#include "core/engine_protocol.hpp"
#include "core/system.hpp"
#include "util/error.hpp"
#include "util/fd.hpp"

namespace wif {

struct Record {
  std::string binding;
  std::string profile;  // for people
  Credential credential;
  std::int64_t refresh_at = 0;  // Unix seconds
};

// The last failure of a binding, beside its record. Holds no token.
struct Failure {
  std::string binding;
  std::string profile;
  Error error;
  std::int64_t at = 0;          // Unix seconds
  std::int64_t at_boot_ms = 0;  // milliseconds since boot
  std::int64_t not_before = 0;  // Unix seconds: no new try earlier
  int attempts = 1;             // failures in a row
  std::string refused_subject;  // SHA-256 of the assertion that was refused as reused
  std::string request_id;
  std::string step;  // where it failed: "provider", "exchange", or empty before either
};

// All but what failed: "3 min ago in step exchange, 2 times in a row, request req_1". `now` in Unix seconds.
std::string circumstances(const Failure& failure, std::int64_t now);

class Store {
 public:
  // Opens the directory, making it (0700) if `create` and only its own last part and missing parents. Refused with
  // category cache, unrepaired: a symlink, another owner, a mode wider than 0700. Absent or impossible to make:
  // nothing, and `why` says so; then the caller goes on without a cache.
  static Result<std::optional<Store>> open(const std::string& directory, bool create, std::string& why);

  const std::string& directory() const { return m_path; }
  // Nothing if absent, damaged or of another binding (a collision). A record that is a symlink, foreign or wider than
  // 0600 is an error of category cache.
  Result<std::optional<Record>> read_record(const std::string& name, std::string_view binding) const;
  std::optional<Failure> read_failure(const std::string& name, std::string_view binding) const;
  Status write_record(const std::string& name, const Record& record) const;  // clears the failure too
  Status write_failure(const std::string& name, const Failure& failure) const;
  void remove(const std::string& name) const;
  // The lock file's descriptor, unlocked. Category cache if it can't be had.
  Result<Fd> open_lock(const std::string& name) const;

  // All names that have a record or a failure, sorted.
  std::vector<std::string> names() const;
  // Any record of that name, whatever its binding.
  Result<std::optional<Record>> read_record(const std::string& name) const;
  std::optional<Failure> read_failure(const std::string& name) const;

 private:
  Store(std::string path, Fd directory) : m_path(std::move(path)), m_directory(std::move(directory)) {}
  Status write_file(const std::string& name, std::string_view text) const;
  Result<std::optional<std::string>> read_checked(const std::string& name) const;
  std::string m_path;
  Fd m_directory;
};

// "nfs" and the like, for the magic number of a file system where a lock may exclude nobody on another host, or hang;
// empty for any other.
std::string_view network_file_system(std::uint32_t magic);

// $WIF_CACHE_DIR, else $XDG_CACHE_HOME/wif, else $HOME/.cache/wif; nothing where none of them is set.
std::optional<std::string> cache_directory(const System& system);

}  // namespace wif
