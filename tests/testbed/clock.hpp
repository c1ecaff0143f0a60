// SPDX-License-Identifier: Apache-2.0
// The server's clock: the system's, shifted by what a test asked for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace testbed {

class Clock {
 public:
  // Seconds since 1970.
  std::int64_t now() const {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since).count() + m_skew.load();
  }
  void set_skew(std::int64_t seconds) { m_skew = seconds; }
  std::int64_t skew() const { return m_skew; }

 private:
  std::atomic<std::int64_t> m_skew{0};
};

}  // namespace testbed
