// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include <arpa/inet.h>
#include <sys/un.h>

#include "kit/jwt.hpp"
#include "spiffe.hpp"
#include "util/text.hpp"

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace wif::spiffe {
namespace {

using kit::excerpt;
using kit::fail;
using kit::Failure;
using kit::Response;
using kit::Result;
using protozero::pbf_wire_type;
using protozero::tag_and_type;

constexpr std::size_t k_frame_head = 5;
constexpr std::size_t k_longest_path = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t k_most_shown = 5;  // identities in a message

tl::unexpected<Failure> bad_endpoint(std::string_view uri, const std::string& source,
                                     const std::string& why) {
  return fail(WIF_CONFIGURATION, source + " is not an agent's address: " + excerpt(uri) + ": " + why,
              "write it as unix:///path/to/agent.sock or tcp://IP:PORT");
}

bool is_address(const std::string& host, int family) {
  std::array<char, sizeof(in6_addr)> out{};
  return inet_pton(family, host.c_str(), out.data()) == 1;
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && stop == text.data() + text.size() && port != 0;
}

Result<Endpoint> read_unix(std::string_view uri, std::string_view rest, const std::string& source) {
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    if (!rest.starts_with('/'))
      return bad_endpoint(uri, source, "what follows two slashes is a host, and a unix socket has none");
  }
  if (rest.size() < 2 || !rest.starts_with('/'))
    return bad_endpoint(uri, source, "a unix socket's path begins with a slash");
  if (rest.find_first_of("?#") != rest.npos)
    return bad_endpoint(uri, source, "a unix socket's address has nothing but its path");
  std::string path = percent_decode(rest);
  if (path.find('\0') != path.npos) return bad_endpoint(uri, source, "the path holds a NUL character");
  if (path.size() > k_longest_path)
    return bad_endpoint(
        uri, source,
        "the path is longer than a unix socket's may be (" + std::to_string(k_longest_path) + " bytes)");
  return Endpoint{excerpt(uri), "http://localhost", std::move(path)};
}

Result<Endpoint> read_tcp(std::string_view uri, std::string_view rest, const std::string& source) {
  if (!rest.starts_with("//")) return bad_endpoint(uri, source, "two slashes come before a host");
  const std::string_view authority = rest.substr(2);
  if (authority.find_first_of("/?#@") != authority.npos)
    return bad_endpoint(uri, source, "an agent's TCP address has an IP address and a port, and nothing else");
  const std::size_t colon = authority.rfind(':');
  if (colon == authority.npos || !is_port(authority.substr(colon + 1)))
    return bad_endpoint(uri, source, "it needs a port from 1 to 65535");
  const std::string host(authority.substr(0, colon));
  const bool v6 = host.size() > 2 && host.front() == '[' && host.back() == ']' &&
                  is_address(host.substr(1, host.size() - 2), AF_INET6);
  if (!v6 && !is_address(host, AF_INET))
    return bad_endpoint(uri, source,
                        "the host has to be an IP address, IPv6 in brackets (no name: SPIFFE forbids it)");
  return Endpoint{excerpt(uri), "http://" + std::string(authority), {}};
}

tl::unexpected<Failure> malformed(const std::string& what) {
  return fail(WIF_UNREACHABLE, "the SPIFFE agent's answer is malformed: " + what,
              "check that the address is the Workload API's; the agent's log may say more");
}

// gRPC over HTTP/2, "Length-Prefixed-Message": a flag for compression and four bytes of length, most significant first.
Result<std::string_view> read_frame(std::string_view body) {
  if (body.size() < k_frame_head) return malformed("it holds no message");
  if (body[0] != 0) return malformed("a compressed message, which was not asked for");
  std::size_t size = 0;
  for (const char c : body.substr(1, 4)) size = size << 8U | static_cast<unsigned char>(c);
  if (body.size() - k_frame_head < size) return malformed("its message is cut off");
  if (body.size() - k_frame_head > size) return malformed("more than one message");
  return body.substr(k_frame_head);
}

std::string_view view_of(const protozero::data_view& data) { return {data.data(), data.size()}; }

// Unknown fields, and known ones of another type, are skipped as proto3 says.
Svid read_svid(protozero::pbf_reader message) {
  Svid svid;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case tag_and_type(1, pbf_wire_type::length_delimited):
        svid.spiffe_id = view_of(message.get_view());
        break;
      case tag_and_type(2, pbf_wire_type::length_delimited):
        svid.token = view_of(message.get_view());
        break;
      case tag_and_type(3, pbf_wire_type::length_delimited):
        svid.hint = view_of(message.get_view());
        break;
      default:
        message.skip();
    }
  }
  return svid;
}

