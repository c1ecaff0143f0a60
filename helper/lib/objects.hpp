// SPDX-License-Identifier: Apache-2.0
// The C interface's objects, and the firewall that every function of it stands behind. wif/wif.h is the contract.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <pthread.h>

#include "core/config.hpp"
#include "core/credential.hpp"
#include "core/session.hpp"
#include "util/error.hpp"
#include "wif/wif.h"

struct wif_error {
  wif::Error error;
  std::int32_t status = WIF_OK;
  const char* fixed = nullptr;  // the message where there was no memory for one

  void clear() noexcept;
  std::int32_t set(wif::Error&& cause) noexcept;
  // Needs no memory.
  std::int32_t set(std::int32_t category, const char* message) noexcept;
};

struct wif_options {
  wif::ConfigChoice choice;
  wif::SessionOptions session;
};

struct wif_credential {
  wif::Credential credential;
  std::string profile;
  std::int64_t refresh_at = 0;
  std::vector<std::string> warnings;
};

namespace wif {

// While it lives, the thread isn't cancelled (no half-made look-up is unwound), and a file size limit that a note of
// an engine's crash runs into is an error, not the program's end by SIGXFSZ.
class QuietThread {
 public:
  QuietThread();
  ~QuietThread();
  QuietThread(const QuietThread&) = delete;
  QuietThread& operator=(const QuietThread&) = delete;

 private:
  int m_cancel_state = 0;
  bool m_blocked = false;  // by us
};

// What `call`, which returns a Status, comes to; nothing is ever thrown into C.
template <class Call> std::int32_t guarded(wif_error* error, const Call& call) noexcept {
  wif_error unwanted;
  wif_error& to = error != nullptr ? *error : unwanted;
  to.clear();
  const QuietThread quiet;
  try {
    Status done = call();
    return done ? std::int32_t{WIF_OK} : to.set(std::move(done.error()));
  } catch (const std::bad_alloc&) {
    return to.set(WIF_BUG, "out of memory");
  } catch (const std::exception& thrown) {
    return to.set(Error{Category::bug, thrown.what(), "please report this", {}});
  } catch (...) {
    return to.set(WIF_BUG, "an unknown exception");
  }
}

// Beside the library: PREFIX/lib/libwif.so.1 has PREFIX/libexec/wif/wif-engine. Where that isn't, because the library was
// bundled elsewhere, the folder that it was configured with. $WIF_ENGINE (not under AT_SECURE) comes first.
Result<std::string> engine_of_library(const System& system);

}  // namespace wif
