// SPDX-License-Identifier: Apache-2.0
#include "lib/objects.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>

void wif_error::clear() noexcept {
  error.message.clear();
  error.hint.clear();
  error.cause.clear();
  status = WIF_OK;
  fixed = nullptr;
}

std::int32_t wif_error::set(wif::Error&& cause) noexcept {
  error = std::move(cause);
  status = static_cast<std::int32_t>(error.category);
  return status;
}

std::int32_t wif_error::set(std::int32_t category, const char* message) noexcept {
  fixed = message;
  return status = category;
}

namespace wif {
namespace {

sigset_t file_size_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGXFSZ);
  return set;
}

}  // namespace

QuietThread::QuietThread() {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &m_cancel_state);
  const sigset_t set = file_size_signal();
  sigset_t former;
  m_blocked = pthread_sigmask(SIG_BLOCK, &set, &former) == 0 && sigismember(&former, SIGXFSZ) == 0;
}

QuietThread::~QuietThread() {
  if (m_blocked) {
    const sigset_t set = file_size_signal();
    sigset_t pending;
    const timespec at_once{};
    if (sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1)
      sigtimedwait(&set, nullptr, &at_once);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  }
  pthread_setcancelstate(m_cancel_state, nullptr);
}

}  // namespace wif

extern "C" {

const char* wif_version(void) { return WIF_VERSION; }

wif_error* wif_error_new(void) { return new (std::nothrow) wif_error; }
void wif_error_free(wif_error* error) { delete error; }
int32_t wif_error_status(const wif_error* error) { return error->status; }
const char* wif_error_message(const wif_error* error) {
  return error->fixed != nullptr ? error->fixed : error->error.message.c_str();
}
const char* wif_error_hint(const wif_error* error) { return error->error.hint.c_str(); }
const char* wif_error_cause(const wif_error* error) { return error->error.cause.c_str(); }

}  // extern "C"
