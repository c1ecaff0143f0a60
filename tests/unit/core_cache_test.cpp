// SPDX-License-Identifier: Apache-2.0
// One test for each row of the table in helper/core/README.md that a clock and a binding decide.
#include "core/cache.hpp"

#include <functional>

#include <gtest/gtest.h>

#include "fake_system.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_issued = 1'800'000'000;
constexpr std::int64_t k_boot = 5'000;
constexpr std::int64_t k_min_ttl = 120;

Record record_of(std::int64_t life, double jitter = 0.999) {
  Record record;
  record.credential.access_token = Secret("token");
  record.credential.issued_at = k_issued;
  record.credential.issued_boot = k_boot;
  record.credential.expires_at = k_issued + life;
  record.refresh_at = refresh_point(record.credential, jitter);
  return record;
}

Now after(std::int64_t wall, std::int64_t boot) { return {k_issued + wall, (k_boot + boot) * 1000}; }
Now after(std::int64_t age) { return after(age, age); }

TEST(States, AreFreshThenStaleThenInvalid) {
  const Record record = record_of(3600);
  EXPECT_EQ(state_of(record, after(0), k_min_ttl), State::fresh);
  EXPECT_EQ(state_of(record, after(2100), k_min_ttl), State::fresh);
  EXPECT_EQ(state_of(record, after(2400), k_min_ttl), State::stale);
  EXPECT_EQ(state_of(record, after(3479), k_min_ttl), State::stale);
  EXPECT_EQ(state_of(record, after(3480), k_min_ttl), State::invalid);
}

TEST(States, TakeTheOlderOfTheTwoClocks) {
  const Record record = record_of(3600);
  EXPECT_EQ(state_of(record, after(10, 3600), k_min_ttl), State::invalid);  // the wall clock was set back
  EXPECT_EQ(state_of(record, after(3600, 10), k_min_ttl), State::invalid);  // boot time stood still
  EXPECT_EQ(state_of(record, after(10, 2500), k_min_ttl), State::stale);
}

TEST(States, ARecordFromTheFutureIsInvalid) {
  EXPECT_EQ(state_of(record_of(3600), after(-1, 10), k_min_ttl), State::invalid);
  EXPECT_EQ(state_of(record_of(3600), after(10, -1), k_min_ttl), State::invalid);
}

TEST(States, MinTtlKeepsBackAQuarterOfAShortLifeAtMost) {
  const Record record = record_of(60);
  EXPECT_EQ(state_of(record, after(0), k_min_ttl), State::fresh);
  EXPECT_EQ(state_of(record, after(44), k_min_ttl), State::stale);
  EXPECT_EQ(state_of(record, after(45), k_min_ttl), State::invalid);
}

TEST(States, AreShortForAConsumerThatNeedsLonger) {
  const Record record = record_of(3600);
  EXPECT_FALSE(is_short(record, after(2700), 900));
  EXPECT_TRUE(is_short(record, after(2701), 900));
  EXPECT_TRUE(is_short(record, after(10, 2701), 900));
  EXPECT_FALSE(is_short(record, after(3599), 0));
}

TEST(States, HalfOfALifeAtMostIsKeptBackForAConsumer) {
  EXPECT_FALSE(is_short(record_of(600), after(300), 900));
  EXPECT_TRUE(is_short(record_of(600), after(301), 900));
}

TEST(RefreshPoint, IsNeverBeforeHalfOfTheLifeFromAMinuteToTwelveHours) {
  for (std::int64_t life = 60; life <= 12 * 3600; life += 60) {
    for (const double jitter : {0.0, 0.5, 0.999}) {
      const Record record = record_of(life, jitter);
      EXPECT_GE(record.refresh_at, k_issued + life / 2) << life;
      EXPECT_LT(record.refresh_at, k_issued + life - std::min(k_min_ttl, life / 4)) << life;
    }
  }
}

TEST(RefreshPoint, IsTwentyMinutesBeforeExpiryOfALongLife) {
  EXPECT_NEAR(static_cast<double>(record_of(3600, 0.9999).refresh_at), static_cast<double>(k_issued + 2400),
              1);
  EXPECT_NEAR(static_cast<double>(record_of(43200, 0.9999).refresh_at), static_cast<double>(k_issued + 42000),
              2);
}

TEST(RefreshPoint, SpreadsAFleetByTenPercent) {
  for (const std::int64_t life : {60, 600, 3600, 43200}) {
    const auto spread = record_of(life, 0.999).refresh_at - record_of(life, 0).refresh_at;
    EXPECT_GE(spread, life / 25) << life;
    EXPECT_LE(spread, life / 10) << life;
  }
}

class Binding : public testing::Test {
 protected:
  Binding() {
    m_profile.name = "prod";
    m_profile.provider.name = "file";
    m_profile.provider.built_in = true;
    m_profile.provider.identities = k_identities;
    m_profile.exchange.name = "openai";
    m_profile.settings["subject.path"] = {"/token", ""};
    m_profile.settings["exchange.url"] = {"https://x/", ""};
    m_profile.settings["exchange.service_account_id"] = {"sa_1", ""};
    m_system.files["/token"] = token("https://issuer", "sub-1", "aud-1", 1);
  }

