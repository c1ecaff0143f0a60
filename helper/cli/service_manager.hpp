// SPDX-License-Identifier: Apache-2.0
// sd_notify(3)'s protocol: one datagram a message to the socket that $NOTIFY_SOCKET names, and nothing where it isn't set.
#pragma once

#include <cstdint>
#include <string>

#include "util/fd.hpp"

namespace wif {

class ServiceManager {
 public:
  // From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are taken out of the environment: no child is to answer
  // for us.
  ServiceManager();

  bool listens() const { return static_cast<bool>(m_socket); }
  // "READY=1", "STATUS=..."; lines. Whether it arrives is the service manager's business.
  void tell(const std::string& state) const;
  // Milliseconds between two signs of life: half of what the service manager waits for. 0: it wants none.
  std::int64_t watchdog_ms() const { return m_watchdog_ms; }

 private:
  Fd m_socket;
  std::int64_t m_watchdog_ms = 0;
};

}  // namespace wif
