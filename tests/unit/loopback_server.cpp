// SPDX-License-Identifier: Apache-2.0
#include "loopback_server.hpp"

#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace wif {
namespace {

constexpr std::string_view k_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr char k_tls_handshake = 22;
enum FrameType { k_data = 0, k_headers = 1, k_settings = 4 };
enum FrameFlag { k_end_stream = 1, k_acknowledgement = 1, k_end_headers = 4 };

template <class Address> Fd listen_at(int family, const Address& address) {
  Fd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), 16) != 0)
    throw std::runtime_error("cannot listen");
  return fd;
}

void send_frame(int connection, int type, int flags, int stream, std::string_view payload) {
  std::string frame;
  for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift & 0xff);
  frame += static_cast<char>(type);
  frame += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift & 0xff);
  send_text(connection, frame.append(payload));
}

}  // namespace

LoopbackServer::LoopbackServer(Talk talk) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  m_listener = listen_at(AF_INET, address);
  start(std::move(talk));
}

LoopbackServer::LoopbackServer(const std::string& unix_path, Talk talk) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (unix_path.size() >= sizeof address.sun_path) throw std::runtime_error("too long a path");
  unix_path.copy(address.sun_path, unix_path.size());
  m_listener = listen_at(AF_UNIX, address);
  start(std::move(talk));
}

void LoopbackServer::start(Talk talk) {
  m_thread = std::thread([this, talk = std::move(talk)] {
    while (!m_stopping) {
      const Fd connection(accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) return;
      m_connection = connection.get();
      ++m_connections;
      if (!m_stopping) talk(connection.get());
      m_connection = -1;
    }
  });
}

LoopbackServer::~LoopbackServer() {
  m_stopping = true;
  shutdown(m_listener.get(), SHUT_RDWR);
  if (const int connection = m_connection; connection >= 0) shutdown(connection, SHUT_RDWR);
  m_thread.join();
}

std::string LoopbackServer::port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(m_listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return std::to_string(ntohs(address.sin_port));
}

void send_text(int connection, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (count < 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string receive(int connection, std::size_t size) {
  if (size == 0) return {};  // recv would wait for something all the same
  std::string text(size, '\0');
  const ssize_t count = recv(connection, text.data(), size, MSG_WAITALL);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

std::string receive_request(int connection) {
  std::string text;
  while (!text.ends_with("\r\n\r\n")) {
    const std::string more = receive(connection, 1);
    if (more.empty() || (text.empty() && more.front() == k_tls_handshake)) return {};
    text += more;
  }
  constexpr std::string_view k_length = "Content-Length: ";
  const std::size_t at = text.find(k_length);
  if (at != std::string::npos) text += receive(connection, std::stoul(text.substr(at + k_length.size())));
  return text;
}

void await_close(int connection) {
  while (!receive(connection, 1).empty()) continue;
}

Http2Request receive_http2_request(int connection) {
  Http2Request request;
  if (receive(connection, k_preface.size()) != k_preface) return request;
  send_frame(connection, k_settings, 0, 0, {});
  for (;;) {
    const std::string head = receive(connection, 9);
    if (head.size() < 9) return {};
    const auto byte = [&head](std::size_t i) { return static_cast<unsigned char>(head[i]); };
    const std::string payload = receive(connection, byte(0) << 16U | byte(1) << 8U | byte(2));
    const int type = byte(3);
    const int flags = byte(4);
    if (type == k_settings && (flags & k_acknowledgement) == 0)
      send_frame(connection, k_settings, k_acknowledgement, 0, {});
    if (type != k_data && type != k_headers) continue;
    if (type == k_data) request.body += payload;
    request.stream = byte(7) << 8U | byte(8);
    if ((flags & k_end_stream) != 0) return request;
  }
}

// Literal fields without indexing: no table, no Huffman code; names and values of up to 126 bytes.
void send_http2_headers(int connection, int stream, const Http2Fields& fields, bool last) {
  std::string block;
  for (const auto& [name, value] : fields) {
    block += '\0';
    for (const std::string& text : {name, value})
      block.append(1, static_cast<char>(text.size())).append(text);
  }
  send_frame(connection, k_headers, k_end_headers | (last ? k_end_stream : 0), stream, block);
}

void send_http2_data(int connection, int stream, std::string_view data) {
  send_frame(connection, k_data, 0, stream, data);
}

}  // namespace wif
