// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>

namespace testbed {
namespace {

using NameOf = int (*)(int, sockaddr*, socklen_t*);

int port_of(int socket, NameOf name_of) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (name_of(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0 || address.sin_family != AF_INET) {
    return -1;
  }
  return ntohs(address.sin_port);
}

int local_name(int socket, sockaddr* address, socklen_t* length) {
  return getsockname(socket, address, length);
}

int peer_name(int socket, sockaddr* address, socklen_t* length) {
  return getpeername(socket, address, length);
}

}  // namespace

int socket_of(const httplib::Request& request) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const int socket = std::atoi(entry.path().filename().c_str());
    if (port_of(socket, peer_name) == request.remote_port &&
        port_of(socket, local_name) == request.local_port) {
      return socket;
    }
  }
  return -1;
}

void reset_connection(int socket) {
  // Closing with SO_LINGER would send a FIN first, since cpp-httplib shuts down before it closes.
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  ::connect(socket, &nowhere, sizeof nowhere);
}

bool peer_left(int socket, int milliseconds) {
  pollfd waiting{socket, POLLRDHUP, 0};
  return ::poll(&waiting, 1, milliseconds) > 0;
}

}  // namespace testbed
