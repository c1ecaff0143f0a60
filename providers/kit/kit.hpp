// SPDX-License-Identifier: Apache-2.0
// What every C++ provider would otherwise write for itself, over the C interface (wif/provider.h): results in place of
// codes, and no exception past the module's border. A provider includes the kit, the C header and util (JSON, base64),
// nothing of wif's core. HTTP is in kit/http.hpp, a look into a JWT in kit/jwt.hpp.
//
//   Result<SubjectToken> fetch_token(const Host& host) { … }
//   constexpr wif_provider k_provider = provider<fetch_token>("name");
//   extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) { return offer(k_provider, host_abi); }
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "util/fd.hpp"
#include "util/text.hpp"
#include "wif/provider.h"

namespace wif::kit {

// What the host is told: a category of wif_status, what was tried and came back, and what to do (may be empty).
struct Failure {
  std::int32_t status = WIF_BUG;
  std::string message;
  std::string hint;
  // A token that was found and must not be sent, for people to look at: `wif inspect` shows what it says. Lives as a
  // SubjectToken's does.
  std::string_view refused = {};
};

template <class T> using Result = tl::expected<T, Failure>;

[[nodiscard]] inline tl::unexpected<Failure> fail(std::int32_t status, std::string message,
                                                  std::string hint = {}) {
  return tl::unexpected<Failure>(Failure{status, std::move(message), std::move(hint)});
}

// The failure of a token that was found.
[[nodiscard]] inline tl::unexpected<Failure> refuse(Failure failure, std::string_view token) {
  failure.refused = token;
  return tl::unexpected<Failure>(std::move(failure));
}

// `token` points into memory that lives until the call ends: what the host handed out, or a secret_copy.
struct SubjectToken {
  std::string_view token;
  const char* token_type = nullptr;  // a constant; null: the descriptor's
  std::int64_t expires_at = 0;       // Unix seconds; 0: unknown, or as in the JWT's `exp`
};

// The host's services for one call. Views that it returns live until the call ends.
class Host {
 public:
  Host(const wif_host* host, wif_call* call) : m_host(host), m_call(call) {}

  // Nothing if unset; the second form fails (configuration) and names the setting.
  std::optional<std::string_view> setting(const char* name) const;
  Result<std::string> required_setting(const char* name) const;
  // Whom the token is to be for: required, since only OpenAI's exchange and those of some presets have a default.
  Result<std::string> audience() const;
  // Nothing if unset or empty. The view is NUL-terminated.
  std::optional<std::string_view> environment(const char* name) const;
  void log(wif_log_level level, const std::string& message) const {
    m_host->log(m_call, level, message.c_str());
  }
  std::int64_t time_left_ms() const { return m_host->time_left_ms(m_call); }
  // Memory that the host wipes and frees when the call ends. Throws std::bad_alloc.
  char* secret_memory(std::size_t size) const;
  std::string_view secret_copy(std::string_view text) const;
  std::int32_t report(const Failure& failure) const;

  // For the rest of the kit.
  const wif_host* table() const { return m_host; }
  wif_call* call() const { return m_call; }

 private:
  const wif_host* m_host;
  wif_call* m_call;
};

using wif::trim;

// Opened for reading, so that neither a FIFO without a writer nor a terminal holds us up. Without a descriptor: errno.
Fd open_file(const std::string& path, int flags = 0);
// All of it, read straight into the host's secret memory. The error is an errno: EFBIG for more than `limit` bytes.
tl::expected<std::string_view, int> read_secret_file(const Host& host, const Fd& file, std::size_t limit);

// The token in a file: whole, trimmed, never empty, at most 1 MiB. Read afresh each time and straight into the host's
// secret memory. The error's hint fits a projected Kubernetes token.
Result<std::string_view> read_token_file(const Host& host, const std::string& path);

// The C function of a table from one that returns a Result; the firewall that no exception passes.
template <Result<SubjectToken> (*Fetch)(const Host&)>
std::int32_t fetch(const wif_host* host, wif_call* call, wif_subject_token* out) noexcept {
  try {
    const Host services(host, call);
    const Result<SubjectToken> result = Fetch(services);
    if (!result) {
      out->token = result.error().refused.data();
      out->token_size = result.error().refused.size();
      return services.report(result.error());
    }
    out->token = result->token.data();
    out->token_size = result->token.size();
    out->token_type = result->token_type;
    out->expires_at = result->expires_at;
    return WIF_OK;
  } catch (const std::bad_alloc&) {
    return host->fail(call, WIF_BUG, "out of memory", nullptr);
  } catch (const std::exception& error) {
    return host->fail(call, WIF_BUG, error.what(), nullptr);
  } catch (...) {
    return host->fail(call, WIF_BUG, "an exception of an unknown type", nullptr);
  }
}

template <Result<SubjectToken> (*Fetch)(const Host&)> constexpr wif_provider provider(const char* name) {
  return {WIF_PROVIDER_ABI, sizeof(wif_provider), name, fetch<Fetch>, nullptr};
}

// The table if the host speaks this version.
inline const wif_provider* offer(const wif_provider& table, std::uint32_t host_abi) {
  return host_abi >= table.abi_version ? &table : nullptr;
}

}  // namespace wif::kit
