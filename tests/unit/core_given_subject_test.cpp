// SPDX-License-Identifier: Apache-2.0
// A subject token that the consumer brings (the kubelet does), and the subject token in the credential's place (`wif kubernetes
// --token subject`, `wif google`): what a profile is then, whose record that is, and what the engine is told.
#include "config_fixture.hpp"
#include "core/cache.hpp"
#include "core/engine_protocol.hpp"
#include "session_fixture.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

std::string jwt(const std::string& sub, const std::string& aud = "a", int exp = 1) {
  return base64url_encode(R"({"alg":"RS256"})") + "." +
         base64url_encode(R"({"iss":"https://issuer","sub":")" + sub + R"(","aud":")" + aud + R"(","exp":)" +
                          std::to_string(exp) + "}") +
         ".c2ln";
}

std::shared_ptr<const Secret> given(const std::string& token) {
  return std::make_shared<const Secret>(std::string_view(token));
}

// --- the profile

class GivenSubject : public ConfigTest {
 protected:
  void files(const std::string& text) { m_system.files[k_etc] = text; }
};

TEST_F(GivenSubject, TakesTheProvidersPlace) {
  files(whole("p"));
  m_choice.subject_token = given(jwt("pod"));
  const Profile profile = good();
  EXPECT_EQ(profile.subject_token->view(), jwt("pod"));
  EXPECT_EQ(profile.provider.name, "");
  EXPECT_EQ(profile.exchange.name, "openai");
  EXPECT_EQ(profile.get("exchange.service_account_id"), "sa");
}

TEST_F(GivenSubject, NeedsNothingOfTheProviders) {
  const std::string exchange = "exchange = { identity_provider_id = \"idp\", service_account_id = \"sa\" }\n";
  for (const char* subject : {"", "subject = { provider = \"place\" }\n",
                              "subject = { provider = \"unknown\", path = \"/t\", odd = \"x\" }\n"}) {
    files(std::string("[profiles.p]\n") + subject + exchange);
    m_choice.subject_token.reset();
    EXPECT_FALSE(profile()) << subject;
    m_choice.subject_token = given(jwt("pod"));
    EXPECT_TRUE(profile()) << subject;
  }
}

TEST_F(GivenSubject, StillNeedsWhatTheExchangeDoes) {
  files("[profiles.p]\nsubject = { provider = \"place\", path = \"/t\" }\n");
  m_choice.subject_token = given(jwt("pod"));
  EXPECT_TRUE(has(bad().message, "exchange.identity_provider_id"));
}

TEST_F(GivenSubject, HasNoPlaceInAChain) {
  files(whole("first") +
        "[profiles.second]\nsubject = { profile = \"first\" }\nexchange = { identity_provider_id = \"idp\", "
        "service_account_id = \"sa\" }\n");
  m_choice.profile = "second";
  EXPECT_EQ(good().links.size(), 1U);
  m_choice.subject_token = given(jwt("pod"));
  EXPECT_TRUE(has(bad().message, "the request brings a subject token"));
}

TEST_F(GivenSubject, IsKeptFromAnActor) {
  files(
      whole("first") +
      "[profiles.second]\nsubject = { provider = \"place\", path = \"/t\" }\nexchange = { kind = \"rfc8693\", "
      "url = \"https://sts.example/token\", actor_profile = \"first\" }\n");
  m_choice.profile = "second";
  m_choice.subject_token = given(jwt("pod"));
  const Profile profile = good();
  ASSERT_EQ(profile.links.size(), 1U);
  EXPECT_EQ(profile.links[0].profile->subject_token, nullptr);
  EXPECT_EQ(profile.links[0].profile->provider.name, "place");
}

// --- the subject itself

TEST_F(GivenSubject, TheSubjectAloneNeedsNothingOfTheExchange) {
  files("[profiles.p]\nsubject = { provider = \"place\", path = \"/t\", audience = \"a\" }\n");
  EXPECT_TRUE(has(bad().message, "exchange.identity_provider_id"));
  m_choice.subject_only = true;
  const Profile profile = good();
  EXPECT_EQ(profile.exchange.name, k_no_exchange);
  EXPECT_EQ(profile.provider.name, "place");
  EXPECT_EQ(profile.get("subject.audience"), "a");
  files(whole("p"));
  EXPECT_EQ(good().get("exchange.service_account_id"), "") << "left unread";
}

TEST_F(GivenSubject, TheSubjectAloneIsAnotherRecord) {
  m_system.files["/t"] = jwt("pod");
  files(whole("p"));
  const std::string exchanged = make_binding(m_system, good()).value();
  m_choice.subject_only = true;
  EXPECT_NE(make_binding(m_system, good()).value(), exchanged);
}

// --- whose record it is

class GivenSession : public SessionTest {
 protected:
  std::string call_with(const std::string& token) {
    m_profile.provider = {};
    m_profile.subject_token = given(token);
    return call();
  }
};

TEST_F(GivenSession, EachIdentityHasARecordOfItsOwn) {
  EXPECT_EQ(call_with(jwt("pod-1")), "token-1");
  EXPECT_EQ(call_with(jwt("pod-2")), "token-2");
  EXPECT_EQ(call_with(jwt("pod-1", "b")), "token-3");
  EXPECT_EQ(call_with(jwt("pod-1")), "token-1");
  EXPECT_EQ(call_with("opaque"), "token-4");
  EXPECT_EQ(call_with("another"), "token-5");
  EXPECT_EQ(call_with("opaque"), "token-4");
}

TEST_F(GivenSession, ATokenThatMerelyRotatedHits) {
  EXPECT_EQ(call_with(jwt("pod-1", "a", 1)), "token-1");
  EXPECT_EQ(call_with(jwt("pod-1", "a", 2)), "token-1");
  EXPECT_EQ(m_engine.runs, 1);
}

TEST_F(GivenSession, ItIsNobodysRecordWithoutOne) {
  EXPECT_EQ(call(), "token-1");
  EXPECT_EQ(call_with(jwt("pod-1")), "token-2");
  m_profile.subject_token.reset();
  m_profile.provider.name = "file";
  EXPECT_EQ(call(), "token-1");
}

// --- what the engine is told

TEST_F(GivenSession, TheEngineGetsItAndNoRecordHasIt) {
  call_with(jwt("pod-1"));
  ASSERT_NE(m_engine.last.subject_token, nullptr);
  EXPECT_EQ(m_engine.last.subject_token->view(), jwt("pod-1"));
  EXPECT_EQ(m_engine.last.provider, "");
  EXPECT_EQ(m_engine.last.binding.find(jwt("pod-1")), std::string::npos);
}

TEST(GivenRequest, ComesThroughTheEnginesProtocol) {
  EngineRequest request;
  request.profile = "p";
  auto read = read_request(write_request(request));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->subject_token, nullptr);
  request.subject_token = given("a\n\"b");
  read = read_request(write_request(request));
  ASSERT_TRUE(read);
  ASSERT_NE(read->subject_token, nullptr);
  EXPECT_EQ(read->subject_token->view(), "a\n\"b");
}

}  // namespace
}  // namespace wif