  static std::string token(const std::string& iss, const std::string& sub, const std::string& aud, int exp) {
    return base64url_encode(R"({"alg":"RS256"})") + "." +
           base64url_encode(R"({"iss":")" + iss + R"(","sub":")" + sub + R"(","aud":[")" + aud +
                            R"("],"exp":)" + std::to_string(exp) + "}") +
           ".c2ln";
  }
  std::string binding() const { return make_binding(m_system, m_profile).value(); }
  // Whether `change` makes it somebody else's record.
  bool differs(const std::function<void()>& change) const {
    const std::string before = binding();
    change();
    return binding() != before;
  }

  FakeSystem m_system;
  Profile m_profile;
  static constexpr IdentityInput k_identities[] = {{IdentityInput::Kind::jwt_file, "path"},
                                                   {IdentityInput::Kind::variable, "JOB_TOKEN"},
                                                   {IdentityInput::Kind::variables, "environment"}};
};

TEST_F(Binding, VariesWithEachPartSingly) {
  EXPECT_FALSE(differs([] {}));
  EXPECT_TRUE(differs([&] { m_profile.settings["exchange.url"].value = "https://y/"; }));
  EXPECT_TRUE(differs([&] { m_profile.settings["exchange.service_account_id"].value = "sa_2"; }));
  EXPECT_TRUE(differs([&] { m_profile.settings["subject.audience"].value = "aud"; }));
  EXPECT_TRUE(differs([&] { m_profile.provider.name = "env"; }));
  EXPECT_TRUE(differs([&] { m_profile.exchange.name = "other"; }));
  EXPECT_TRUE(differs([&] { m_system.user = 4711; }));
  EXPECT_TRUE(differs([&] { m_system.host = "other-host"; }));
  EXPECT_TRUE(differs([&] { m_system.boot = "other-boot"; }));
  EXPECT_TRUE(differs([&] { m_system.variables["JOB_TOKEN"] = "next job"; }));
  EXPECT_TRUE(differs([&] { m_system.files["/token"] = token("https://issuer", "sub-2", "aud-1", 1); }));
  EXPECT_TRUE(differs([&] { m_system.files["/token"] = token("https://other", "sub-2", "aud-1", 1); }));
  EXPECT_TRUE(differs([&] { m_system.files["/token"] = token("https://other", "sub-2", "aud-2", 1); }));
  EXPECT_TRUE(differs([&] { m_system.files["/token"] = "opaque"; }));
}

TEST_F(Binding, VariesWithEachVariableThatASettingNames) {
  EXPECT_FALSE(differs([&] { m_system.variables["A"] = m_system.variables["iss"] = "1"; }));
  m_profile.settings["subject.environment"].value = "A\nB=x\niss";
  EXPECT_TRUE(differs([&] { m_system.variables["A"] = "2"; }));
  EXPECT_TRUE(differs([&] { m_system.variables["iss"] = "2"; }));
  EXPECT_TRUE(differs([&] { m_system.variables.erase("A"); }));
  EXPECT_FALSE(differs([&] { m_system.variables["B"] = m_system.variables["B=x"] = "2"; }));
}

TEST_F(Binding, NoVariablesNameCanPoseAsATokensClaim) {
  static constexpr IdentityInput k_named[] = {{IdentityInput::Kind::variables, "environment"}};
  m_profile.provider.identities = k_named;
  m_profile.settings["subject.environment"].value = "iss\nsha256";
  EXPECT_TRUE(binding_fits(binding(), m_system.files["/token"]));
}

TEST_F(Binding, StaysWhenATokenMerelyRotated) {
  EXPECT_FALSE(
      differs([&] { m_system.files["/token"] = token("https://issuer", "sub-1", "aud-1", 99) + "\n"; }));
}

TEST_F(Binding, StaysWhenOnlyTheCachePolicyOrTheExpectationsChanged) {
  EXPECT_FALSE(differs([&] { m_profile.settings["cache.min_ttl"].value = "5m"; }));
  EXPECT_FALSE(differs([&] { m_profile.settings["expect.issuer"].value = "x"; }));
}

TEST_F(Binding, NoValueCanPoseAsAnotherLine) {
  m_profile.settings["subject.path"].value = "/token";
  m_system.files["/token\nuser=4711"] = m_system.files["/token"];
  EXPECT_TRUE(differs([&] { m_profile.settings["subject.path"].value = "/token\nuser=4711"; }));
  EXPECT_EQ(binding().find("\nuser=4711\n"), std::string::npos);
}

