// SPDX-License-Identifier: Apache-2.0
// The order of a look-up: record, lock, second look, exchange. What consumers' protocols want besides is in
// core_session_consumers_test.cpp.
#include <filesystem>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include "core/lock.hpp"
#include "session_fixture.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

TEST_F(SessionTest, ExchangesOnceAndThenAnswersFromTheRecord) {
  EXPECT_EQ(call(), "token-1");
  EXPECT_TRUE(m_engine.had_lock);
  EXPECT_EQ(call(), "token-1");
  EXPECT_EQ(m_engine.runs, 1);
  EXPECT_EQ(m_engine.detached, 0);
  EXPECT_TRUE(m_warnings.empty());
}

TEST_F(SessionTest, StaleIsAnsweredAtOnceAndRefreshedBehind) {
  call();
  pass(2500);
  EXPECT_EQ(call(), "token-1");
  EXPECT_EQ(m_engine.runs, 1);
  EXPECT_EQ(m_engine.detached, 1);
  EXPECT_TRUE(m_engine.last.store);
}

TEST_F(SessionTest, StaleIsRefreshedByOneCallerOnly) {
  call();
  pass(2500);
  std::string why;
  const auto store = Store::open(m_scratch / "cache", false, why);
  const auto lock = (*store)->open_lock((*store)->names().front());
  ASSERT_TRUE(try_lock(lock->get(), LockMode::exclusive));
  EXPECT_EQ(call(), "token-1");
  EXPECT_EQ(m_engine.detached, 0);
}

TEST_F(SessionTest, InvalidIsExchangedBeforeTheAnswer) {
  call();
  pass(3500);
  EXPECT_EQ(call(), "token-2");
  EXPECT_EQ(m_engine.detached, 0);
}

TEST_F(SessionTest, ARecordFromTheFutureIsExchangedAnew) {
  call();
  m_system.time.wall -= 100;
  EXPECT_EQ(call(), "token-2");
}

TEST_F(SessionTest, InlineRefreshesBeforeTheAnswer) {
  m_profile.settings["cache.refresh"].value = "inline";
  call();
  pass(2500);
  EXPECT_EQ(call(), "token-2");
}

TEST_F(SessionTest, AnInlineRefreshThatFailsServesWhatIsStillGood) {
  m_profile.settings["cache.refresh"].value = "inline";
  call();
  pass(2500);
  fail_with(Category::unreachable);
  EXPECT_EQ(call(), "token-1");
  ASSERT_EQ(m_warnings.size(), 1U);
  EXPECT_NE(m_warnings[0].find("it failed"), std::string::npos);
}

TEST_F(SessionTest, OffNeitherRefreshesBehindNorInline) {
  m_profile.settings["cache.refresh"].value = "off";
  call();
  pass(2500);
  EXPECT_EQ(call(), "token-1");
  EXPECT_EQ(m_engine.runs + m_engine.detached, 1);
}

TEST_F(SessionTest, AFailedRefreshIsNotRetriedWhileItsPauseLasts) {
  call();
  pass(2500);
  fail_with(Category::no_identity);
  m_profile.settings["cache.refresh"].value = "inline";  // has the failure written down
  call();
  m_profile.settings["cache.refresh"].value = "background";
  EXPECT_EQ(call(), "token-1");
  EXPECT_EQ(m_engine.detached, 0);
  pass(2);
  EXPECT_EQ(call(), "token-1");
  EXPECT_EQ(m_engine.detached, 1);
}

TEST_F(SessionTest, ARefusalIsRememberedBrieflyAndSaysSo) {
  fail_with(Category::refused, "invalid_grant");
  EXPECT_EQ(call(), "refused: invalid_grant");
  EXPECT_NE(call().find("invalid_grant (0 s ago; next try in 1 s)"), std::string::npos);
  EXPECT_EQ(m_engine.runs, 1);
  pass(1);
  m_engine.failure.reset();
  EXPECT_EQ(call(), "token-2");
}

TEST_F(SessionTest, AChangedConfigurationForgetsTheFailure) {
  fail_with(Category::refused);
  call();
  m_profile.settings["exchange.service_account_id"] = {"sa_2", ""};
  call();
  EXPECT_EQ(m_engine.runs, 2);
}

TEST_F(SessionTest, WhatIsWrongHereIsLookedAtAnewEveryTime) {
  fail_with(Category::no_identity);
  call();
  call();
  EXPECT_EQ(m_engine.runs, 2);
}

TEST_F(SessionTest, ASuccessClearsTheFailure) {
  fail_with(Category::refused);
  call();
  pass(5);
  m_engine.failure.reset();
  call();
  std::string why;
  const auto store = Store::open(m_scratch / "cache", false, why);
  EXPECT_FALSE((*store)->read_failure((*store)->names().front()));
}

TEST_F(SessionTest, ACrashIsWrittenDownForThoseWhoWait) {
  fail_with(Category::bug, "crashed");
  EXPECT_EQ(call(), "bug: crashed");
  std::string why;
  const auto store = Store::open(m_scratch / "cache", false, why);
  ASSERT_EQ((*store)->names().size(), 1U);
  EXPECT_EQ((*store)->read_failure((*store)->names().front())->error.message, "crashed");
}

TEST_F(SessionTest, AWaiterPastItsDeadlineExchangesForItselfWithoutCaching) {
  call();
  pass(3500);
  std::string why;
  const auto store = Store::open(m_scratch / "cache", false, why);
  const std::string name = (*store)->names().front();
  const auto lock = (*store)->open_lock(name);
  ASSERT_TRUE(try_lock(lock->get(), LockMode::exclusive));
  SessionOptions options;
  options.timeout_ms = 60;
  EXPECT_EQ(call(options), "token-2");
  EXPECT_FALSE(m_engine.had_lock);
  EXPECT_FALSE(m_engine.last.store);
  EXPECT_EQ((*store)->read_record(name).value()->credential.access_token.reveal(), "token-1");
}

