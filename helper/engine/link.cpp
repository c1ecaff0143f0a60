// SPDX-License-Identifier: Apache-2.0
#include "engine/link.hpp"

#include <optional>

#include "core/cache.hpp"
#include "core/lock.hpp"
#include "core/outcome.hpp"
#include "core/store.hpp"
#include "engine/exchange/post.hpp"
#include "engine/exchange/token_answer.hpp"

namespace wif {
namespace {

// Of the time that is left, what is kept for an exchange of one's own if nothing comes of waiting for somebody else's.
constexpr std::int64_t k_own_part = 3;

struct Found {
  Credential credential;
  bool fresh = false;
};

Result<std::optional<Found>> from_record(const Store& store, const EngineRequest& link, const Now& now) {
  TRY_ASSIGN(auto record, store.read_record(link.record_name, link.binding));
  if (!record) return std::optional<Found>();
  const State state = state_of(*record, now, link.min_ttl);
  if (state == State::invalid) return std::optional<Found>();
  return std::optional<Found>(Found{std::move(record->credential), state == State::fresh});
}

// Under the link's lock, or without one where there is none to be had.
ExchangeResult exchange_anew(const Work& work) {
  auto result = run_exchange(work);
  if (result) {
    static_cast<void>(store_credential(work.system, work.request, *result));
  } else {
    store_failure(work.system, work.request, result.error());
  }
  return result;
}

// A stale record is good enough where somebody else is renewing it, or where the renewal fails.
ExchangeResult credential_of(const Work& work) {
  const EngineRequest& link = work.request;
  std::string why;
  std::optional<Store> store;
  if (link.store) {
    auto opened = Store::open(link.cache_directory, true, why);
    if (!opened) return tl::unexpected(engine_error(std::move(opened.error())));
    store = std::move(*opened);
  }
  if (!store) return run_exchange(work);
  auto found = from_record(*store, link, work.system.now());
  if (!found) return tl::unexpected(engine_error(std::move(found.error())));
  if (*found && (*found)->fresh) return std::move((*found)->credential);
  auto lock = store->open_lock(link.record_name);
  if (!lock) return *found ? ExchangeResult(std::move((*found)->credential)) : run_exchange(work);
  if (*found && !try_lock(lock->get(), LockMode::exclusive)) return std::move((*found)->credential);
  // Past that, as everywhere: an exchange of one's own, which nobody else gets.
  const std::int64_t wait_until = work.deadline.at_ms() - work.deadline.left_ms() / k_own_part;
  if (!*found && !lock_until_polling(lock->get(), LockMode::exclusive, wait_until)) return run_exchange(work);
  auto again = from_record(*store, link, work.system.now());
  if (again && *again && (*again)->fresh) return std::move((*again)->credential);
  const auto failure = store->read_failure(link.record_name, link.binding);
  if (failure && is_remembered(*failure, work.system.now())) {
    if (*found) return std::move((*found)->credential);
    return tl::unexpected(engine_error(failure->error));
  }
  auto result = exchange_anew(work);
  if (!result && *found) return std::move((*found)->credential);
  return result;
}

}  // namespace

const EngineRequest* find_link(const EngineRequest& request, std::string_view role) {
  for (const auto& link : request.links)
    if (link.role == role) return &link;
  return nullptr;
}

ExchangeResult linked_credential(const Work& work, const EngineRequest& link) {
  auto result = credential_of({link, work.system, work.log, work.deadline, work.answer, work.http});
  if (result) return result;
  EngineError& failure = result.error();
  // Whose failure it is; and what was said of its subject token isn't said of ours.
  failure.error.message = "profile '" + link.profile + "', the " + link.role + " of '" +
                          work.request.profile + "': " + failure.error.message;
  failure.reused_subject = false;
  failure.subject_hash.clear();
  return result;
}

SubjectToken as_subject(const Credential& credential) {
  SubjectToken subject;
  subject.token = credential.access_token.clone();
  subject.token_type =
      credential.issued_token_type.empty() ? std::string(k_access_token_type) : credential.issued_token_type;
  subject.expires_at = credential.expires_at;
  return subject;
}

}  // namespace wif
