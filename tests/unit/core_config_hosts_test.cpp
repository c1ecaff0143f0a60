// SPDX-License-Identifier: Apache-2.0
// Config::profile_for: which profile serves the host that a consumer's request names.
#include "config_fixture.hpp"

namespace wif {
namespace {

class ConfigHostsTest : public ConfigTest {
 protected:
  // The profile's name, "none", or "CATEGORY: message".
  std::string serves(const std::string& url) {
    const auto target = parse_target(url);
    if (!target) return "no target";
    auto config = Config::load(m_system, m_choice);
    if (!config) return config.error().message;
    const auto profile = config->profile_for(m_catalogue.emplace(m_system), *target);
    if (!profile) return std::string(to_string(profile.error().category)) + ": " + profile.error().message;
    return *profile ? (*profile)->name : "none";
  }
  // A profile that lacks nothing, with such `hosts`.
  static std::string serving(const std::string& name, const std::string& hosts) {
    return whole(name) + "hosts = [" + hosts + "]\n";
  }
  static std::string with_kind(const std::string& name, const std::string& exchange) {
    return "[profiles." + name + "]\nsubject = { provider = \"place\", path = \"/t\" }\nexchange = { " +
           exchange + " }\n";
  }
  void files(const std::string& text) { m_system.files[k_etc] = text; }
};

// --- one profile

TEST_F(ConfigHostsTest, AProfileServesItsHostsAndNoOther) {
  files(serving("p", R"("git.example", "*.corp.example:8443")"));
  EXPECT_EQ(serves("https://git.example/x"), "p");
  EXPECT_EQ(serves("https://a.corp.example:8443"), "p");
  EXPECT_EQ(serves("https://a.corp.example"), "none");
  EXPECT_EQ(serves("https://evil.example"), "none");
  EXPECT_EQ(serves("http://git.example"), "none");
  EXPECT_EQ(serves("https://git.example:444"), "none");
}

TEST_F(ConfigHostsTest, WithoutHostsTheExchangesKindSaysThem) {
  files(whole("p"));
  EXPECT_EQ(serves("https://api.openai.com/v1"), "p");
  EXPECT_EQ(serves("https://openai.com"), "none");
  files(with_kind("p", R"(kind = "google-sts", audience = "a")"));
  EXPECT_EQ(serves("https://storage.googleapis.com"), "p");
  EXPECT_EQ(serves("https://api.openai.com"), "none");
}

TEST_F(ConfigHostsTest, HostsTakeTheKindsPlace) {
  files(serving("p", R"("git.example")"));
  EXPECT_EQ(serves("https://api.openai.com"), "none");
  files(serving("p", ""));
  EXPECT_EQ(serves("https://api.openai.com"), "none");
}

TEST_F(ConfigHostsTest, AKindThatNamesNobodyServesNobody) {
  files(with_kind("p", R"(kind = "none")"));
  EXPECT_EQ(serves("https://git.example"), "none");
  files(with_kind("p", R"(kind = "rfc8693", url = "https://git.example/token")"));
  EXPECT_EQ(serves("https://git.example"), "none");
}

TEST_F(ConfigHostsTest, ThisMachineIsServedWithoutTlsIfItIsNamed) {
  files(serving("p", R"("127.0.0.1:*")"));
  EXPECT_EQ(serves("http://127.0.0.1:5000"), "p");
  EXPECT_EQ(serves("http://127.0.0.2:5000"), "none");
  files(serving("p", R"("a.example:*")"));
  EXPECT_EQ(serves("http://localhost:5000"), "none");
}

TEST_F(ConfigHostsTest, TheProfileIsWholeAsWithoutAHost) {
  m_system.files[k_etc] = serving("p", R"("git.example")");
  const auto config = Config::load(m_system, m_choice);
  const auto profile =
      config->profile_for(m_catalogue.emplace(m_system), *parse_target("https://git.example"));
  ASSERT_TRUE(profile && *profile);
  EXPECT_EQ((*profile)->settings.size(), good().settings.size());
  EXPECT_EQ((*profile)->get("exchange.service_account_id"), "sa");
}

// --- several

TEST_F(ConfigHostsTest, SeveralProfilesDivideTheHosts) {
  files(serving("a", R"("a.example")") + serving("b", R"("b.example")") + whole("openai"));
  EXPECT_EQ(serves("https://a.example"), "a");
  EXPECT_EQ(serves("https://b.example"), "b");
  EXPECT_EQ(serves("https://api.openai.com"), "openai");
  EXPECT_EQ(serves("https://c.example"), "none");  // and not the default, nor an error about there being none
}

TEST_F(ConfigHostsTest, TheClosestNameWins) {
  files("default_profile = \"wide\"\n" + serving("wide", R"("*.example")") +
        serving("corp", R"("*.corp.example")") + serving("git", R"("git.corp.example")"));
  EXPECT_EQ(serves("https://git.corp.example"), "git");
  EXPECT_EQ(serves("https://a.corp.example"), "corp");
  EXPECT_EQ(serves("https://a.example"), "wide");
}

TEST_F(ConfigHostsTest, TheDefaultWinsAmongEquals) {
  const std::string both = serving("a", R"("git.example")") + serving("b", R"("git.example")");
  files("default_profile = \"b\"\n" + both);
  EXPECT_EQ(serves("https://git.example"), "b");
  files(both);
  const std::string error = serves("https://git.example");
  EXPECT_TRUE(has(error, "configuration: several profiles serve git.example equally closely: a, b")) << error;
}

TEST_F(ConfigHostsTest, ADefaultThatServesItLessCloselyDoesNotWin) {
  files("default_profile = \"wide\"\n" + serving("wide", R"("*.example")") +
        serving("a", R"("git.example")") + serving("b", R"("git.example")"));
  EXPECT_TRUE(has(serves("https://git.example"), "equally closely: a, b"));
}

TEST_F(ConfigHostsTest, AProfileThatWasAskedForAnswersForItsOwnHostsOnly) {
  files(serving("a", R"("a.example")") + serving("b", R"("b.example", "a.example")"));
  m_choice.profile = "b";
  EXPECT_EQ(serves("https://a.example"), "b");
  m_choice.profile = "a";
  EXPECT_EQ(serves("https://b.example"), "none");
  m_choice.profile.reset();
  m_system.variables["WIF_PROFILE"] = "a";
  EXPECT_EQ(serves("https://a.example"), "a");
  EXPECT_EQ(serves("https://b.example"), "none");
}

TEST_F(ConfigHostsTest, AProfileThatWasAskedForAndIsNotThereIsAnError) {
  files(serving("a", R"("a.example")"));
  m_choice.profile = "nope";
  EXPECT_TRUE(
      has(serves("https://a.example"), "configuration: there is no profile \"nope\" (asked for by -p)"));
}

TEST_F(ConfigHostsTest, TheLaterFilesProfileReplacesTheEarlierOnesHosts) {
  m_system.files[k_etc] = serving("p", R"("a.example")");
  m_system.files[k_user] = serving("p", R"("b.example")");
  EXPECT_EQ(serves("https://a.example"), "none");
  EXPECT_EQ(serves("https://b.example"), "p");
}

TEST_F(ConfigHostsTest, AMistakeElsewhereInAnotherProfileDoesNotMatter) {
  files(serving("p", R"("a.example")") +
        "[profiles.broken]\nsubject = { provider = \"plcae\" }\nhosts = [\"b.example\"]\n");
  EXPECT_EQ(serves("https://a.example"), "p");
  EXPECT_EQ(serves("https://c.example"), "none");
  EXPECT_TRUE(has(serves("https://b.example"), "configuration: "));
}

// --- no file, and --set

TEST_F(ConfigHostsTest, WithNoFileTheEnvironmentsProfileServesOpenAi) {
  ids();
  m_system.variables["PLACE_TOKEN_FILE"] = "/t";
  EXPECT_EQ(serves("https://api.openai.com"), "default");
  EXPECT_EQ(serves("https://git.example"), "none");
}

TEST_F(ConfigHostsTest, AHostThatNobodyServesIsToldBeforeAnythingElseIsWrong) {
  EXPECT_EQ(serves("https://git.example"), "none");  // although there is no identity here
  EXPECT_TRUE(has(serves("https://api.openai.com"), "no identity: ") ||
              has(serves("https://api.openai.com"), "configuration: "));
}

TEST_F(ConfigHostsTest, TheCommandLinesHostsTakeTheFilesPlace) {
  files(serving("p", R"("a.example")"));
  m_choice.set = {"hosts=b.example,c.example"};
  EXPECT_EQ(serves("https://a.example"), "none");
  EXPECT_EQ(serves("https://c.example"), "p");
  m_choice.set = {"hosts=b.example,c/d"};
  EXPECT_TRUE(
      has(serves("https://a.example"), "configuration: --set hosts: has \"c/d\", which is a host, without"))
      << serves("https://a.example");
}

TEST_F(ConfigHostsTest, TheCommandLinesKindSaysWhoIsServed) {
  m_choice.set = {"subject.provider=place", "subject.path=/t", "exchange.kind=google-sts",
                  "exchange.audience=a"};
  EXPECT_EQ(serves("https://storage.googleapis.com"), "default");
  EXPECT_EQ(serves("https://api.openai.com"), "none");
}

TEST_F(ConfigHostsTest, APatternThatCannotBeOneIsAMistakeOfTheFile) {
  files(serving("p", R"("a.example", "https://b.example/x")"));
  const auto errors = check();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_TRUE(has(errors[0].message, "/etc/wif/config.toml:4:9: ")) << errors[0].message;
  EXPECT_TRUE(has(errors[0].message, "\"https://b.example/x\", which is a host, without a scheme or path"))
      << errors[0].message;
}

}  // namespace
}  // namespace wif
