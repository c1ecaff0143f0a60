// SPDX-License-Identifier: Apache-2.0
#include "core/session.hpp"

#include <algorithm>
#include <cerrno>

#include "core/audit.hpp"
#include "core/lock.hpp"
#include "core/rejection.hpp"
#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_default_min_ttl = 120;
// A waiter keeps this part of its time for an exchange of its own.
constexpr std::int64_t k_own_part = 3;

EngineRequest provider_request(const Profile& profile, const SessionOptions& options,
                               std::int64_t deadline_ms) {
  EngineRequest request;
  request.profile = profile.name;
  request.deadline_ms = deadline_ms;
  request.verbosity = options.verbosity;
  request.json_log = options.json_log;
  request.provider = profile.provider.name;
  request.module = profile.provider.module;
  request.token_type = profile.provider.token_type;
  request.subject = profile.part("subject.");
  request.subject_token = profile.subject_token;
  request.exchange = profile.exchange.engine_kind();
  request.exchange_settings = profile.exchange_part();
  request.expect = profile.part("expect.");
  return request;
}

std::int64_t min_ttl_of(const Profile& profile) {
  return parse_duration(profile.get("cache.min_ttl")).value_or(k_default_min_ttl);
}

// Where a request's record is, whose failure before this one may have said what not to send again.
Status add_store(EngineRequest& request, const System& system, const Profile& profile, const Store* store) {
  TRY_ASSIGN(request.binding, make_binding(system, profile));
  request.record_name = record_name(request.binding);
  request.store = store != nullptr;
  if (store == nullptr) return {};
  request.cache_directory = store->directory();
  if (const auto failure = store->read_failure(request.record_name, request.binding))
    request.refused_subject = failure->refused_subject;
  return {};
}

// Requests for the profiles that this one's exchange needs, theirs among them.
Status add_links(EngineRequest& request, const System& system, const Profile& profile,
                 const SessionOptions& options, const Store* store) {
  for (const auto& link : profile.links) {
    EngineRequest linked = provider_request(*link.profile, options, request.deadline_ms);
    linked.role = link.role;
    linked.min_ttl = min_ttl_of(*link.profile);
    TRY(add_store(linked, system, *link.profile, store));
    if (!request.binding.empty() && !links_to(request.binding, link.role, linked.binding))
      return fail(Category::no_identity,
                  "the identity of profile '" + link.profile->name + "' changed while it was looked up",
                  "try again", std::string(k_identity_changed));
    TRY(add_links(linked, system, *link.profile, options, store));
    request.links.push_back(std::move(linked));
  }
  return {};
}

}  // namespace

std::int64_t Session::min_ttl() const { return min_ttl_of(m_profile); }

bool Session::inline_refresh() const {
  return m_options.refresh_inline || m_profile.get("cache.refresh") == "inline";
}

// Without a store the look-up goes on uncached. An untrustworthy one is an error: it may hold somebody else's token.
Status Session::open_store() {
  const auto directory = cache_directory(m_system);
  if (!directory) {
    m_warnings.emplace_back("nothing is cached: neither WIF_CACHE_DIR, XDG_CACHE_HOME nor HOME is set");
    return {};
  }
  std::string why;
  TRY_ASSIGN(m_store, Store::open(*directory, true, why));
  if (!m_store) m_warnings.push_back("nothing is cached: " + why);
  return {};
}

Result<EngineRequest> Session::request(bool store) const {
  EngineRequest request = provider_request(m_profile, m_options, m_deadline_ms);
  request.store = store;
  request.binding = m_binding;
  request.record_name = m_name;
  if (m_store) {
    request.cache_directory = m_store->directory();
    if (const auto failure = m_store->read_failure(m_name, m_binding))
      request.refused_subject = failure->refused_subject;
  }
  TRY(add_links(request, m_system, m_profile, m_options, m_store ? &*m_store : nullptr));
  return request;
}

Result<std::optional<Credential>> Session::from_record() {
  TRY_ASSIGN(auto record, m_store->read_record(m_name, m_binding));
  if (!record) return std::optional<Credential>();
  const Now now = m_system.now();
  const State state = state_of(*record, now, min_ttl());
  if (state == State::invalid) return std::optional<Credential>();
  m_stale = state == State::stale;
  m_short = is_short(*record, now, m_options.min_remaining);
  m_refresh_at = record->refresh_at;
  return std::optional<Credential>(std::move(record->credential));
}

// Whoever asks again for what it was just given was refused with it.
bool Session::was_rejected(const Credential& credential) const {
  if (m_options.caller == 0) return false;
  const auto file = m_store->open_lock(m_name);
  const auto before = file ? read_asked(file->get()) : std::nullopt;
  return before && is_rejection(*before, m_options.caller, credential.issued_boot, m_system.now().boot_ms);
}

