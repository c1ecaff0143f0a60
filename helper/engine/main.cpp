// SPDX-License-Identifier: Apache-2.0
#include <exception>
#include <string>

#include <unistd.h>

#include "engine/engine.hpp"
#include "util/fd.hpp"

#ifdef WIF_STATIC
#include <openssl/crypto.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

int main() {
#ifdef WIF_STATIC
  // Before anything else uses it: the system's configuration may name shared objects, and those need the very libc that this
  // program was linked with.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
#endif
  int code = 70;
  try {
    code = wif::run_engine();
  } catch (const std::exception& error) {
    // Without an answer wif reports the stage that was reached; this line says what broke.
    wif::write_all(STDERR_FILENO, std::string("wif-engine: bug: ") + error.what() + "\n");
  }
#ifdef __SANITIZE_ADDRESS__
  __lsan_do_leak_check();  // _exit leaves it out
#endif
  // Not exit(): the clean-up of thirty shared libraries takes longer than a hit, and a module's could hang.
  _exit(code);
}
