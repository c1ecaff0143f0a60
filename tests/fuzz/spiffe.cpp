// SPDX-License-Identifier: Apache-2.0
// What a Workload API, or whatever else is at its address, may answer: the first byte chooses body, trailers or address.
#include "spiffe/spiffe.hpp"

#include "fuzz/must.hpp"

namespace {

using namespace wif::fuzz;
using namespace wif::spiffe;

void read_body(std::string_view body, const Query& query) {
  const auto svids = read_svids(body);
  if (!svids) return must_explain(svids);
  must(!svids->empty());
  for (const Svid& svid : *svids) must(!svid.spiffe_id.empty() && !svid.token.empty());
  must_be_one_line(arbitrary_choice(*svids, query));
  const auto svid = choose(*svids, query);
  must_explain(svid);
  if (svid) must_explain(check(*svid, query));
}

// "STATUS MESSAGE", as two trailers.
void read_trailers(const std::string& text, const Query& query) {
  const std::size_t space = std::min(text.find(' '), text.size());
  const std::string code = text.substr(0, space);
  const std::string message = text.substr(std::min(space + 1, text.size()));
  const wif_http_header trailers[] = {{"grpc-status", code.c_str()}, {"grpc-message", message.c_str()}};
  const GrpcStatus status = read_status({200, trailers, 2, {}});
  must_be_one_line(status.message);
  must_explain(explain(status, query, {"uid 0, pid 1, /engine", "unix:///agent.sock"}));
  const GrpcStatus without = read_status({502, nullptr, 0, text});
  must(without.code != k_ok);
  must_be_one_line(without.message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Query query{{"https://api.openai.com/v1"}, {}, {}};
  if ((data[0] & 0x10U) != 0) query.spiffe_id = "spiffe://example.org/app";
  if ((data[0] & 0x20U) != 0) query.hint = "external";
  switch (data[0] % 3) {
    case 0:
      read_body(text, query);
      break;
    case 1:
      read_trailers(std::string(text), query);
      break;
    default: {
      const auto endpoint = read_endpoint(text, "subject.endpoint");
      must_explain(endpoint);
      must(!endpoint || endpoint->unix_socket.find('\0') == std::string::npos);
      must(percent_decode(text).size() <= text.size());
    }
  }
  return 0;
}