void Session::note_answer(const Credential& credential) const {
  if (m_options.caller == 0 || !m_store) return;
  const auto file = m_store->open_lock(m_name);
  if (!file) return;
  const auto before = read_asked(file->get());
  const std::int64_t now = m_system.now().boot_ms;
  write_asked(file->get(), {m_options.caller, now, credential.issued_boot,
                            m_rejected ? now : before.value_or(Asked{}).forced_boot_ms});
}

Result<Credential> Session::get() {
  m_deadline_ms = monotonic_ms() + m_options.timeout_ms;
  auto credential = look_up();
  // The token's file was swapped after the binding was made: whose record it is has to be asked again, once.
  if (!credential && credential.error().cause == k_identity_changed) credential = look_up();
  if (credential) note_answer(*credential);
  if (const auto place = m_profile.get("audit"); !place.empty()) {
    const AuditEvent event{m_profile.name, !credential ? "failed" : m_from_cache ? "hit" : "exchange"};
    if (const Status written = write_audit(m_system, place, event); !written)
      m_warnings.push_back(written.error().message);
  }
  return credential;
}

Result<Credential> Session::look_up() {
  TRY_ASSIGN(m_binding, make_binding(m_system, m_profile));
  m_name = record_name(m_binding);
  if (m_options.no_cache) return uncached();
  TRY(open_store());
  if (!m_store) return uncached();

  TRY_ASSIGN(auto credential, from_record());
  m_rejected = m_rejected || (credential && was_rejected(*credential));
  m_options.renew = m_options.renew || m_rejected;
  const bool refresh_now = m_options.renew || m_short || (m_stale && inline_refresh());
  if (credential && !refresh_now) {
    m_from_cache = true;
    return std::move(*credential);
  }
  auto renewed = under_lock();
  if (renewed || !credential) return renewed;
  // The refresh failed, and what we have is still good.
  m_warnings.push_back("using the cached credential, since its refresh failed: " + renewed.error().message);
  m_from_cache = true;
  m_refresh_failed = true;
  m_stale = false;
  return std::move(*credential);
}

// Whoever asked for a new one is content with one that was issued while it waited.
bool Session::is_new_enough(const Credential& credential, std::int64_t since_boot_ms) const {
  return !m_options.renew || credential.issued_boot >= since_boot_ms / 1000;
}

// A failure that the winner met after we began to wait is ours too.
std::optional<Error> Session::failure_since(std::int64_t boot_ms) const {
  const auto failure = m_store->read_failure(m_name, m_binding);
  if (!failure || failure->at_boot_ms < boot_ms) return {};
  return failure->error;
}

Status Session::remembered() const {
  const auto failure = m_store->read_failure(m_name, m_binding);
  const Now now = m_system.now();
  if (!failure || !is_remembered(*failure, now)) return {};
  Error error = failure->error;
  error.message += " (" + duration_words(now.wall - failure->at) + " ago; next try in " +
                   duration_words(failure->not_before - now.wall) + ")";
  return tl::unexpected(std::move(error));
}

Result<Credential> Session::under_lock() {
  auto lock = m_store->open_lock(m_name);
  if (!lock) {
    // A full or read-only file system: the answer is worth more than the cache.
    m_warnings.push_back("nothing is cached: " + lock.error().message);
    return uncached();
  }
  const std::int64_t began = m_system.now().boot_ms;
  std::optional<std::int64_t> waited_since;
  const std::int64_t wait_until = m_deadline_ms - m_options.timeout_ms / k_own_part;
  if (!try_lock(lock->get(), LockMode::exclusive)) {
    waited_since = began;
    // Shared, so that a thousand waiters wake together when the winner is done, instead of one after the other.
    if (!m_options.wait(lock->get(), LockMode::shared, wait_until)) return without_lock(errno);
    unlock(lock->get());
    TRY_ASSIGN(auto credential, from_record());
    if (credential && is_new_enough(*credential, began) && !m_short) return std::move(*credential);
    if (auto error = failure_since(began)) return tl::unexpected(std::move(*error));
    // The winner was killed before it could say anything: somebody has to be the next.
    if (!m_options.wait(lock->get(), LockMode::exclusive, wait_until)) return without_lock(errno);
    if (auto error = failure_since(began)) return tl::unexpected(std::move(*error));
  }
  return leader(lock->get(), waited_since);
}

