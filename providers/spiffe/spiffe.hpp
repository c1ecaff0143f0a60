// SPDX-License-Identifier: Apache-2.0
// The Workload API's parts that need neither agent nor host: addresses, the two messages, gRPC's framing and statuses.
// Views point into what was passed in. Errors are the kit's, with the hint that mends them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/http.hpp"
#include "kit/kit.hpp"

namespace wif::spiffe {

// gRPC's status codes that are told apart (https://grpc.github.io/grpc/core/md_doc_statuscodes.html).
enum Code : int {
  k_ok = 0,
  k_cancelled = 1,
  k_unknown = 2,
  k_invalid_argument = 3,
  k_deadline_exceeded = 4,
  k_permission_denied = 7,
  k_resource_exhausted = 8,
  k_unimplemented = 12,
  k_internal = 13,
  k_unavailable = 14,
};

// Where the agent listens: a socket's path, or the address in `url`.
struct Endpoint {
  std::string uri;  // as it was configured, printable
  std::string url;
  std::string unix_socket;  // empty for TCP
};

// SPIFFE_Workload_Endpoint section 4: unix:///path, unix:/path or tcp://IP:PORT and nothing else. `source` names where
// the text came from. Category configuration.
kit::Result<Endpoint> read_endpoint(std::string_view uri, const std::string& source);

// What is asked for. Empty `spiffe_id` and `hint`: whatever comes first.
struct Query {
  std::vector<std::string> audiences;
  std::string spiffe_id;
  std::string hint;
};

// A JWTSVIDRequest in a gRPC frame.
std::string write_request(const Query& query);

struct Svid {
  std::string_view spiffe_id;
  std::string_view token;
  std::string_view hint;
};

// The JWTSVIDResponse in a body of exactly one uncompressed gRPC frame; at least one SVID, none without ID and token.
kit::Result<std::vector<Svid>> read_svids(std::string_view body);

// The call's status, be it in trailers, in headers alone, or to be told from what isn't gRPC at all.
struct GrpcStatus {
  int code = k_unknown;
  std::string message;  // decoded, printable
};
GrpcStatus read_status(const kit::Response& response);

// Who we are to the agent ("uid 0, pid 7, /usr/libexec/wif/wif-engine"), and where it was asked.
struct Caller {
  std::string process;
  std::string uri;
};
kit::Failure explain(const GrpcStatus& status, const Query& query, const Caller& caller);

// The one that was asked for; the first if several fit. `svids` isn't empty.
kit::Result<Svid> choose(const std::vector<Svid>& svids, const Query& query);
// What to tell when the choice was the agent's; empty if it was not.
std::string arbitrary_choice(const std::vector<Svid>& svids, const Query& query);
// The same one, if it isn't known to be refused: OpenAI wants `kid` and `iat`, which SPIFFE leaves optional, and one of
// the audiences that were asked for. Category no identity.
kit::Result<Svid> check(const Svid& svid, const Query& query);

// %XX decoded; what isn't that stays as it is (gRPC over HTTP/2, "Percent-Encoded").
std::string percent_decode(std::string_view text);

}  // namespace wif::spiffe