TEST_F(SessionTest, NoCacheNeitherReadsNorWrites) {
  SessionOptions options;
  options.no_cache = true;
  EXPECT_EQ(call(options), "token-1");
  EXPECT_EQ(call(options), "token-2");
  EXPECT_FALSE(std::filesystem::exists(m_scratch / "cache"));
}

TEST_F(SessionTest, WithNoHomeTheAnswerIsGivenWithOneWarning) {
  m_system.variables.clear();
  EXPECT_EQ(call(), "token-1");
  ASSERT_EQ(m_warnings.size(), 1U);
  EXPECT_NE(m_warnings[0].find("HOME"), std::string::npos);
}

TEST_F(SessionTest, AnUntrustedFolderIsRefused) {
  call();
  chmod((m_scratch / "cache").c_str(), 0755);
  EXPECT_EQ(call().substr(0, 6), "cache:");
  EXPECT_EQ(m_engine.runs, 1);
}

TEST_F(SessionTest, AnIdentitySwappedInBetweenIsAskedForAgainOnce) {
  fail_with(Category::no_identity);
  m_engine.failure->error.cause = k_identity_changed;
  call();
  EXPECT_EQ(m_engine.runs, 2);
}

TEST_F(SessionTest, RenewExchangesAlthoughTheRecordIsFresh) {
  call();
  SessionOptions options;
  options.renew = true;
  EXPECT_EQ(call(options), "token-2");
}

// Whether somebody waits for the lock (proc_locks(5): "-> FLOCK" and the file's inode).
bool somebody_waits_for(const std::string& lock_file) {
  struct stat info {};
  if (stat(lock_file.c_str(), &info) != 0) return false;
  const std::string inode = ":" + std::to_string(info.st_ino) + " ";
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);)
    if (line.find("->") != std::string::npos && line.find(inode) != std::string::npos) return true;
  return false;
}

TEST_F(SessionTest, AWaiterThatAskedForANewOneLearnsThatTheWinnerFailed) {
  call();
  pass(100);
  std::string why;
  const auto store = Store::open(m_scratch / "cache", false, why);
  const std::string name = (*store)->names().front();
  auto lock = (*store)->open_lock(name);
  ASSERT_TRUE(try_lock(lock->get(), LockMode::exclusive));
  Failure failure;
  failure.binding = m_engine.last.binding;
  failure.error = Error{Category::refused, "the winner was refused", {}, {}};
  failure.at = m_system.time.wall;
  failure.at_boot_ms = m_system.time.boot_ms;
  std::thread winner([&] {
    while (!somebody_waits_for(m_scratch / ("cache/" + name + ".lock"))) std::this_thread::yield();
    EXPECT_TRUE((*store)->write_failure(name, failure));
    unlock(lock->get());
  });
  SessionOptions options;
  options.renew = true;
  EXPECT_EQ(call(options), "token-1");
  winner.join();
  EXPECT_EQ(m_engine.runs, 1);
  ASSERT_EQ(m_warnings.size(), 1U);
  EXPECT_NE(m_warnings[0].find("the winner was refused"), std::string::npos);
}

TEST_F(SessionTest, ALateRejectionSparesANewerToken) {
  call();
  pass(3500);
  call();
  std::string why;
  const auto store = Store::open(m_scratch / "cache", false, why);
  const std::string name = (*store)->names().front();
  EXPECT_FALSE(remove_rejected(**store, name, sha256_hex("token-1"), monotonic_ms()).value());
  EXPECT_EQ(call(), "token-2");
  EXPECT_TRUE(remove_rejected(**store, name, sha256_hex("token-2"), monotonic_ms()).value());
  EXPECT_EQ(call(), "token-3");
}

TEST_F(SessionTest, ARejectionLeavesARecordThatIsBeingReplaced) {
  call();
  std::string why;
  const auto store = Store::open(m_scratch / "cache", false, why);
  const std::string name = (*store)->names().front();
  const auto lock = (*store)->open_lock(name);
  ASSERT_TRUE(try_lock(lock->get(), LockMode::exclusive));
  EXPECT_FALSE(remove_rejected(**store, name, sha256_hex("token-1"), monotonic_ms()).value());
  EXPECT_TRUE((*store)->read_record(name).value());
}

TEST_F(SessionTest, ANetworkFileSystemIsToldToWhoAsksForMore) {
  m_system.magic = 0x6969;
  call();
  EXPECT_TRUE(m_warnings.empty());
  pass(3500);
  SessionOptions options;
  options.verbosity = 1;
  EXPECT_EQ(call(options), "token-2");
  ASSERT_EQ(m_warnings.size(), 1U);
  EXPECT_NE(m_warnings[0].find("lies on nfs"), std::string::npos);
  EXPECT_EQ(call(options), "token-2");  // a hit takes no lock, so there is nothing to tell
  EXPECT_TRUE(m_warnings.empty());
}

TEST_F(SessionTest, ARefusedAssertionIsToldToTheEngine) {
  fail_with(Category::refused);
  m_engine.failure->reused_subject = true;
  m_engine.failure->subject_hash = "abcd";
  call();
  pass(5);
  call();
  EXPECT_EQ(m_engine.last.refused_subject, "abcd");
}

}  // namespace
}  // namespace wif
