// SPDX-License-Identifier: Apache-2.0
// spiffe: a JWT-SVID from a SPIFFE agent (SPIRE, Defakto, ...) that knows this process by looking at it:
//   https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_Endpoint.md (where, security header, statuses)
//   https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md section 6 (FetchJWTSVID, hints)
//   https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (frames, trailers, percent-encoded messages)
// The one call is POST /SpiffeWorkloadAPI/FetchJWTSVID over HTTP/2 without TLS, so the host's HTTP does, and no gRPC
// library is linked. Retried are no connection and status 14 (unavailable), briefly; a process without a registration
// isn't, since that mostly stays so.
#include "spiffe.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "util/text.hpp"

namespace {

using namespace wif::kit;
using namespace wif::spiffe;

constexpr std::array<std::int64_t, 3> k_pauses_ms = {100, 300, 900};

Result<Endpoint> find_endpoint(const Host& host) {
  if (const auto setting = host.setting("endpoint")) return read_endpoint(*setting, "subject.endpoint");
  if (const auto variable = host.environment("SPIFFE_ENDPOINT_SOCKET"))
    return read_endpoint(*variable, "SPIFFE_ENDPOINT_SOCKET");
  return fail(WIF_NO_IDENTITY,
              "neither SPIFFE_ENDPOINT_SOCKET nor subject.endpoint says where a SPIFFE agent is",
              "set one to its Workload API socket, such as unix:///run/spire/agent-sockets/spire-agent.sock");
}

Result<Query> read_query(const Host& host) {
  Query query;
  const auto audiences = host.audience();
  if (!audiences) return tl::unexpected<Failure>(audiences.error());
  for (const std::string_view line : wif::split(*audiences, '\n')) {
    query.audiences.emplace_back(trim(line));
    // An agent answers this as if its server were down.
    if (query.audiences.back().empty())
      return fail(WIF_CONFIGURATION, "subject.audience holds an empty audience", "take it out");
  }
  query.spiffe_id = trim(host.setting("spiffe_id").value_or(""));
  query.hint = trim(host.setting("hint").value_or(""));
  return query;
}

// What the agent sees of whoever connects.
std::string process_words() {
  std::array<char, 4096> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  return "uid " + std::to_string(geteuid()) + ", pid " + std::to_string(getpid()) + ", " +
         (size > 0 ? excerpt({path.data(), static_cast<std::size_t>(size)}) : "an unknown executable");
}

// A failed connection in words that mend it; the host's own words where there is nothing to add.
Failure explain_no_answer(const Endpoint& endpoint, Failure failure) {
  failure.hint = "check that the agent runs and serves the Workload API at " + endpoint.uri;
  if (failure.status == WIF_CONFIGURATION)
    failure.hint = "tcp:// is for loopback and link-local addresses; let the agent serve a unix socket";
  if (endpoint.unix_socket.empty()) return failure;
  struct stat status = {};
  const int error = stat(endpoint.unix_socket.c_str(), &status) == 0 ? 0 : errno;
  const std::string socket = "the SPIFFE agent's socket " + excerpt(endpoint.unix_socket);
  if (error == ENOENT || error == ENOTDIR)
    return {
        WIF_UNREACHABLE, socket + " does not exist",
        "start the agent (a stopped one removes its socket), or mount the socket's folder into this container"};
  if (error == EACCES || access(endpoint.unix_socket.c_str(), W_OK) != 0)
    return {WIF_NO_IDENTITY, "not allowed to connect to " + socket,
            "give this user the right to write to the socket and to search the folders above it"};
  if (error == 0 && !S_ISSOCK(status.st_mode))
    return {WIF_CONFIGURATION, socket + " is not a socket", "name the Workload API's socket"};
  return failure;
}

Request build_request(const Endpoint& endpoint, const Query& query) {
  Request request;
  request.method = "POST";
  request.url = endpoint.url + "/SpiffeWorkloadAPI/FetchJWTSVID";
  request.unix_socket = endpoint.unix_socket;
  request.flags = WIF_HTTP2_PRIOR_KNOWLEDGE | WIF_HTTP_NO_RETRY;
  request.headers = {
      {"Content-Type", "application/grpc"}, {"TE", "trailers"}, {"workload.spiffe.io", "true"}};
  request.body = write_request(query);
  return request;
}

bool is_transient(const Result<Response>& answer) {
  return answer ? read_status(*answer).code == k_unavailable : answer.error().status == WIF_UNREACHABLE;
}

Result<Response> ask(const Host& host, const Endpoint& endpoint, const Query& query) {
  const Request request = build_request(endpoint, query);
  auto answer = send(host, request, "asking the SPIFFE agent for a JWT-SVID");
  for (const std::int64_t pause : k_pauses_ms) {
    if (!is_transient(answer) || !leaves_time(host, pause)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    answer = send(host, request, "asking the SPIFFE agent for a JWT-SVID");
  }
  if (!answer) return tl::unexpected<Failure>(explain_no_answer(endpoint, answer.error()));
  return answer;
}

Result<SubjectToken> fetch_token(const Host& host) {
  const auto endpoint = find_endpoint(host);
  if (!endpoint) return tl::unexpected<Failure>(endpoint.error());
  const auto query = read_query(host);
  if (!query) return tl::unexpected<Failure>(query.error());
  const auto answer = ask(host, *endpoint, *query);
  if (!answer) return tl::unexpected<Failure>(answer.error());
  const GrpcStatus status = read_status(*answer);
  if (status.code != k_ok)
    return tl::unexpected<Failure>(explain(status, *query, {process_words(), endpoint->uri}));
  const auto svids = read_svids(answer->body);
  if (!svids) return tl::unexpected<Failure>(svids.error());
  if (const std::string arbitrary = arbitrary_choice(*svids, *query); !arbitrary.empty())
    host.log(WIF_LOG_WARNING, arbitrary);
  const auto svid = choose(*svids, *query);
  if (!svid) return tl::unexpected<Failure>(svid.error());
  if (const auto fit = check(*svid, *query); !fit) return refuse(fit.error(), svid->token);
  return SubjectToken{svid->token};
}

constexpr wif_provider k_provider = provider<fetch_token>("spiffe");

}  // namespace

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) { return offer(k_provider, host_abi); }
