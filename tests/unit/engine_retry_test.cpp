// SPDX-License-Identifier: Apache-2.0
#include "engine/retry.hpp"

#include <deque>

#include <gtest/gtest.h>

namespace wif {
namespace {

constexpr std::int64_t k_plenty = 60000;

class FakeWaiting : public Waiting {
 public:
  std::int64_t left_ms() const override { return left; }
  std::int64_t unix_time() const override { return 1000; }
  void sleep_ms(std::int64_t duration) override {
    pauses.push_back(duration);
    left -= duration;
  }
  double random() override { return 0; }
  std::int64_t left = k_plenty;
  std::vector<std::int64_t> pauses;
};

class ScriptedTransport : public Transport {
 public:
  HttpResult attempt(const HttpRequest&, std::int64_t timeout_ms) override {
    ++tries;
    last_timeout = timeout_ms;
    HttpResult result = std::move(script.front());
    if (script.size() > 1) script.pop_front();
    return result;
  }
  std::deque<HttpResult> script;
  int tries = 0;
  std::int64_t last_timeout = 0;
};

HttpResult answer(int status, std::string_view retry_after = {}) {
  HttpResponse response;
  response.status = status;
  if (!retry_after.empty()) response.headers.push_back({"Retry-After", Secret(retry_after)});
  return response;
}

HttpResult failure(NoAnswer reason) {
  return tl::unexpected(HttpFailure{Error{Category::unreachable, "lost", {}, {}}, reason});
}

struct Rig {
  FakeWaiting waiting;
  ScriptedTransport transport;
  HttpResult send(HttpRequest request = {}) { return RetryingHttp(transport, waiting).send(request); }
};

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("120", 0), 120);
  EXPECT_EQ(parse_retry_after(" 0 ", 0), 0);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 30), 30);
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 30), 0);
  EXPECT_FALSE(parse_retry_after("", 0));
  EXPECT_FALSE(parse_retry_after("soon", 0));
  EXPECT_FALSE(parse_retry_after("-5", 0));
  EXPECT_EQ(parse_retry_after("99999999999999999999", 0), 7 * 24 * 3600);
}

TEST(RetryPolicy, PausesGrowAndAreCutByUpToHalf) {
  RetryPolicy slow;
  std::vector<std::int64_t> pauses;
  for (auto decision = slow.after({503, {}}, k_plenty, 0); decision.again;
       decision = slow.after({503, {}}, k_plenty, 0))
    pauses.push_back(decision.pause_ms);
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{200, 400, 800, 1600, 3200}));
  RetryPolicy quick;
  EXPECT_NEAR(static_cast<double>(quick.after({503, {}}, k_plenty, 0.999).pause_ms), 100, 1);
}

TEST(RetryPolicy, RetriesOnlyWhatMayPass) {
  for (const int status : {429, 502, 503, 504, 500, 0})
    EXPECT_TRUE(RetryPolicy().after({status, {}}, k_plenty, 0).again) << status;
  for (const int status : {200, 301, 307, 400, 401, 403, 404, 501})
    EXPECT_FALSE(RetryPolicy().after({status, {}}, k_plenty, 0).again) << status;
}

TEST(RetryingHttp, Tries500Twice) {
  Rig rig;
  rig.transport.script.push_back(answer(500));
  EXPECT_EQ(rig.send()->status, 500);
  EXPECT_EQ(rig.transport.tries, 2);
}

TEST(RetryingHttp, WaitsForRetryAfter) {
  Rig rig;
  rig.transport.script.push_back(answer(429, "3"));
  rig.transport.script.push_back(answer(200));
  EXPECT_EQ(rig.send()->status, 200);
  EXPECT_EQ(rig.waiting.pauses, (std::vector<std::int64_t>{3000}));
}

TEST(RetryingHttp, FailsAtOnceWhenRetryAfterIsPastTheDeadline) {
  Rig rig;
  rig.transport.script.push_back(answer(503, "3600"));
  const auto result = rig.send();
  EXPECT_EQ(result->status, 503);
  EXPECT_EQ(result->retry_after, 3600);
  EXPECT_TRUE(rig.waiting.pauses.empty());
}

TEST(RetryingHttp, StopsBeforeTheDeadline) {
  Rig rig;
  rig.waiting.left = 500;
  rig.transport.script.push_back(failure(NoAnswer::connection));
  EXPECT_FALSE(rig.send());
  EXPECT_EQ(rig.transport.tries, 2);
  EXPECT_EQ(rig.transport.last_timeout, 300);
}

TEST(RetryingHttp, CountsTriesThatMayHaveArrived) {
  Rig rig;
  rig.transport.script.push_back(failure(NoAnswer::lost));
  rig.transport.script.push_back(failure(NoAnswer::connection));
  rig.transport.script.push_back(answer(401));
  EXPECT_EQ(rig.send()->unanswered_tries, 1);
}

TEST(RetryingHttp, LeavesWhatCannotPassAlone) {
  Rig rig;
  rig.transport.script.push_back(failure(NoAnswer::tls));
  EXPECT_FALSE(rig.send());
  EXPECT_EQ(rig.transport.tries, 1);
}

TEST(RetryingHttp, LeavesRetryingToAModuleThatSaysSo) {
  Rig rig;
  rig.transport.script.push_back(answer(503));
  HttpRequest request;
  request.retry = false;
  EXPECT_EQ(rig.send(std::move(request))->status, 503);
  EXPECT_EQ(rig.transport.tries, 1);
}

TEST(RetryingHttp, HasNoTryWithoutTime) {
  Rig rig;
  rig.waiting.left = 0;
  EXPECT_EQ(rig.send().error().error.category, Category::unreachable);
  EXPECT_EQ(rig.transport.tries, 0);
}

}  // namespace
}  // namespace wif