std::vector<Svid> read_message(std::string_view bytes) {
  std::vector<Svid> svids;
  protozero::pbf_reader message(bytes.data(), bytes.size());
  while (message.next()) {
    if (message.tag_and_type() == tag_and_type(1, pbf_wire_type::length_delimited)) {
      svids.push_back(read_svid(message.get_message()));
    } else {
      message.skip();
    }
  }
  return svids;
}

// An answer without grpc-status isn't one of a gRPC server, or is cut off.
GrpcStatus status_of_http(const Response& response) {
  const std::string answer = "HTTP " + std::to_string(response.status) + " " + excerpt(response.body, 100);
  switch (response.status) {
    case 200:
      if (response.header("content-type").value_or("").starts_with("application/grpc"))
        return {k_unknown, "the answer ended without a status"};
      return {k_unimplemented, answer};
    case 429:
    case 502:
    case 503:
    case 504:
      return {k_unavailable, answer};
    default:
      return {response.status >= 500 ? k_unknown : k_unimplemented, answer};
  }
}

std::string said(const GrpcStatus& status) {
  const std::string code = "gRPC status " + std::to_string(status.code);
  return status.message.empty() ? code : status.message + " (" + code + ")";
}

Failure no_identity(const GrpcStatus& status, const Query& query, const Caller& caller) {
  const std::string agent = "the SPIFFE agent at " + caller.uri + " says: " + said(status) + ": ";
  const std::string process = "this process (" + caller.process + ")";
  if (query.spiffe_id.empty())
    return {
        WIF_NO_IDENTITY, agent + "no registration entry matches " + process,
        "register it by selectors that fit (the agent sees wif-engine, not its caller); a new entry takes "
        "the agent some seconds"};
  return {WIF_NO_IDENTITY,
          agent + "no registration entry that matches " + process + " has the ID " + excerpt(query.spiffe_id),
          "check subject.spiffe_id, or leave it out; the agent sees wif-engine, not its caller"};
}

Failure bad_argument(const GrpcStatus& status, const Caller& caller) {
  const std::string message = "the SPIFFE agent at " + caller.uri + " refuses the request: " + said(status);
  if (status.message.find("security header") != status.message.npos)
    return {WIF_REFUSED, message + ", though workload.spiffe.io: true was sent",
            "something between wif and the agent changes requests: name the agent's own socket"};
  return {WIF_CONFIGURATION, message, "check subject.audience and subject.spiffe_id"};
}

bool fits(const Svid& svid, const Query& query) {
  return (query.spiffe_id.empty() || svid.spiffe_id == query.spiffe_id) &&
         (query.hint.empty() || svid.hint == query.hint);
}

std::string names_of(const std::vector<Svid>& svids) {
  std::string out;
  for (std::size_t i = 0; i < svids.size() && i < k_most_shown; ++i) {
    if (i > 0) out += ", ";
    out += excerpt(svids[i].spiffe_id, 80);
    if (!svids[i].hint.empty()) out += " (hint " + excerpt(svids[i].hint, 40) + ")";
  }
  return svids.size() > k_most_shown ? out + ", ..." : out;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ", ") + excerpt(part, 80);
  return out;
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    unsigned byte = 0;
    const char* const end = text.data() + std::min<std::size_t>(3, text.size());
    if (text[0] == '%' && text.size() >= 3 && std::from_chars(text.data() + 1, end, byte, 16).ptr == end) {
      out += static_cast<char>(byte);
      text.remove_prefix(3);
    } else {
      out += text[0];
      text.remove_prefix(1);
    }
  }
  return out;
}

Result<Endpoint> read_endpoint(std::string_view uri, const std::string& source) {
  const std::size_t colon = std::min(uri.find(':'), uri.size());
  const std::string scheme = to_lower(uri.substr(0, colon));
  const std::string_view rest = uri.substr(std::min(colon + 1, uri.size()));
  if (scheme == "unix") return read_unix(uri, rest, source);
  if (scheme == "tcp") return read_tcp(uri, rest, source);
  return bad_endpoint(uri, source, "it begins with neither unix: nor tcp:");
}

std::string write_request(const Query& query) {
  std::string message;
  protozero::pbf_writer writer(message);
  for (const auto& audience : query.audiences) writer.add_string(1, audience);
  if (!query.spiffe_id.empty()) writer.add_string(2, query.spiffe_id);
  std::string frame(1, '\0');
  for (unsigned shift = 32; shift > 0; shift -= 8)
    frame += static_cast<char>(message.size() >> (shift - 8) & 0xffU);
  return frame + message;
}

