// SPDX-License-Identifier: Apache-2.0
#include "cli/service_manager.hpp"

#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace wif {

ServiceManager::ServiceManager() {
  const char* name = getenv("NOTIFY_SOCKET");
  const std::size_t size = name == nullptr ? 0 : std::strlen(name);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (size > 1 && size < sizeof address.sun_path && (name[0] == '/' || name[0] == '@')) {
    std::memcpy(address.sun_path, name, size);
    if (name[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    Fd made(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (made && connect(made.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0)
      m_socket = std::move(made);
  }
  const char* usec = getenv("WATCHDOG_USEC");
  const char* pid = getenv("WATCHDOG_PID");
  const bool ours = pid == nullptr || std::strtoll(pid, nullptr, 10) == getpid();
  if (m_socket && usec != nullptr && ours) m_watchdog_ms = std::strtoll(usec, nullptr, 10) / 1000 / 2;
  for (const char* variable : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(variable);
}

void ServiceManager::tell(const std::string& state) const {
  if (m_socket) static_cast<void>(send(m_socket.get(), state.data(), state.size(), MSG_NOSIGNAL));
}

}  // namespace wif
