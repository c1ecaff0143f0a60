// SPDX-License-Identifier: Apache-2.0
#include <new>

#include "lib/objects.hpp"

namespace {

constexpr std::int64_t k_longest_timeout_ms = 3'600'000;
constexpr std::int64_t k_longest_remaining_s = 86'400;
constexpr std::uint32_t k_flags = WIF_NO_CACHE | WIF_RENEW;

// What sets a text, which may throw for lack of memory.
template <class Set> std::int32_t stored(const Set& set) noexcept {
  try {
    set();
    return WIF_OK;
  } catch (...) {
    return WIF_BUG;
  }
}

std::int32_t set_text(std::optional<std::string>& member, const char* text) noexcept {
  return stored([&] {
    if (text == nullptr)
      member.reset();
    else
      member = text;
  });
}

}  // namespace

extern "C" {

wif_options* wif_options_new(void) {
  auto* options = new (std::nothrow) wif_options;
  if (options != nullptr) options->session.wait = wif::lock_until_polling;
  return options;
}

void wif_options_free(wif_options* options) { delete options; }

int32_t wif_options_set_profile(wif_options* options, const char* name) {
  return options == nullptr ? WIF_USAGE : set_text(options->choice.profile, name);
}

int32_t wif_options_set_config(wif_options* options, const char* path) {
  return options == nullptr ? WIF_USAGE : set_text(options->choice.file, path);
}

int32_t wif_options_add_setting(wif_options* options, const char* key, const char* value) {
  if (options == nullptr || key == nullptr || value == nullptr) return WIF_USAGE;
  return stored([&] { options->choice.set.push_back(std::string(key) + "=" + value); });
}

int32_t wif_options_set_timeout(wif_options* options, int64_t milliseconds) {
  if (options == nullptr || milliseconds < 1 || milliseconds > k_longest_timeout_ms) return WIF_USAGE;
  options->session.timeout_ms = milliseconds;
  return WIF_OK;
}

int32_t wif_options_set_min_remaining(wif_options* options, int64_t seconds) {
  if (options == nullptr || seconds < 0 || seconds > k_longest_remaining_s) return WIF_USAGE;
  options->session.min_remaining = seconds;
  return WIF_OK;
}

int32_t wif_options_set_flags(wif_options* options, uint32_t flags) {
  if (options == nullptr || (flags & ~k_flags) != 0) return WIF_USAGE;
  options->session.no_cache = (flags & WIF_NO_CACHE) != 0;
  options->choice.no_cache = options->session.no_cache;
  options->session.renew = (flags & WIF_RENEW) != 0;
  return WIF_OK;
}

}  // extern "C"
