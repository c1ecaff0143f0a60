// SPDX-License-Identifier: Apache-2.0
#include "engine/retry.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include <curl/curl.h>

#include "util/text.hpp"

namespace wif {
namespace {

constexpr int k_most_tries = 6;
constexpr std::int64_t k_first_pause_ms = 200;
constexpr std::int64_t k_longest_pause_ms = 5000;
// A try needs some time of its own: a pause that leaves less than this isn't worth it.
constexpr std::int64_t k_shortest_try_ms = 50;
constexpr std::int64_t k_longest_retry_after = std::int64_t{7} * 24 * 3600;

bool is_transient(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

std::int64_t pause_before(int next_try, double random) {
  const std::int64_t full = std::min(k_first_pause_ms << std::min(next_try - 1, 10), k_longest_pause_ms);
  return full - static_cast<std::int64_t>(static_cast<double>(full) * random / 2);
}

}  // namespace

std::optional<std::int64_t> parse_retry_after(std::string_view text, std::int64_t now) {
  text = trim(text);
  if (text.empty()) return {};
  if (std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
    if (text.size() > 9) return k_longest_retry_after;
    return std::min<std::int64_t>(std::stoll(std::string(text)), k_longest_retry_after);
  }
  const std::int64_t when = curl_getdate(std::string(text).c_str(), nullptr);
  if (when < 0) return {};
  return std::clamp<std::int64_t>(when - now, 0, k_longest_retry_after);
}

RetryDecision RetryPolicy::after(const TryOutcome& outcome, std::int64_t left_ms, double random) {
  ++m_tries;
  if (outcome.status == 500 && m_plain_500++ > 0) return {};
  if (outcome.status != 0 && outcome.status != 500 && !is_transient(outcome.status)) return {};
  if (m_tries >= k_most_tries) return {};
  std::int64_t pause = pause_before(m_tries, random);
  if (outcome.retry_after) pause = std::max(pause, *outcome.retry_after * 1000);
  if (pause + k_shortest_try_ms > left_ms) return {};
  return {true, pause};
}

HttpResult RetryingHttp::attempt(const HttpRequest& request) {
  const std::int64_t left = m_waiting.left_ms();
  if (left <= 0)
    return tl::unexpected(HttpFailure{Error{
        Category::unreachable, "no time was left for an HTTP request", "allow more with --timeout", {}}});
  return m_transport.attempt(request,
                             request.try_timeout_ms > 0 ? std::min(request.try_timeout_ms, left) : left);
}

HttpResult RetryingHttp::send(const HttpRequest& request) {
  RetryPolicy policy;
  int unanswered = 0;
  for (;;) {
    HttpResult result = attempt(request);
    TryOutcome outcome;
    if (result) {
      outcome.status = result->status;
      outcome.retry_after = parse_retry_after(result->header("retry-after"), m_waiting.unix_time());
    } else if (!result.error().retryable()) {
      return result;
    }
    const auto decision =
        request.retry ? policy.after(outcome, m_waiting.left_ms(), m_waiting.random()) : RetryDecision{};
    if (!decision.again) {
      if (result) {
        result->retry_after = outcome.retry_after.value_or(0);
        result->unanswered_tries = unanswered;
      }
      return result;
    }
    if (!result && result.error().may_have_arrived()) ++unanswered;
    m_waiting.sleep_ms(decision.pause_ms);
  }
}

}  // namespace wif
