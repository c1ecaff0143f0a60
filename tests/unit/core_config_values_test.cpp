// SPDX-License-Identifier: Apache-2.0
// What a profile effectively is: where each value comes from, and in which order.
#include "config_fixture.hpp"

namespace wif {
namespace {

// --- no file at all, and what a file leaves open

TEST_F(ConfigTest, NoFileIsNeededWhereTheEnvironmentSaysItAll) {
  ids();
  m_system.variables["PLACE_TOKEN_FILE"] = "/tok";
  m_system.variables["OPENAI_WIF_AUDIENCE"] = "aud";
  const Profile p = good();
  EXPECT_EQ(p.name, "default");
  EXPECT_EQ(p.provider.name, "place");
  EXPECT_EQ(p.exchange.name, "openai");
  EXPECT_EQ(p.get("exchange.identity_provider_id"), "idp_env");
  EXPECT_EQ(origin(p, "exchange.identity_provider_id"), "OPENAI_IDENTITY_PROVIDER_ID");
  EXPECT_EQ(origin(p, "exchange.service_account_id"), "OPENAI_SERVICE_ACCOUNT_ID");
  EXPECT_EQ(origin(p, "subject.audience"), "OPENAI_WIF_AUDIENCE");
  EXPECT_EQ(p.get("subject.path"), "/tok");
  EXPECT_TRUE(has(origin(p, "subject.path"), "detected: "));
}

TEST_F(ConfigTest, PrecedenceIsSetThenFileThenEnvironmentThenDetectionThenDefault) {
  ids();
  m_system.variables["PLACE_TOKEN_FILE"] = "/implied";
  m_system.variables["OPENAI_WIF_AUDIENCE"] = "env";
  m_system.files[k_etc] = "[profiles.p.subject]\nprovider = \"place\"\n";
  EXPECT_EQ(good().get("subject.audience"), "env");
  EXPECT_EQ(good().get("subject.path"), "/implied");
  EXPECT_EQ(good().get("subject.wait"), "30s");
  EXPECT_EQ(origin(good(), "subject.wait"), "default");
  m_system.files[k_etc] += "audience = \"file\"\npath = \"/file\"\n";
  EXPECT_EQ(good().get("subject.audience"), "file");
  EXPECT_EQ(good().get("subject.path"), "/file");
  EXPECT_EQ(origin(good(), "subject.path"), "/etc/wif/config.toml:4:1");
  m_choice.set = {"subject.audience=first", "subject.audience=set"};
  EXPECT_EQ(good().get("subject.audience"), "set");
  EXPECT_EQ(origin(good(), "subject.audience"), "--set");
}

TEST_F(ConfigTest, AudienceFromTheEnvironmentOnlyGoesToAProviderThatTakesIt) {
  ids();
  m_system.variables["OPENAI_WIF_AUDIENCE"] = "aud";
  m_choice.set = {"subject.provider=env", "subject.variable=TOKEN"};
  EXPECT_EQ(origin(good(), "subject.audience"), "unset");
}

TEST_F(ConfigTest, MissingIdsAreErrorsThatNameSettingFileAndVariable) {
  m_system.files[k_etc] = "\n[profiles.prod.subject]\nprovider = \"place\"\npath = \"/t\"\n";
  const Error error = bad();
  EXPECT_TRUE(has(error.message,
                  "/etc/wif/config.toml:2:11: profile \"prod\" doesn't set exchange.identity_provider_id"))
      << error.message;
  EXPECT_TRUE(has(error.hint, "OPENAI_IDENTITY_PROVIDER_ID")) << error.hint;
  m_system.files.clear();
  m_system.variables["PLACE_TOKEN_FILE"] = "/t";
  EXPECT_TRUE(has(bad().message, "exchange.identity_provider_id is not set"));
}

TEST_F(ConfigTest, ARequiredProviderSettingThatNobodySetsIsAnError) {
  ids();
  m_choice.set = {"subject.provider=place"};
  EXPECT_TRUE(has(bad().message, "subject.path is not set (a file)"));
}

// --- providers

TEST_F(ConfigTest, NoProviderFoundIsNoIdentityAndTellsWhatWasLookedFor) {
  ids();
  const Error error = bad(Category::no_identity);
  EXPECT_TRUE(has(error.message, "place: ")) << error.message;
  EXPECT_TRUE(has(error.message, "PLACE_TOKEN_FILE")) << error.message;
  EXPECT_TRUE(has(error.hint, "wif providers"));
}

TEST_F(ConfigTest, AutoIsWhatDetectionSays) {
  m_system.files[k_etc] = whole("p");
  m_system.variables["PLACE_TOKEN_FILE"] = "/implied";
  m_choice.set = {"subject.provider=auto"};
  const Profile p = good();
  EXPECT_EQ(p.provider.name, "place");
  EXPECT_TRUE(has(p.provider_why, "PLACE_TOKEN_FILE")) << p.provider_why;
  EXPECT_TRUE(has(origin(p, "subject.provider"), "detected: "));
  EXPECT_EQ(p.get("subject.path"), "/t");
  m_choice.set.clear();
  EXPECT_EQ(good().provider_why, "configured");
  EXPECT_EQ(origin(good(), "subject.provider"), "/etc/wif/config.toml:2:13");
}

TEST_F(ConfigTest, AnUnknownProviderIsAnErrorWithItsPlace) {
  m_system.files[k_etc] = "[profiles.p]\nsubject = { provider = \"plcae\" }\n";
  EXPECT_TRUE(has(bad().message, "/etc/wif/config.toml:2:13: ")) << bad().message;
  EXPECT_TRUE(has(bad().message, "plcae"));
}

TEST_F(ConfigTest, SetMayNameAnotherProviderThanTheFile) {
  m_system.files[k_etc] = whole("p");
  m_choice.set = {"subject.provider=env", "subject.variable=TOKEN"};
  EXPECT_EQ(good().provider.name, "env");
  EXPECT_EQ(origin(good(), "subject.path"), "unset");
}

// --- values

TEST_F(ConfigTest, InlineTablesAndSubTablesMeanTheSame) {
  m_system.files[k_etc] = whole("p") + "expect = { scopes = [\"a\", \"b\"], claims = { sub = \"x*\" } }\n";
  const Profile inlined = good();
  m_system.files[k_etc] =
      "[profiles.p.subject]\nprovider = \"place\"\npath = \"/t\"\naudience = \"a\"\n"
      "[profiles.p.exchange]\nidentity_provider_id = \"idp\"\nservice_account_id = \"sa\"\n"
      "[profiles.p.expect]\nscopes = [\n  \"a\",\n  \"b\" ]\n[profiles.p.expect.claims]\nsub = \"x*\"\n";
  const Profile tables = good();
  ASSERT_EQ(inlined.settings.size(), tables.settings.size());
  for (const auto& [key, setting] : inlined.settings) EXPECT_EQ(setting.value, tables.get(key)) << key;
  EXPECT_EQ(tables.get("expect.scopes"), "a\nb");
  EXPECT_EQ(tables.get("expect.claims.sub"), "x*");
}

TEST_F(ConfigTest, ClaimsMayHaveAnyName) {
  m_system.files[k_etc] = whole("p") + "[profiles.p.expect.claims]\n\"https://x.example/y.z\" = \"1\"\n";
  EXPECT_EQ(good().get("expect.claims.https://x.example/y.z"), "1");
}

TEST_F(ConfigTest, GoodValuesOfEveryTypeAreKeptAsText) {
  m_system.files[k_etc] =
      whole("p") + "cache = { refresh = \"inline\", min_ttl = 90 }\ndescription = \"d\"\n" +
      "[profiles.q.subject]\nprovider = \"place\"\npath = \"~/t\"\ncount = 3\nflag = false\n" +
      "wait = \"2m\"\nargs = []\n";
  ids();
  m_choice.profile = "q";
  const Profile q = good();
  EXPECT_EQ(q.get("subject.count"), "3");
  EXPECT_EQ(q.get("subject.flag"), "false");
  EXPECT_EQ(q.get("subject.wait"), "2m");
  EXPECT_EQ(origin(q, "subject.args"), "/etc/wif/config.toml:12:1");
  EXPECT_EQ(q.get("cache.refresh"), "background");
  EXPECT_EQ(q.get("cache.min_ttl"), "2m");
  m_choice.profile = "p";
  EXPECT_EQ(good().get("cache.refresh"), "inline");
  EXPECT_EQ(good().get("cache.min_ttl"), "90");
}

TEST_F(ConfigTest, StringsAreOneOrSeveral) {
  ids();
  const std::pair<const char*, const char*> rows[] = {{"\"a,b\"", "a,b"}, {"[\"a\", \"b\"]", "a\nb"}};
  for (const auto& [text, value] : rows) {
    m_system.files[k_etc] =
        "[profiles.p.subject]\nprovider = \"place\"\npath = \"/t\"\nlabels = " + std::string(text) + "\n";
    EXPECT_EQ(good().get("subject.labels"), value);
  }
  m_choice.set = {"subject.labels=a, b"};
  EXPECT_EQ(good().get("subject.labels"), "a\nb");
}

TEST_F(ConfigTest, AStringGoesOnWithAnyCharacterInItsNextLine) {
  m_system.files[k_etc] = whole("p", "\"\"\\\n  §\"\"");  // toml++'s issue 190
  EXPECT_EQ(good().get("subject.audience"), "§");
}

TEST_F(ConfigTest, ATildeBeginsAPathAtHome) {
  m_choice.set = {"subject.provider=place",    "subject.path=~/t",     "subject.audience=~/no",
                  "exchange.ca_file=~/ca.pem", "expect.jwks_file=rel", "exchange.ca_dir=~x/y"};
  ids();
  const Profile p = good();
  EXPECT_EQ(p.get("subject.path"), "/home/u/t");
  EXPECT_EQ(p.get("subject.audience"), "~/no");
  EXPECT_EQ(p.get("exchange.ca_file"), "/home/u/ca.pem");
  EXPECT_EQ(p.get("expect.jwks_file"), "rel");
  EXPECT_EQ(p.get("exchange.ca_dir"), "~x/y");
}

TEST_F(ConfigTest, PartGivesShortNamesWithoutTheChoosers) {
  m_system.files[k_etc] = whole("p");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(good().part("subject."),
            (Pairs{{"audience", "a"}, {"flag", "true"}, {"path", "/t"}, {"wait", "30s"}}));
  EXPECT_EQ(good().part("exchange."), (Pairs{{"identity_provider_id", "idp"},
                                             {"service_account_id", "sa"},
                                             {"url", "https://auth.openai.com/oauth/token"}}));
  EXPECT_EQ(good().get("exchange.kind"), "openai");
}

// --- --set

TEST_F(ConfigTest, SetWorksWithoutAnyProfileAndTakesLists) {
  m_choice.set = {"subject.provider=place", "subject.path=/t", "exchange.identity_provider_id=i=j",
                  "exchange.service_account_id=s", "hosts=a.example, b.example"};
  const Profile p = good();
  EXPECT_EQ(p.name, "default");
  EXPECT_EQ(p.get("exchange.identity_provider_id"), "i=j");
  EXPECT_EQ(p.get("hosts"), "a.example\nb.example");
}

}  // namespace
}  // namespace wif