Result<std::vector<Svid>> read_svids(std::string_view body) {
  const auto message = read_frame(body);
  if (!message) return tl::unexpected<Failure>(message.error());
  try {
    std::vector<Svid> svids = read_message(*message);
    if (svids.empty()) return malformed("it holds no SVID");
    for (const Svid& svid : svids)
      if (svid.spiffe_id.empty() || svid.token.empty())
        return malformed(svid.token.empty() ? "an SVID without a token" : "an SVID without its SPIFFE ID");
    return svids;
  } catch (const protozero::exception& error) {
    return malformed(error.what());
  }
}

GrpcStatus read_status(const Response& response) {
  const auto text = response.header("grpc-status");
  if (!text) return status_of_http(response);
  GrpcStatus status;
  const char* const end = text->data() + text->size();
  if (std::from_chars(text->data(), end, status.code).ptr != end || text->empty()) status.code = k_unknown;
  status.message = excerpt(percent_decode(response.header("grpc-message").value_or("")));
  return status;
}

Failure explain(const GrpcStatus& status, const Query& query, const Caller& caller) {
  const std::string agent = "the SPIFFE agent at " + caller.uri;
  switch (status.code) {
    case k_permission_denied:
      return no_identity(status, query, caller);
    case k_invalid_argument:
      return bad_argument(status, caller);
    case k_unimplemented:
      return {WIF_CONFIGURATION, "no Workload API is at " + caller.uri + ": " + said(status),
              "name the Workload API's socket, no other of the agent or server, in SPIFFE_ENDPOINT_SOCKET or "
              "subject.endpoint"};
    case k_unavailable:
      return {WIF_UNREACHABLE, agent + " is not available: " + said(status),
              "it may be starting, or not reach its server; if it stays so, the agent's log says why"};
    case k_cancelled:
    case k_unknown:
    case k_deadline_exceeded:
    case k_resource_exhausted:
    case k_internal:
      return {WIF_UNREACHABLE, agent + " failed: " + said(status), "the agent's log says more"};
    default:
      return {WIF_REFUSED, agent + " refuses: " + said(status), "the agent's log says more"};
  }
}

Result<Svid> choose(const std::vector<Svid>& svids, const Query& query) {
  for (const Svid& svid : svids)
    if (fits(svid, query)) return svid;
  const std::string wanted =
      query.hint.empty() ? "ID " + excerpt(query.spiffe_id) : "hint " + excerpt(query.hint, 80);
  return fail(WIF_NO_IDENTITY,
              "none of this process's SPIFFE identities has the " + wanted + ": it has " + names_of(svids),
              "set subject.spiffe_id or subject.hint to what one of them has");
}

std::string arbitrary_choice(const std::vector<Svid>& svids, const Query& query) {
  if (svids.size() < 2 || !query.spiffe_id.empty() || !query.hint.empty()) return {};
  return "this process has " + std::to_string(svids.size()) +
         " SPIFFE identities and none was chosen; their order is arbitrary, the first was taken: " +
         names_of(svids) + "; choose one by subject.spiffe_id or subject.hint";
}

Result<Svid> check(const Svid& svid, const Query& query) {
  const std::string name = "the JWT-SVID of " + excerpt(svid.spiffe_id);
  const auto jwt = kit::peek_jwt(svid.token);
  if (!jwt)
    return fail(WIF_NO_IDENTITY, name + " is not a JSON Web Token; it was not sent",
                "whatever answers there is no SPIFFE agent, or a broken one");
  const auto lacks = [&](const char* what) {
    return fail(WIF_NO_IDENTITY, name + " has no " + what + ", so OpenAI would refuse it; it was not sent",
                std::string("let the SPIFFE server issue JWT-SVIDs with ") + what +
                    ": SPIFFE leaves it optional, OpenAI does not");
  };
  if (jwt->header["kid"].string().value_or("").empty()) return lacks("kid in its header");
  if (!jwt->payload["iat"].number()) return lacks("iat claim");
  if (std::any_of(query.audiences.begin(), query.audiences.end(),
                  [&](const auto& audience) { return jwt->is_for(audience); }))
    return svid;
  return fail(WIF_NO_IDENTITY,
              name + " is for the audience " + joined(jwt->audience()) + ", not for " +
                  joined(query.audiences) + "; it was not sent",
              "the agent ignored the audience that it was asked for: look at its configuration");
}

}  // namespace wif::spiffe