TEST_F(Binding, FitsATokenOfItsOwnIdentityOnly) {
  EXPECT_TRUE(binding_fits(binding(), token("https://issuer", "sub-1", "aud-1", 99)));
  EXPECT_FALSE(binding_fits(binding(), token("https://issuer", "sub-2", "aud-1", 99)));
  EXPECT_FALSE(binding_fits(binding(), "opaque"));
  m_system.files["/token"] = token("https://issuer", "sub-1", R"(aud-1","aud-2)", 99);
  EXPECT_TRUE(binding_fits(binding(), m_system.files["/token"]));
  EXPECT_FALSE(binding_fits(binding(), token("https://issuer", "sub-1", "aud-1", 99)));
  EXPECT_FALSE(binding_fits(binding(), token("https://issuer", "sub-1", "aud-2", 99)));
  m_system.files["/token"] = "opaque";
  EXPECT_TRUE(binding_fits(binding(), "opaque"));
  EXPECT_FALSE(binding_fits(binding(), "another"));
  EXPECT_TRUE(binding_fits("provider=command\n", "any"));
}

TEST_F(Binding, HoldsNoTokenAndNoSecretValue) {
  m_system.variables["JOB_TOKEN"] = "secret-of-the-job";
  EXPECT_EQ(binding().find("secret-of-the-job"), std::string::npos);
  EXPECT_EQ(binding().find("c2ln"), std::string::npos);
}

TEST_F(Binding, AMissingTokenFileIsNoIdentity) {
  m_system.files.clear();
  const auto result = make_binding(m_system, m_profile);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().category, Category::no_identity);
  EXPECT_NE(result.error().message.find("/token"), std::string::npos);
}

EngineError engine_error(Category category, std::int64_t retry_after = 0) {
  EngineError error;
  error.error.category = category;
  error.retry_after = retry_after;
  return error;
}

TEST(FailureMemory, PausesLongerAndLongerUpToAMinute) {
  FakeSystem system;
  std::optional<Failure> failure;
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 9; ++i) {
    failure =
        next_failure(system, failure ? &*failure : nullptr, "b", "p", engine_error(Category::unreachable));
    pauses.push_back(failure->not_before - failure->at);
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 60, 60, 60}));
}

TEST(FailureMemory, CountsTriesForAnIdentityAndThoseUpstreamApart) {
  FakeSystem system;
  std::optional<Failure> failure;
  for (int i = 0; i < 9; ++i)
    failure =
        next_failure(system, failure ? &*failure : nullptr, "b", "p", engine_error(Category::no_identity));
  EXPECT_EQ(failure->not_before - failure->at, 60);
  failure = next_failure(system, &*failure, "b", "p", engine_error(Category::unreachable));
  EXPECT_EQ(failure->not_before - failure->at, 1);
  failure = next_failure(system, &*failure, "b", "p", engine_error(Category::refused));
  EXPECT_EQ(failure->not_before - failure->at, 2);
}

TEST(FailureMemory, KeepsRetryAfterUpToAnHour) {
  FakeSystem system;
  auto failure = next_failure(system, nullptr, "b", "p", engine_error(Category::unreachable, 90));
  EXPECT_EQ(failure.not_before - failure.at, 90);
  failure = next_failure(system, nullptr, "b", "p", engine_error(Category::unreachable, 1'000'000));
  EXPECT_EQ(failure.not_before - failure.at, 3600);
}

TEST(FailureMemory, ServesOnlyWhatUpstreamSaid) {
  FakeSystem system;
  for (const auto category : {Category::refused, Category::unreachable})
    EXPECT_TRUE(is_remembered(next_failure(system, nullptr, "b", "p", engine_error(category)), system.now()));
  for (const auto category : {Category::no_identity, Category::configuration, Category::bug}) {
    const auto failure = next_failure(system, nullptr, "b", "p", engine_error(category));
    EXPECT_FALSE(is_remembered(failure, system.now()));
    EXPECT_TRUE(is_paused(failure, system.now()));
  }
}

TEST(FailureMemory, EndsWithItsPauseAndWithAClockThatWentBack) {
  FakeSystem system;
  const auto failure = next_failure(system, nullptr, "b", "p", engine_error(Category::refused));
  Now later = system.now();
  later.wall += 1;
  EXPECT_FALSE(is_remembered(failure, later));
  Now earlier = system.now();
  earlier.wall -= 1;
  EXPECT_FALSE(is_remembered(failure, earlier));
}

TEST(FailureMemory, KeepsTheRefusedAssertionUntilAnotherIsRefused) {
  FakeSystem system;
  EngineError reused = engine_error(Category::refused);
  reused.reused_subject = true;
  reused.subject_hash = "one";
  const auto first = next_failure(system, nullptr, "b", "p", reused);
  EXPECT_EQ(first.refused_subject, "one");
  EXPECT_EQ(next_failure(system, &first, "b", "p", engine_error(Category::unreachable)).refused_subject,
            "one");
  reused.subject_hash = "two";
  EXPECT_EQ(next_failure(system, &first, "b", "p", reused).refused_subject, "two");
}

}  // namespace
}  // namespace wif
