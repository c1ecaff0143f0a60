// SPDX-License-Identifier: Apache-2.0
// When a failed try is worth another one.
//
//   no connection, DNS, connection lost, time-out of one try   again
//   429, 502, 503, 504                                         again, not before Retry-After
//   500                                                        again, once
//   anything else: TLS verification, 4xx, other 5xx, 3xx       never
//
// At most six tries. Pauses double from 200 ms to 5 s and are cut by up to half at random. A pause that would end past
// the deadline isn't begun: what came back is returned at once, with what Retry-After asked for.
//
// A try that was lost after it was sent may have reached the server, and a single-use assertion may be used up by it.
// It is sent again all the same: if the server did not see it, that is the answer; if it did, the token that it issued is
// gone and the refusal that follows is what every later call would get too. HttpResponse::unanswered_tries lets
// the exchange say so.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/http.hpp"

namespace wif {

// "120" or an HTTP date (RFC 9110 section 10.2.3) as seconds from `now` (Unix time), never negative.
std::optional<std::int64_t> parse_retry_after(std::string_view text, std::int64_t now);

// What a try ended in: a status, or a retryable failure (status 0).
struct TryOutcome {
  int status = 0;
  std::optional<std::int64_t> retry_after;  // seconds
};

struct RetryDecision {
  bool again = false;
  std::int64_t pause_ms = 0;
};

// The rules, for one request; asked after each try.
class RetryPolicy {
 public:
  // `left_ms`: until the deadline. `random`: in [0, 1).
  RetryDecision after(const TryOutcome& outcome, std::int64_t left_ms, double random);

 private:
  int m_tries = 0;
  int m_plain_500 = 0;
};

// Time and chance, so that tests have neither.
class Waiting {
 public:
  Waiting() = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  virtual ~Waiting() = default;
  virtual std::int64_t left_ms() const = 0;
  virtual std::int64_t unix_time() const = 0;
  virtual void sleep_ms(std::int64_t duration) = 0;
  virtual double random() = 0;
};

class RetryingHttp : public Http {
 public:
  RetryingHttp(Transport& transport, Waiting& waiting) : m_transport(transport), m_waiting(waiting) {}
  HttpResult send(const HttpRequest& request) override;

 private:
  HttpResult attempt(const HttpRequest& request);
  Transport& m_transport;
  Waiting& m_waiting;
};

}  // namespace wif
