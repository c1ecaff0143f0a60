// SPDX-License-Identifier: Apache-2.0
#include "core/outcome.hpp"

#include "core/cache.hpp"
#include "core/store.hpp"

namespace wif {

std::string store_credential(const System&, const EngineRequest& request, Credential& credential) {
  if (!request.store) return {};
  std::string why;
  auto store = Store::open(request.cache_directory, true, why);
  if (!store) return store.error().message;
  if (!*store) return why;
  Record record = make_record(request.binding, request.profile, std::move(credential));
  const Status written = (*store)->write_record(request.record_name, record);
  credential = std::move(record.credential);
  return written ? std::string() : written.error().message;
}

void store_failure(const System& system, const EngineRequest& request, const EngineError& failure) {
  if (!request.store) return;
  std::string why;
  auto store = Store::open(request.cache_directory, true, why);
  if (!store || !*store) return;
  const auto before = (*store)->read_failure(request.record_name, request.binding);
  static_cast<void>((*store)->write_failure(
      request.record_name,
      next_failure(system, before ? &*before : nullptr, request.binding, request.profile, failure)));
}

}  // namespace wif
