// SPDX-License-Identifier: Apache-2.0
// One look-up: record, lock, second look, exchange. The order of steps is the cache's promise; the rules it asks are
// cache.hpp's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cache.hpp"
#include "core/config.hpp"
#include "core/engine_process.hpp"
#include "core/lock.hpp"
#include "core/store.hpp"
#include "core/system.hpp"

namespace wif {

struct SessionOptions {
  std::int64_t timeout_ms = 30'000;
  // Seconds that the consumer's protocol needs. A shorter record is renewed first, and still given if that fails.
  std::int64_t min_remaining = 0;
  // Which process a consumer is that asks again where its token was refused (rejection.hpp); 0: one that doesn't.
  std::int64_t caller = 0;
  int verbosity = 0;
  bool json_log = false;
  bool no_cache = false;
  bool renew = false;           // a fresh record won't do either: exchange now
  bool refresh_inline = false;  // as if cache.refresh said so
  LockWaiter wait = lock_until;
};

class Session {
 public:
  // All three outlive the session.
  Session(const System& system, EngineStarter& engine, const Profile& profile, SessionOptions options)
      : m_system(system), m_engine(engine), m_profile(profile), m_options(options) {}

  // The credential: from the record if that is good, else from an exchange.
  Result<Credential> get();
  // Whether get() wanted a new credential, failed, and gave what is still good.
  bool refresh_failed() const { return m_refresh_failed; }
  // After the answer is written: if it was stale, starts the refresh behind it. Never fails loudly: the answer is out.
  void refresh_behind();
  // Lines for stderr: why an answer could not be cached and the like.
  const std::vector<std::string>& warnings() const { return m_warnings; }
  bool from_cache() const { return m_from_cache; }
  // When the credential that get() gave should be refreshed, Unix seconds; 0 if it came from no record.
  std::int64_t refresh_at() const { return m_refresh_at; }

 private:
  Result<Credential> look_up();
  Status open_store();
  bool inline_refresh() const;
  std::int64_t min_ttl() const;
  Result<std::optional<Credential>> from_record();
  bool was_rejected(const Credential& credential) const;
  void note_answer(const Credential& credential) const;
  Result<Credential> under_lock();
  Result<Credential> leader(int lock, std::optional<std::int64_t> waited_since);
  Result<Credential> without_lock(int error);
  Result<Credential> uncached();
  Result<Credential> take_answer(EngineAnswer answer);
  std::string_view file_system() const;  // the cache directory's, if it is a network's
  Result<EngineRequest> request(bool store) const;
  bool is_new_enough(const Credential& credential, std::int64_t since_boot_ms) const;
  std::optional<Error> failure_since(std::int64_t boot_ms) const;
  Status remembered() const;
  void remember(const EngineError& error) const;

  const System& m_system;
  EngineStarter& m_engine;
  const Profile& m_profile;
  SessionOptions m_options;
  std::optional<Store> m_store;
  std::string m_binding;
  std::string m_name;
  std::int64_t m_deadline_ms = 0;
  std::vector<std::string> m_warnings;
  bool m_from_cache = false;
  bool m_stale = false;
  bool m_short = false;
  bool m_refresh_failed = false;
  bool m_rejected = false;
  std::int64_t m_refresh_at = 0;
};

// What asks an engine for the profile's subject token alone.
Result<EngineRequest> subject_request(const System& system, const Profile& profile,
                                      const SessionOptions& options);

// What asks an engine to look at the whole way to the profile's credential.
Result<EngineRequest> diagnosis_request(const System& system, const Profile& profile,
                                        const SessionOptions& options);

// Removes the record if it still holds the token that was rejected, named by its SHA-256 (hexadecimal): a late rejection
// must not throw away a newer token. Waits for the record's lock until `deadline_ms` (lock.hpp). Whether it was removed;
// false too if the lock wasn't free in time, since whoever holds it is about to replace the record.
Result<bool> remove_rejected(const Store& store, const std::string& name, std::string_view token_sha256,
                             std::int64_t deadline_ms, LockWaiter wait = lock_until);

}  // namespace wif
