// SPDX-License-Identifier: Apache-2.0
// HTTP as the exchanges and the modules see it, and the transport below it. Both are interfaces, so that all but
// curl_transport.cpp is tested without a socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"
#include "util/secret.hpp"

namespace wif {

struct HttpHeader {
  std::string name;
  Secret value;
};

// AWS Signature Version 4.
struct AwsSignature {
  std::string scope;  // "aws:amz:REGION:SERVICE"
  std::string access_key_id;
  Secret secret_access_key;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<HttpHeader> headers;
  bool has_body = false;
  Secret body;
  std::string unix_socket;  // connect here instead of to the URL's host
  std::string ca_file;      // empty, both: see trust.hpp
  std::string ca_dir;
  std::int64_t try_timeout_ms = 0;  // of each try; 0: whatever is left
  bool http2_prior_knowledge = false;
  bool metadata_host = false;  // plain http to this host is the vendor's documented way
  bool retry = true;
  bool describe_certificate = false;
  std::optional<AwsSignature> aws;
};

// How the connection came about; zeros where one was kept.
struct HttpTimings {
  std::int64_t lookup_ms = 0;  // each from the step before it
  std::int64_t connect_ms = 0;
  std::int64_t tls_ms = 0;
  std::string address;      // of the peer, or of the proxy
  std::string certificate;  // "issued by ..., good until ...", as HttpRequest::describe_certificate asks
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;  // trailers follow
  Secret body;                      // at most 1 MiB
  std::int64_t retry_after = 0;     // seconds that the server asked for and that we did not wait
  HttpTimings timings;
  int unanswered_tries = 0;  // earlier tries of the same request that may have reached the server

  // The first header of that name, whatever its case; empty if there is none.
  std::string_view header(std::string_view name) const;
};

// Why no answer came; the interface's wif_http_failure, one to one.
enum class NoAnswer { other = 0, address = 1, connection = 2, lost = 3, tls = 4 };

struct HttpFailure {
  Error error;
  NoAnswer reason = NoAnswer::other;

  // Asking again may help: DNS, no connection, connection lost, time-out.
  bool retryable() const {
    return reason == NoAnswer::address || reason == NoAnswer::connection || may_have_arrived();
  }
  // The server may have acted on the request.
  bool may_have_arrived() const { return reason == NoAnswer::lost; }
};

using HttpResult = tl::expected<HttpResponse, HttpFailure>;

// One try. An answer of any status is a response; redirects aren't followed.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;
  virtual HttpResult attempt(const HttpRequest& request, std::int64_t timeout_ms) = 0;
};

// Tries, as many as the retry rules and the deadline allow.
class Http {
 public:
  Http() = default;
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;
  virtual ~Http() = default;
  virtual HttpResult send(const HttpRequest& request) = 0;
};

}  // namespace wif
