// SPDX-License-Identifier: Apache-2.0
// What is wrong in a file or in --set is told with its place, by profile() or by check().
#include "config_fixture.hpp"

#include <iterator>

namespace wif {
namespace {

// --- schema

TEST_F(ConfigTest, AnUnknownKeyIsAnErrorWithItsPlaceAndTheNearest) {
  struct Row {
    const char* text;
    const char* message;
    const char* hint;
  };
  const Row rows[] = {
      {"subject = { provider = \"place\", audiance = \"x\" }",
       ":2:33: unknown key \"audiance\" in [profiles.p] subject", "did you mean \"audience\"?"},
      {"exchange = { identity_provider = \"x\" }",
       ":2:14: unknown key \"identity_provider\" in [profiles.p] exchange",
       "did you mean \"identity_provider_id\"?"},
      {"cache = { refesh = \"off\" }", ":2:11: unknown key \"refesh\" in [profiles.p] cache",
       "did you mean \"refresh\"?"},
      {"expect = { isuer = \"x\" }", ":2:12: unknown key \"isuer\" in [profiles.p] expect",
       "did you mean \"issuer\"?"},
      {"exchnage = {}", ":2:1: unknown key \"exchnage\" in [profiles.p]", "did you mean \"exchange\"?"},
      {"min_ttl = 3", ":2:1: unknown key \"min_ttl\" in [profiles.p]", "did you mean \"cache.min_ttl\"?"},
      {"zzzzzz = 3", ":2:1: unknown key \"zzzzzz\" in [profiles.p]",
       "known keys: subject, exchange, cache, expect, hosts, audit, description"},
      {"\"subject.audience\" = \"x\"", ":2:1: unknown key",
       "a quoted key is one name: write it without quotes"},
  };
  m_system.variables["PLACE_TOKEN_FILE"] = "/t";
  for (const Row& row : rows) {
    m_system.files[k_etc] = "[profiles.p]\n" + std::string(row.text) + "\n";
    const Error error = bad();
    EXPECT_TRUE(has(error.message, std::string(k_etc) + row.message)) << error.message;
    EXPECT_EQ(error.hint, row.hint);
  }
  m_system.files[k_etc] = "defualt_profile = \"p\"\n";
  EXPECT_TRUE(has(bad().message, ":1:1: unknown key \"defualt_profile\" at the top of the file"));
  EXPECT_EQ(bad().hint, "did you mean \"default_profile\"?");
}

TEST_F(ConfigTest, AWrongTypeIsAnErrorWithThePlaceOfTheValue) {
  const std::pair<const char*, const char*> rows[] = {
      {"subject = { audience = 3 }",
       ":2:24: \"audience\" in [profiles.p] subject must be a string, not an integer"},
      {"subject = { count = \"3\" }",
       ":2:21: \"count\" in [profiles.p] subject must be an integer, not a string"},
      {"subject = { flag = \"true\" }",
       ":2:20: \"flag\" in [profiles.p] subject must be a boolean, not a string"},
      {"subject = { wait = \"soon\" }",
       ":2:20: \"wait\" in [profiles.p] subject must be a duration such as \"2m\", not \"soon\""},
      {"subject = { wait = true }", "must be a duration such as \"2m\", not a boolean"},
      {"subject = { wait = -1 }", "must be a duration such as \"2m\", not \"-1\""},
      {"subject = { args = \"x\" }", "must be a list of strings, not a string"},
      {"subject = { args = [\"x\", 3] }", "must be a list of strings only"},
      {"subject = { labels = 3 }", "must be a string or a list of strings, not an integer"},
      {"subject = { labels = [3] }", "must be a list of strings only"},
      {"subject = { args = [\"x\\ny\"] }", "must not have line breaks"},
      {"subject = { audience = 1.5 }", "not a floating-point number"},
      {"subject = { audience = {} }", "must be a string, not a table"},
      {"subject = \"place\"", ":2:11: \"subject\" in [profiles.p] must be a table, not a string"},
      {"cache = { refresh = \"never\" }", "must be \"background\", \"inline\" or \"off\", not \"never\""},
      {"exchange = { kind = \"opnai\" }", ":2:14: unknown exchange 'opnai'; the nearest is 'openai'"},
      {"expect = { claims = { sub = 3 } }",
       "\"sub\" in [profiles.p] expect.claims must be a string, not an integer"},
      {"hosts = \"x\"", ":2:9: \"hosts\" in [profiles.p] must be a list of strings, not a string"},
  };
  m_system.variables["PLACE_TOKEN_FILE"] = "/t";
  for (const auto& [text, message] : rows) {
    m_system.files[k_etc] = "[profiles.p]\n" + std::string(text) + "\n";
    EXPECT_TRUE(has(bad().message, message)) << bad().message;
  }
  m_system.files[k_etc] = "default_profile = 3\n";
  EXPECT_TRUE(has(bad().message, ":1:19: \"default_profile\" must be a string, not an integer"));
  m_system.files[k_etc] = "[profiles]\np = 3\n";
  EXPECT_TRUE(has(bad().message, ":2:1: \"p\" in [profiles] must be a table, not an integer"))
      << bad().message;
}

TEST_F(ConfigTest, CharactersThatBeginNoKeyAreErrors) {
  // toml++ asserts the first, and takes the others to be impossible.
  for (const char* text : {"[=]", "[é]", "clé = 1", "k = 1 é", "k = { é = 1 }"}) {
    m_system.files[k_etc] = text;
    EXPECT_TRUE(has(bad().message, "/etc/wif/config.toml:1:")) << bad().message;
  }
}

// --- --set

TEST_F(ConfigTest, SetIsCheckedAsAFileIs) {
  const std::pair<const char*, const char*> rows[] = {
      {"subject.audiance=x", "--set subject.audiance: unknown key"},
      {"subject.count=x", "--set subject.count: must be an integer, not \"x\""},
      {"subject.flag=yes", "--set subject.flag: must be a boolean, not \"yes\""},
      {"subject.wait=soon", "--set subject.wait: must be a duration"},
      {"cache.refresh=no", "--set cache.refresh: must be"},
      {"exchange.kind=x", "--set exchange.kind: unknown exchange 'x'"},
      {"exchange.fields=x", "--set exchange.fields: unknown key"},
  };
  m_system.files[k_etc] = whole("p");
  for (const auto& [set, message] : rows) {
    m_choice.set = {set};
    EXPECT_TRUE(has(bad().message, message)) << bad().message;
  }
  m_choice.set = {"subject.audiance=x"};
  EXPECT_EQ(bad().hint, "did you mean \"audience\"?");
  m_choice.set = {"subject.provider=nowhere"};
  EXPECT_TRUE(has(bad().message, "--set subject.provider: ")) << bad().message;
  for (const char* set : {"subject.audience", "=x"}) {
    m_choice.set = {set};
    bad(Category::usage);
  }
}

// --- one profile of several

TEST_F(ConfigTest, AMistakeInAProfileThatIsNotAskedForIsLeftToCheck) {
  m_system.files[k_etc] = "default_profile = \"a\"\n" + whole("a") + "[profiles.b]\nbroken = \n";
  EXPECT_EQ(good().name, "a");
  EXPECT_EQ(check().size(), 1U);
}

TEST_F(ConfigTest, ADuplicateProfileIsAnErrorWithBothLines) {
  m_system.files[k_etc] = whole("p") + whole("p");
  EXPECT_TRUE(has(bad().message, "/etc/wif/config.toml:4:1: [profiles.p] was there before, in line 1"))
      << bad().message;
  m_system.files[k_etc] += "description = '''x'''\n";
  EXPECT_TRUE(has(bad().message, "/etc/wif/config.toml:4:1: [profiles.p] was there before, in line 1"))
      << bad().message;
}

// --- check

TEST_F(ConfigTest, CheckTellsEveryMistakeOfEveryFile) {
  ids();
  m_system.files[k_etc] = "default_profile = \"gone\"\nx = 1\n" + whole("a") +
                          "cache = { refesh = 1, min_ttl = [] }\n" +
                          "[profiles.b]\nsubject = { provider = \"plcae\" }\nhosts = 3\n";
  m_system.files[k_user] =
      "[profiles.c]\nk = \n[profiles.d]\nk = \n[profiles.e]\nbad = 1\n[profiles.e]\n[profiles.f]\nnot = 1\n";
  const char* expected[] = {
      "config.toml:2:1: unknown key \"x\"",
      "config.toml:6:11: unknown key \"refesh\"",
      "config.toml:6:33: \"min_ttl\"",
      "config.toml:8:13: unknown provider",
      "config.toml:9:9: \"hosts\"",
      ".config/wif/config.toml:7:1: [profiles.e] was there before, in line 5",
      ".config/wif/config.toml:2:",
      ".config/wif/config.toml:4:",
      ".config/wif/config.toml:9:1: unknown key \"not\"",
      "/etc/wif/config.toml:1:1: default_profile \"gone\" does not exist",
  };
  const auto errors = check();
  std::string all;
  for (const auto& error : errors) all += error.message + "\n";
  for (const char* part : expected) EXPECT_TRUE(has(all, part)) << part << " in\n" << all;
  EXPECT_EQ(errors.size(), std::size(expected)) << all;
}

TEST_F(ConfigTest, CheckTellsMissingIdsButNotThatThisMachineHasNoIdentity) {
  m_system.files[k_etc] = "[profiles.a]\nsubject = { path = \"/t\" }\n";
  const auto errors = check();
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_TRUE(has(errors[0].message,
                  "/etc/wif/config.toml:1:11: profile \"a\" doesn't set exchange.identity_provider_id"));
  ids();
  EXPECT_TRUE(check().empty());
  m_system.files[k_etc] = whole("a");
  EXPECT_TRUE(check().empty());
}

}  // namespace
}  // namespace wif
