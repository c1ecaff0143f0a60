// SPDX-License-Identifier: Apache-2.0
// Kinds of exchange, presets and chains, as configuration sees them.
#include <gtest/gtest.h>

#include "config_fixture.hpp"
#include "core/cache.hpp"

namespace wif {
namespace {

const std::string k_subject = "subject = { provider = \"place\", path = \"/t\" }\n";

std::string profile_of(const std::string& name, const std::string& exchange,
                       const std::string& subject = k_subject) {
  return "[profiles." + name + "]\n" + subject + "exchange = { " + exchange + " }\n";
}

std::string value(const std::vector<std::pair<std::string, std::string>>& settings, std::string_view key) {
  for (const auto& [name, text] : settings)
    if (name == key) return text;
  return "unset";
}

// --- presets

TEST_F(ConfigTest, APresetsOwnSettingsBecomeFieldsOfItsBase) {
  m_system.files[k_etc] = profile_of("p", R"(kind = "openrouter", federation_policy_id = "pol-1")");
  const Profile profile = good();
  EXPECT_EQ(profile.exchange.name, "openrouter");
  EXPECT_EQ(profile.exchange.engine_kind(), "rfc8693");
  const auto settings = profile.exchange_part();
  EXPECT_EQ(value(settings, "fields.federation_policy_id"), "pol-1");
  EXPECT_EQ(value(settings, "federation_policy_id"), "unset");
  EXPECT_EQ(value(settings, "url"), "https://openrouter.ai/api/v1/oauth/token");
  EXPECT_EQ(value(settings, "cap_by_subject"), "true");
  EXPECT_EQ(origin(profile, "exchange.url"), "exchange openrouter");
  EXPECT_EQ(profile.get("hosts"), "openrouter.ai");
}

TEST_F(ConfigTest, AProfileMaySayOtherwiseThanItsPreset) {
  m_system.files[k_etc] =
      profile_of("p",
                 R"(kind = "openrouter", federation_policy_id = "x", url = "https://other.example/token")") +
      "hosts = [\"other.example\"]\n";
  const Profile profile = good();
  EXPECT_EQ(profile.get("exchange.url"), "https://other.example/token");
  EXPECT_EQ(profile.get("hosts"), "other.example");
}

TEST_F(ConfigTest, APresetsVariablesAreReadAndItsMissingOnesNamed) {
  m_system.files[k_etc] = profile_of("p", R"(kind = "anthropic")");
  const Error error = bad();
  EXPECT_TRUE(has(error.message, "profile \"p\" doesn't set exchange.federation_rule_id")) << error.message;
  EXPECT_TRUE(has(error.hint, "set ANTHROPIC_FEDERATION_RULE_ID in the environment")) << error.hint;
  m_system.variables["ANTHROPIC_FEDERATION_RULE_ID"] = "fdrl_1";
  m_system.variables["ANTHROPIC_ORGANIZATION_ID"] = "org";
  m_system.variables["ANTHROPIC_SERVICE_ACCOUNT_ID"] = "svac_1";
  const Profile profile = good();
  EXPECT_EQ(origin(profile, "exchange.federation_rule_id"), "ANTHROPIC_FEDERATION_RULE_ID");
  EXPECT_EQ(value(profile.exchange_part(), "fields.federation_rule_id"), "fdrl_1");
}

TEST_F(ConfigTest, TheFirstOfSeveralVariablesThatIsSetCounts) {
  m_system.files[k_etc] = profile_of("p", R"(kind = "aws-sts", role_arn = "arn:aws:iam::1:role/r")");
  m_system.variables["AWS_DEFAULT_REGION"] = "eu-central-1";
  EXPECT_EQ(good().get("exchange.region"), "eu-central-1");
  m_system.variables["AWS_REGION"] = "eu-west-1";
  EXPECT_EQ(good().get("exchange.region"), "eu-west-1");
}

TEST_F(ConfigTest, FieldsTakeAnyNameAndOnlyWhereTheKindSendsThem) {
  m_system.files[k_etc] = profile_of(
      "p", R"(kind = "rfc8693", url = "https://h/t", fields = { connector_id = "k8s", "a.b" = "c" })");
  const auto settings = good().exchange_part();
  EXPECT_EQ(value(settings, "fields.connector_id"), "k8s");
  EXPECT_EQ(value(settings, "fields.a.b"), "c");
  m_choice.set = {"exchange.fields.connector_id=other"};
  EXPECT_EQ(good().get("exchange.fields.connector_id"), "other");
  m_choice.set = {};
  m_system.files[k_etc] = profile_of("p", R"(kind = "rfc8693", url = "https://h/t", fields = { a = 1 })");
  EXPECT_TRUE(has(bad().message, "\"a\" in [profiles.p] exchange.fields must be a string, not an integer"))
      << bad().message;
  m_system.files[k_etc] =
      profile_of("p", R"(identity_provider_id = "i", service_account_id = "s", fields = { a = "b" })");
  EXPECT_TRUE(has(bad().message, "unknown key \"fields\" in [profiles.p] exchange")) << bad().message;
}

TEST_F(ConfigTest, ADroppedInPresetNeedsNoCode) {
  s_modules->write("corp.exchange",
                   "name = \"corp\"\nsummary = \"ours\"\nkind = \"rfc8693\"\nhosts = [\"*.corp\"]\n"
                   "[set]\nurl = \"https://sts.corp/token\"\nfields = { api = \"2\" }\n"
                   "[settings.team]\nrequired = true\n");
  m_system.files[k_etc] = profile_of("p", R"(kind = "corp", team = "blue")");
  const auto settings = good().exchange_part();
  EXPECT_EQ(value(settings, "url"), "https://sts.corp/token");
  EXPECT_EQ(value(settings, "fields.api"), "2");
  EXPECT_EQ(value(settings, "fields.team"), "blue");
  m_system.files[k_etc] = profile_of("p", R"(kind = "corp")");
  EXPECT_TRUE(has(bad().message, "doesn't set exchange.team")) << bad().message;
}

// It is handed around by value, and the catalogue is a local of whoever made it.
TEST_F(ConfigTest, AProfileOutlivesTheCatalogueOfItsDroppedInParts) {
  s_modules->write("corp.exchange",
                   "name = \"corp\"\nsummary = \"ours\"\nkind = \"rfc8693\"\n"
                   "[set]\nurl = \"https://sts.corp/token\"\n[settings.team]\nhelp = \"the team\"\n");
  m_system.files[k_etc] = profile_of("p", R"(kind = "corp", team = "blue")");
  std::optional<Profile> profile;
  {
    Catalogue catalogue(m_system);
    auto found = Config::load(m_system, {})->profile(catalogue);
    ASSERT_TRUE(found) << found.error().message;
    profile = std::move(*found);
  }
  EXPECT_EQ(profile->provider.name, "place");
  EXPECT_EQ(profile->exchange.name, "corp");
  EXPECT_EQ(value(profile->exchange_part(), "fields.team"), "blue");
}

std::string preset_error(const std::string& toml) {
  const auto loaded = LoadedPreset::parse(toml, "/m/x.exchange");
  if (loaded) return "no error";
  EXPECT_EQ(loaded.error().category, Category::configuration);
  return loaded.error().message;
}

TEST(Preset, MistakesAreNamedWithTheirPlace) {
  const std::string head = "name = \"x\"\nkind = \"rfc8693\"\n";
  const std::pair<std::string, const char*> rows[] = {
      {"kind = \"rfc8693\"", ":1:1: 'name' is missing"},
      {"name = \"y\"\nkind = \"rfc8693\"", "so the file has to be 'y.exchange'"},
      {"name = \"x\"", "'kind' is missing"},
      {"name = \"x\"\nkind = \"rfc8963\"",
       ":2:8: 'rfc8963' is no kind that a preset can be made of (rfc8693, jwt-bearer); the nearest is 'rfc8693'"},
      {"name = \"x\"\nkind = \"openai\"", "'openai' is no kind that a preset can be made of"},
      {head + "colour = 1", ":3:1: unknown key 'colour'"},
      {head + "[set]\nulr = \"https://h\"",
       ":4:1: exchange 'rfc8693' has no setting 'ulr'; the nearest is 'url'"},
      {head + "[set]\nurl = 3", ":4:7: 'url' has to be a string"},
      {head + "[set]\nfields = \"a\"", "'fields' has to be a table of strings"},
      {head + "[set]\nlifetime = \"long\"", "'lifetime' has to be a duration"},
      {head + "[settings.scope]\nhelp = \"h\"", "exchange 'rfc8693' has a setting 'scope' already"},
      {head + "[settings.kind]\nhelp = \"h\"", "'kind' has a meaning of its own in a profile"},
      {head + "hosts = \"h\"", "'hosts' has to be a list of strings"},
      {head + "audience = 1", "'audience' has to be a string"},
      {head + "[prefixes]\ncolour = \"a\"", ":4:1: there is no setting 'colour'"},
      {head + "prefixes = \"a\"", "'prefixes' has to be a table of strings"},
  };
  for (const auto& [toml, message] : rows)
    EXPECT_TRUE(has(preset_error(toml), message)) << preset_error(toml);
  EXPECT_TRUE(has(preset_error("name = \"openai\"\nkind = \"rfc8693\""), "so the file has to be"));
}

TEST(Preset, SaysHowValuesOfItsOwnAndItsKindsSettingsBegin) {
  const auto loaded = LoadedPreset::parse(
      "name = \"x\"\nkind = \"rfc8693\"\n[settings.rule]\nhelp = \"h\"\n[prefixes]\nrule = \"r_\"\nscope = \"s\"\n",
      "/m/x.exchange");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->get().prefixes.size(), 2U);
}

// A token for OpenAI is no other server's to have.
TEST_F(ConfigTest, TheAudienceThatNobodySaysIsTheExchangesOwn) {
  const char* subject = "subject = { provider = \"github\" }\n";
  m_system.variables["OPENAI_WIF_AUDIENCE"] = "openai-by-variable";
  const auto audience = [&](const char* exchange, bool with_variable = true) {
    if (!with_variable) m_system.variables.erase("OPENAI_WIF_AUDIENCE");
    m_system.files[k_etc] = profile_of("p", exchange, subject);
    return std::string(good().get("subject.audience"));
  };
  EXPECT_EQ(audience(R"(identity_provider_id = "i", service_account_id = "s")"), "openai-by-variable");
  EXPECT_EQ(audience(R"(kind = "none")"), "openai-by-variable");
  EXPECT_EQ(audience(R"(kind = "rfc8693", url = "https://h/t")"), "");
  EXPECT_EQ(audience(R"(kind = "aws-sts", role_arn = "arn:aws:iam::1:role/r")"), "sts.amazonaws.com");
  EXPECT_EQ(
      audience(
          R"(kind = "anthropic", federation_rule_id = "fdrl_1", organization_id = "o", service_account_id = "svac_1")"),
      "https://api.anthropic.com");
  EXPECT_EQ(audience(R"(identity_provider_id = "i", service_account_id = "s")", false),
            "https://api.openai.com/v1");
}

TEST_F(ConfigTest, ARequiredAudienceOfAnotherExchangeIsNotOpenAisVariables) {
  const auto hint = [&](const char* exchange) {
    m_system.files[k_etc] = profile_of("p", exchange, "subject = { provider = \"azure\" }\n");
    Catalogue catalogue(m_system);
    const auto profile = Config::load(m_system, m_choice)->profile(catalogue);
    return profile ? std::string("no error") : profile.error().hint;
  };
  EXPECT_TRUE(has(hint(R"(identity_provider_id = "i", service_account_id = "s")"), "OPENAI_WIF_AUDIENCE"));
  EXPECT_FALSE(has(hint(R"(kind = "rfc8693", url = "https://h/t")"), "OPENAI_WIF_AUDIENCE"));
  EXPECT_TRUE(has(hint(R"(kind = "rfc8693", url = "https://h/t")"), "set subject.audience"));
}

TEST(Preset, TheBuiltInOnesAreInOrderAndSayWhomTheyServe) {
  std::string last;
  for (const auto& preset : built_in_presets()) {
    EXPECT_LT(last, preset.name);
    EXPECT_NE(exchange_kind(preset.base), nullptr) << preset.name;
    EXPECT_FALSE(preset.summary.empty()) << preset.name;
    last = preset.name;
  }
  EXPECT_FALSE(last.empty());
}

// --- chains

TEST_F(ConfigTest, AChainIsResolvedToItsFirstProfile) {
  m_system.files[k_etc] = profile_of("dex", R"(kind = "rfc8693", url = "https://dex/token")") +
                          profile_of("app", R"(identity_provider_id = "i", service_account_id = "s")",
                                     "subject = { profile = \"dex\" }\n");
  m_choice.profile = "app";
  const Profile profile = good();
  EXPECT_EQ(profile.provider.name, "");
  ASSERT_EQ(profile.links.size(), 1U);
  EXPECT_EQ(profile.links[0].role, "subject");
  EXPECT_EQ(profile.links[0].profile->name, "dex");
  EXPECT_EQ(profile.links[0].profile->provider.name, "place");
}

TEST_F(ConfigTest, AnActorIsALinkToo) {
  m_system.files[k_etc] = profile_of("me", R"(kind = "none")") +
                          profile_of("app", R"(kind = "rfc8693", url = "https://h/t", actor_profile = "me")");
  m_choice.profile = "app";
  const Profile profile = good();
  ASSERT_EQ(profile.links.size(), 1U);
  EXPECT_EQ(profile.links[0].role, "actor");
  EXPECT_EQ(profile.provider.name, "place");
}

TEST_F(ConfigTest, SetChangesTheFirstProfileOfAChainOnly) {
  m_system.files[k_etc] = profile_of("dex", R"(kind = "rfc8693", url = "https://dex/token")") +
                          profile_of("app", R"(kind = "rfc8693", url = "https://app/token")",
                                     "subject = { profile = \"dex\" }\n");
  m_choice.profile = "app";
  m_choice.set = {"exchange.url=https://set/token"};
  const Profile profile = good();
  EXPECT_EQ(profile.get("exchange.url"), "https://set/token");
  EXPECT_EQ(profile.links.at(0).profile->get("exchange.url"), "https://dex/token");
}

TEST_F(ConfigTest, ALoopIsRefusedByName) {
  const std::string exchange = R"(kind = "rfc8693", url = "https://h/t")";
  m_system.files[k_etc] = profile_of("a", exchange, "subject = { profile = \"b\" }\n") +
                          profile_of("b", exchange, "subject = { profile = \"c\" }\n") +
                          profile_of("c", exchange, "subject = { profile = \"a\" }\n");
  m_choice.profile = "a";
  const Error error = bad();
  EXPECT_TRUE(has(error.message, "config.toml:8:13: subject.profile makes a loop: a -> b -> c -> a"))
      << error.message;
  const auto errors = check();
  ASSERT_EQ(errors.size(), 3U);  // from each of the three
}

TEST_F(ConfigTest, AChainToNowhereNamesWhoAskedForIt) {
  m_system.files[k_etc] = profile_of("app", R"(identity_provider_id = "i", service_account_id = "s")",
                                     "subject = { profile = \"dx\" }\n") +
                          profile_of("dex", R"(kind = "none")");
  m_choice.profile = "app";
  const Error error = bad();
  EXPECT_TRUE(has(error.message, "there is no profile \"dx\" (asked for by profile \"app\")"))
      << error.message;
  EXPECT_EQ(error.hint, "did you mean \"dex\"?");
  ASSERT_EQ(check().size(), 1U);
}

TEST_F(ConfigTest, AProviderAndAProfileAreOneTooMany) {
  m_system.files[k_etc] = profile_of("dex", R"(kind = "none")") +
                          profile_of("app", R"(identity_provider_id = "i", service_account_id = "s")",
                                     "subject = { profile = \"dex\", provider = \"place\" }\n");
  m_choice.profile = "app";
  EXPECT_TRUE(has(bad().message, "subject.provider is set, and so is subject.profile")) << bad().message;
}

// --- and the binding

TEST_F(ConfigTest, TheBindingFollowsALinksIdentity) {
  m_system.files[k_etc] = profile_of("dex", R"(kind = "rfc8693", url = "https://dex/token")",
                                     "subject = { provider = \"file\", path = \"/t\" }\n") +
                          profile_of("app", R"(kind = "rfc8693", url = "https://app/token")",
                                     "subject = { profile = \"dex\" }\n");
  m_choice.profile = "app";
  m_system.files["/t"] = "one.token";
  const auto first = make_binding(m_system, good());
  m_system.files["/t"] = "another.token";
  const auto second = make_binding(m_system, good());
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  const auto linked = make_binding(m_system, *good().links.at(0).profile);
  ASSERT_TRUE(linked);
  EXPECT_TRUE(links_to(*second, "subject", *linked));
  EXPECT_FALSE(links_to(*first, "subject", *linked));
  EXPECT_FALSE(links_to(*second, "actor", *linked));
}

}  // namespace
}  // namespace wif
