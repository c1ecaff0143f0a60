// SPDX-License-Identifier: Apache-2.0
// What the protocols of consumers want of a look-up: enough life left, and a way back from a rejection.
#include <filesystem>

#include "session_fixture.hpp"

namespace wif {
namespace {

// --- enough life left

TEST_F(SessionTest, AShortRecordIsRenewedFirst) {
  call();
  pass(2800);  // 800 s left
  SessionOptions options;
  options.min_remaining = 900;
  EXPECT_EQ(call(options), "token-2");
  EXPECT_TRUE(m_engine.had_lock);
}

TEST_F(SessionTest, AShortRecordIsGivenWhenItsRenewalFails) {
  call();
  pass(2800);
  fail_with(Category::unreachable);
  SessionOptions options;
  options.min_remaining = 900;
  EXPECT_EQ(call(options), "token-1");
  ASSERT_EQ(m_warnings.size(), 1U);
  EXPECT_NE(m_warnings[0].find("it failed"), std::string::npos);
  EXPECT_EQ(call(options), "token-1");  // and what upstream said is remembered here as elsewhere
  EXPECT_EQ(m_engine.runs, 2);
}

TEST_F(SessionTest, ALifeShorterThanWhatAProtocolNeedsCostsNoExchangeACall) {
  m_engine.life = 600;
  SessionOptions options;
  options.min_remaining = 900;
  EXPECT_EQ(call(options), "token-1");
  pass(299);
  EXPECT_EQ(call(options), "token-1");
  pass(2);  // less than half of it is left
  EXPECT_EQ(call(options), "token-2");
  EXPECT_EQ(call(options), "token-2");
}

// --- after a rejection that a protocol has no word for (rejection.hpp)

SessionOptions by(std::int64_t caller) {
  SessionOptions options;
  options.caller = caller;
  return options;
}

TEST_F(SessionTest, ARepeatByTheSameCallerWithinSecondsIsARejection) {
  EXPECT_EQ(call(by(1000)), "token-1");
  pass(1);
  EXPECT_EQ(call(by(1000)), "token-2");
  EXPECT_TRUE(m_engine.had_lock);
  EXPECT_TRUE(m_engine.last.store);
  EXPECT_EQ(call(by(2000)), "token-2");
}

TEST_F(SessionTest, ARejectionByRepeatRenewsOnceAMinute) {
  call(by(1000));
  pass(1);
  EXPECT_EQ(call(by(1000)), "token-2");
  for (int second = 0; second < 59; ++second) {
    pass(1);
    EXPECT_EQ(call(by(1000)), "token-2");
  }
  EXPECT_EQ(m_engine.runs, 2);
  pass(1);
  EXPECT_EQ(call(by(1000)), "token-3");
}

TEST_F(SessionTest, ARejectionByRepeatRenewsOnceAMinuteWhoeverAsks) {
  call(by(1000));
  pass(1);
  EXPECT_EQ(call(by(1000)), "token-2");
  for (const std::int64_t caller : {2000, 2000, 3000, 3000}) {
    pass(1);
    EXPECT_EQ(call(by(caller)), "token-2");
  }
}

TEST_F(SessionTest, AnotherCallersQuestionIsNoRejection) {
  call(by(1000));
  EXPECT_EQ(call(by(2000)), "token-1");
  EXPECT_EQ(call(by(1000)), "token-1");
  EXPECT_EQ(call(), "token-1");
  EXPECT_EQ(m_engine.runs, 1);
}

TEST_F(SessionTest, ARepeatAfterALongerWhileIsNoRejection) {
  call(by(1000));
  pass(11);
  EXPECT_EQ(call(by(1000)), "token-1");
}

TEST_F(SessionTest, ARepeatAfterTheRecordChangedIsNoRejection) {
  call(by(1000));
  pass(3);
  SessionOptions renew;
  renew.renew = true;
  EXPECT_EQ(call(renew), "token-2");
  EXPECT_EQ(call(by(1000)), "token-2");
}

TEST_F(SessionTest, ACallerThatSaysNothingIsNeverRejected) {
  call();
  EXPECT_EQ(call(), "token-1");
  std::string why;
  const auto store = Store::open(m_scratch / "cache", false, why);
  const std::string lock = m_scratch / ("cache/" + (*store)->names().front() + ".lock");
  EXPECT_EQ(std::filesystem::file_size(lock), 0U);  // the ordinary hit notes nothing down
}

TEST_F(SessionTest, ARejectionThatCannotBeRenewedGivesWhatThereIsAndRestsAsLong) {
  call(by(1000));
  fail_with(Category::no_identity);  // looked at anew every time, were it not for the minute
  EXPECT_EQ(call(by(1000)), "token-1");
  EXPECT_EQ(m_warnings.size(), 1U);
  EXPECT_EQ(call(by(1000)), "token-1");
  EXPECT_EQ(m_engine.runs, 2);
}

}  // namespace
}  // namespace wif
