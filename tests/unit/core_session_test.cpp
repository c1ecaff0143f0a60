// SPDX-License-Identifier: Apache-2.0
// The order of a look-up: record, lock, second look, exchange. The engine is a fake that does what the real one promises.
#include "core/session.hpp"

#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/lock.hpp"
#include "fake_system.hpp"
#include "scratch_folder.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

class FakeEngine final : public EngineStarter {
 public:
  explicit FakeEngine(FakeSystem& system) : m_system(system) {}

  EngineAnswer run(const EngineRequest& request, int lock) override {
    ++runs;
    last = request;
    had_lock = lock >= 0;
    if (during) during();
    EngineAnswer answer;
    if (failure) {
      answer.outcome = tl::unexpected(*failure);
      if (request.store && failure->error.category != Category::bug) store_failure(request);
      return answer;
    }
    answer.outcome = issue();
    if (request.store) store_record(request);
    return answer;
  }
  Status detach(const EngineRequest& request, int) override {
    ++detached;
    last = request;
    return {};
  }

  int runs = 0;
  int detached = 0;
  bool had_lock = false;
  EngineRequest last;
  std::optional<EngineError> failure;
  std::int64_t life = 3600;
  std::function<void()> during;

 private:
  Credential issue() const {
    Credential credential;
    credential.access_token = Secret("token-" + std::to_string(runs));
    credential.issued_at = m_system.time.wall;
    credential.issued_boot = m_system.time.boot();
    credential.expires_at = credential.issued_at + life;
    return credential;
  }
  static Store store_of(const EngineRequest& request) {
    std::string why;
    return std::move(Store::open(request.cache_directory, true, why).value().value());
  }
  void store_record(const EngineRequest& request) const {
    ASSERT_TRUE(
        store_of(request).write_record(request.record_name, make_record(request.binding, "p", issue())));
  }
  void store_failure(const EngineRequest& request) const {
    const Store store = store_of(request);
    const auto before = store.read_failure(request.record_name, request.binding);
    ASSERT_TRUE(store.write_failure(request.record_name, next_failure(m_system, before ? &*before : nullptr,
                                                                      request.binding, "p", *failure)));
  }
  FakeSystem& m_system;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() : m_engine(m_system) {
    m_system.variables["WIF_CACHE_DIR"] = m_scratch / "cache";
    m_profile.name = "prod";
    m_profile.provider.name = "file";
    m_profile.exchange.name = "openai";
    m_profile.settings["cache.refresh"] = {"background", "default"};
    m_profile.settings["cache.min_ttl"] = {"2m", "default"};
  }

  // One call of wif: the token, or "CATEGORY: message".
  std::string call(SessionOptions options = {}) {
    Session session(m_system, m_engine, m_profile, options);
    const auto credential = session.get();
    m_warnings = session.warnings();
    if (!credential)
      return std::string(to_string(credential.error().category)) + ": " + credential.error().message;
    session.refresh_behind();
    return credential->access_token.reveal();
  }
  void pass(std::int64_t seconds) {
    m_system.time.wall += seconds;
    m_system.time.boot_ms += seconds * 1000;
  }
  void fail_with(Category category, std::string message = "it failed") {
    EngineError error;
    error.error = Error{category, std::move(message), {}, {}};
    m_engine.failure = error;
  }

  ScratchFolder m_scratch;
  FakeSystem m_system;
  FakeEngine m_engine;
  Profile m_profile;
  std::vector<std::string> m_warnings;
};

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

TEST_F(SessionTest, AProtocolsMinimumLifeIsKept) {
  call();
  pass(2800);  // 800 s left
  SessionOptions options;
  options.min_remaining = 900;
  EXPECT_EQ(call(options), "token-2");
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
