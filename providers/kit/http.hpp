// SPDX-License-Identifier: Apache-2.0
// HTTP for a provider. The host applies the deadline, the size cap, TLS verification and the proxy rules; this adds types,
// queries and retry rules of a source's own.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/kit.hpp"

namespace wif::kit {

struct Header {
  std::string name;
  std::string_view value;  // lives until the call; a secret stays in the host's memory
};

// See wif_http_request's last members.
struct AwsSignature {
  std::string scope;  // "aws:amz:REGION:SERVICE"
  std::string access_key_id;
  std::string_view secret_access_key;
};

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<Header> headers;
  std::optional<std::string> body;
  std::string unix_socket;
  std::uint32_t flags = 0;          // WIF_HTTP…
  std::int32_t try_timeout_ms = 0;  // of each try; 0: whatever is left
  std::optional<AwsSignature> aws;
};

// Its parts live until the call ends.
struct Response {
  std::int32_t status = 0;
  const wif_http_header* headers = nullptr;
  std::size_t header_count = 0;
  std::string_view body;

  // The first of that name, whatever its case; trailers come last. Nothing if there is none.
  std::optional<std::string_view> header(std::string_view name) const;
};

// An answer of any status. No answer is a failure (unreachable, or configuration for an address that isn't allowed) whose
// message is the host's; `doing` goes before it ("asking Google's metadata server for a token").
Result<Response> send(const Host& host, const Request& request, const std::string& doing);

// Whether a pause leaves time for another try: one that is cut short says so, and hides what the one before it met.
bool leaves_time(const Host& host, std::int64_t pause_ms);

// What came of a try, for a source's own rule. `status` 0: no answer.
struct Try {
  std::int32_t status = 0;
  int number = 1;               // of this try
  std::int64_t elapsed_ms = 0;  // since the first try began
  // Without an answer: why, of those that may pass (wif_http_failure).
  std::int32_t failure = WIF_HTTP_NO_CONNECTION;
};
// How long to wait before the next try, in milliseconds; nothing: enough.
using RetryRule = std::function<std::optional<std::int64_t>(const Try&)>;
// As send(), with the source's rule in place of the host's. What won't pass, such as a certificate that can't be verified,
// isn't tried again whatever the rule says. A pause that leaves no time for a try isn't begun.
Result<Response> send(const Host& host, Request request, const std::string& doing, const RetryRule& rule);

// Percent-encoded for a query's or a form's value (RFC 3986 section 2.3: all but unreserved characters).
std::string url_encode(std::string_view text);
// The URL with these added to its query, whether it has one already or not.
std::string with_query(std::string url,
                       std::initializer_list<std::pair<std::string_view, std::string_view>> values);

// The first `limit` printable bytes of a body, for an error message: one line.
std::string excerpt(std::string_view body, std::size_t limit = 200);

}  // namespace wif::kit
