// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <memory>

#include "core/lock.hpp"
#include "lib/objects.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

const char* text_or_null(std::string_view text) { return text.empty() ? nullptr : text.data(); }

Result<std::unique_ptr<wif_credential>> look_up(const ConfigChoice& choice, const SessionOptions& options) {
  const System& system = real_system();
  Catalogue catalogue(system);
  TRY_ASSIGN(const Config config, Config::load(system, choice));
  TRY_ASSIGN(const Profile profile, config.profile(catalogue));
  EngineProcess engine(system, {engine_of_library, true});
  Session session(system, engine, profile, options);
  TRY_ASSIGN(auto credential, session.get());
  auto answer = std::make_unique<wif_credential>();
  answer->credential = std::move(credential);
  answer->profile = profile.name;
  answer->refresh_at = session.refresh_at();
  answer->warnings = session.warnings();
  // Nobody waits for a write of ours: the answer is there.
  session.refresh_behind();
  return answer;
}

Status get(const wif_options* options, wif_credential** credential) {
  if (credential == nullptr) return fail(Category::usage, "wif_get: credential is NULL");
  *credential = nullptr;
  SessionOptions defaults;
  defaults.wait = lock_until_polling;
  TRY_ASSIGN(auto found, options != nullptr ? look_up(options->choice, options->session)
                                            : look_up(ConfigChoice{}, defaults));
  *credential = found.release();
  return {};
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool holds(const Store& store, const std::string& name, std::string_view token_sha256) {
  const auto record = store.read_record(name);
  return record && *record && sha256_hex((*record)->credential.access_token.view()) == token_sha256;
}

Result<std::uint32_t> remove_everywhere(std::string_view token_sha256, std::int64_t deadline_ms) {
  const auto directory = cache_directory(real_system());
  if (!directory) return 0;
  std::string why;
  TRY_ASSIGN(const auto store, Store::open(*directory, false, why));
  std::uint32_t removed = 0;
  if (!store) return removed;
  for (const auto& name : store->names()) {
    // Others' locks aren't waited for.
    if (!holds(*store, name, token_sha256)) continue;
    TRY_ASSIGN(const bool done, remove_rejected(*store, name, token_sha256, deadline_ms, lock_until_polling));
    if (done) ++removed;
  }
  return removed;
}

Status reject(const char* token_sha256, std::int64_t timeout_ms, std::uint32_t* removed) {
  if (removed != nullptr) *removed = 0;
  if (token_sha256 == nullptr || !is_sha256(token_sha256))
    return fail(Category::usage, "wif_reject: token_sha256 is not 64 lower-case hexadecimal digits",
                "wif_credential_token_sha256 writes them; for a token from elsewhere, hash it yourself");
  if (timeout_ms < 0) return fail(Category::usage, "wif_reject: timeout_ms is negative");
  TRY_ASSIGN(const std::uint32_t count, remove_everywhere(token_sha256, monotonic_ms() + timeout_ms));
  if (removed != nullptr) *removed = count;
  return {};
}

}  // namespace
}  // namespace wif

extern "C" {

int32_t wif_get(const wif_options* options, wif_credential** credential, wif_error* error) {
  return wif::guarded(error, [&] { return wif::get(options, credential); });
}

void wif_credential_free(wif_credential* credential) { delete credential; }

const char* wif_credential_access_token(const wif_credential* credential) {
  const auto& it = credential->credential;
  return it.is_aws() ? nullptr : it.access_token.reveal().c_str();
}

const char* wif_credential_token_type(const wif_credential* credential) {
  const auto& it = credential->credential;
  return it.is_aws() ? nullptr : it.token_type.c_str();
}

const char* wif_credential_aws_access_key_id(const wif_credential* credential) {
  return wif::text_or_null(credential->credential.access_key_id.view());
}

const char* wif_credential_aws_secret_access_key(const wif_credential* credential) {
  return wif::text_or_null(credential->credential.secret_access_key.view());
}

const char* wif_credential_aws_session_token(const wif_credential* credential) {
  const auto& it = credential->credential;
  return it.is_aws() ? it.access_token.reveal().c_str() : nullptr;
}

const char* wif_credential_scope(const wif_credential* credential) {
  return wif::text_or_null(credential->credential.scope);
}

const char* wif_credential_profile(const wif_credential* credential) { return credential->profile.c_str(); }

int64_t wif_credential_issued_at(const wif_credential* credential) {
  return credential->credential.issued_at;
}
int64_t wif_credential_expires_at(const wif_credential* credential) {
  return credential->credential.expires_at;
}
int64_t wif_credential_refresh_at(const wif_credential* credential) { return credential->refresh_at; }

const char* wif_credential_warning(const wif_credential* credential, uint32_t index) {
  return index < credential->warnings.size() ? credential->warnings[index].c_str() : nullptr;
}

void wif_credential_token_sha256(const wif_credential* credential, char hash[WIF_TOKEN_HASH_SIZE]) {
  hash[0] = '\0';
  static_cast<void>(wif::guarded(nullptr, [&]() -> wif::Status {
    const std::string hex = wif::sha256_hex(credential->credential.access_token.view());
    std::memcpy(hash, hex.c_str(), WIF_TOKEN_HASH_SIZE);
    return {};
  }));
}

int32_t wif_reject(const char* token_sha256, int64_t timeout_ms, uint32_t* removed, wif_error* error) {
  return wif::guarded(error, [&] { return wif::reject(token_sha256, timeout_ms, removed); });
}

}  // extern "C"
