// SPDX-License-Identifier: Apache-2.0
// The socket under a request, which cpp-httplib doesn't show to a handler.
#pragma once

#include "http.hpp"

namespace testbed {

// The descriptor stays cpp-httplib's. -1 when the connection isn't found.
int socket_of(const httplib::Request& request);
// The peer sees a reset (RST) at once, also under TLS.
void reset_connection(int socket);
// Waits that long for the peer to leave; true when it has.
bool peer_left(int socket, int milliseconds);

}  // namespace testbed