Result<Credential> Session::leader(int lock, std::optional<std::int64_t> waited_since) {
  const UnlockAtEnd unlocked(lock);
  TRY_ASSIGN(auto credential, from_record());
  const bool old =
      m_options.renew && (!credential || !waited_since || !is_new_enough(*credential, *waited_since));
  if (credential && !old && !m_short && !(m_stale && inline_refresh())) return std::move(*credential);
  TRY(remembered());
  if (const auto kind = file_system(); !kind.empty() && m_options.verbosity > 0)
    m_warnings.push_back("the cache directory lies on " + std::string(kind) +
                         ": its locks may not reach other hosts");
  m_stale = false;
  TRY_ASSIGN(const EngineRequest asked, request(true));
  EngineAnswer answer = m_engine.run(asked, lock);
  // An engine that crashed wrote nothing down; those who wait for us have to learn of it.
  if (!answer.outcome && answer.outcome.error().error.category == Category::bug)
    remember(answer.outcome.error());
  return take_answer(std::move(answer));
}

// No lock in time is nothing to tell. No lock at all, which some network file systems know, means an exchange a call.
Result<Credential> Session::without_lock(int error) {
  if (error != ETIMEDOUT) {
    const std::string on = file_system().empty() ? "" : ", which lies on " + std::string(file_system());
    m_warnings.push_back("nothing is cached: cannot lock a file in " + m_store->directory() + on + ": " +
                         errno_text(error));
  }
  return uncached();
}

std::string_view Session::file_system() const {
  return network_file_system(m_system.file_system(m_store->directory()));
}

void Session::remember(const EngineError& error) const {
  const auto before = m_store->read_failure(m_name, m_binding);
  const Failure failure =
      next_failure(m_system, before ? &*before : nullptr, m_binding, m_profile.name, error);
  // Nothing more can be done for a failure that can't be written down: it is on its way to the user.
  static_cast<void>(m_store->write_failure(m_name, failure));
}

Result<Credential> Session::uncached() {
  m_stale = false;
  TRY_ASSIGN(const EngineRequest asked, request(false));
  return take_answer(m_engine.run(asked, -1));
}

Result<Credential> Session::take_answer(EngineAnswer answer) {
  if (!answer.warning.empty()) m_warnings.push_back(std::move(answer.warning));
  if (!answer.outcome) return tl::unexpected(std::move(answer.outcome.error().error));
  return std::move(*answer.outcome);
}

void Session::refresh_behind() {
  if (!m_stale || !m_store || m_profile.get("cache.refresh") != "background") return;
  const auto failure = m_store->read_failure(m_name, m_binding);
  if (failure && is_paused(*failure, m_system.now())) return;
  const auto lock = m_store->open_lock(m_name);
  if (!lock || !try_lock(lock->get(), LockMode::exclusive)) return;
  m_deadline_ms = monotonic_ms() + m_options.timeout_ms;
  // If the engine can't be started, the next call that needs it says so.
  const auto asked = request(true);
  if (!asked || !m_engine.detach(*asked, lock->get())) unlock(lock->get());
}

Result<EngineRequest> subject_request(const System& system, const Profile& profile,
                                      const SessionOptions& options) {
  EngineRequest request = provider_request(profile, options, monotonic_ms() + options.timeout_ms);
  request.subject_only = true;
  std::optional<Store> store;
  const auto directory = options.no_cache ? std::nullopt : cache_directory(system);
  if (directory && !profile.links.empty()) {
    std::string why;
    TRY_ASSIGN(store, Store::open(*directory, true, why));
  }
  TRY(add_links(request, system, profile, options, store ? &*store : nullptr));
  return request;
}

Result<EngineRequest> diagnosis_request(const System& system, const Profile& profile,
                                        const SessionOptions& options) {
  TRY_ASSIGN(EngineRequest request, subject_request(system, profile, options));
  request.subject_only = false;
  request.diagnose = true;
  // Whose failure may have said what not to send again. That there is no token is for the provider to say.
  const auto binding = make_binding(system, profile);
  const auto directory = binding ? cache_directory(system) : std::nullopt;
  std::string why;
  const auto store =
      directory ? Store::open(*directory, false, why) : Result<std::optional<Store>>(std::nullopt);
  if (store && *store)
    if (const auto failure = (*store)->read_failure(record_name(*binding), *binding))
      request.refused_subject = failure->refused_subject;
  return request;
}

Result<bool> remove_rejected(const Store& store, const std::string& name, std::string_view token_sha256,
                             std::int64_t deadline_ms, LockWaiter wait) {
  TRY_ASSIGN(const Fd lock, store.open_lock(name));
  if (!wait(lock.get(), LockMode::exclusive, deadline_ms)) return false;
  const UnlockAtEnd unlocked(lock.get());
  TRY_ASSIGN(const auto record, store.read_record(name));
  if (!record) return false;
  const Credential& credential = record->credential;
  const std::string held =
      credential.output ? credential.output->token_hash : sha256_hex(credential.access_token.view());
  if (held != token_sha256) return false;
  store.remove(name);
  return true;
}

}  // namespace wif
