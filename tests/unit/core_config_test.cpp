// SPDX-License-Identifier: Apache-2.0
#include "core/config.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>

#include "core/config_layer.hpp"
#include "core/config_sections.hpp"

namespace wif {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_etc = "/etc/wif/config.toml";
constexpr const char* k_user = "/home/u/.config/wif/config.toml";

// One provider of the tests' own, so that they don't depend on what the built-in ones take.
constexpr const char* k_module = R"(
name = "place"
summary = "for tests"
[settings.audience]
help = "the audience"
[settings.path]
help = "a file"
required = true
[settings.count]
type = "integer"
[settings.flag]
type = "boolean"
default = true
[settings.wait]
type = "duration"
default = "30s"
[settings.args]
type = "list"
[settings.labels]
type = "strings"
[[detect]]
rank = 0
variables = ["PLACE_TOKEN_FILE"]
set = { path = "$PLACE_TOKEN_FILE" }
)";

// Files and variables in memory; only the module's folder is looked for on the disk, where its owner is checked.
class MemorySystem : public System {
 public:
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;
  std::vector<std::string> unreadable;
  std::string disk;
  bool raised = false;
  mutable std::map<std::string, int> reads;

  Now now() const override { return {}; }
  std::optional<std::string> variable(const char* name) const override {
    const auto found = variables.find(name);
    if (found == variables.end() || found->second.empty()) return {};
    return found->second;
  }
  std::optional<std::string> trusted_variable(const char* name) const override {
    if (raised && std::string_view(name) != "WIF_MODULE_PATH") return {};
    return variable(name);
  }
  std::optional<std::string> read(const std::string& path) const override {
    if (on_disk(path)) return real_system().read(path);
    ++reads[path];
    errno = std::find(unreadable.begin(), unreadable.end(), path) != unreadable.end() ? EACCES : ENOENT;
    const auto found = files.find(path);
    if (errno == EACCES || found == files.end()) return {};
    return found->second;
  }
  bool exists(const std::string& path) const override {
    return on_disk(path) ? real_system().exists(path) : files.count(path) != 0;
  }
  std::string host_name() const override { return "host"; }
  std::string boot_id() const override { return "boot"; }
  std::uint32_t user_id() const override { return geteuid(); }

 private:
  bool on_disk(const std::string& path) const {
    return !disk.empty() && path.compare(0, disk.size(), disk) == 0;
  }
};

// A new folder that check_trusted_path accepts; /tmp is none.
std::string trusted_folder() {
  const char* home = getenv("HOME");
  for (std::string base :
       {std::string(home == nullptr ? "." : home), fs::current_path().string(), std::string("/run")}) {
    std::string path = base + "/.wif-test-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) continue;
    if (check_trusted_path(path)) return path;
    fs::remove_all(path);
  }
  return {};
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

class ConfigTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    s_modules = trusted_folder();
    if (!s_modules.empty()) std::ofstream(s_modules + "/place.module") << k_module;
  }
  static void TearDownTestSuite() {
    if (!s_modules.empty()) fs::remove_all(s_modules);
  }
  void SetUp() override {
    ASSERT_FALSE(s_modules.empty())
        << "these tests need a folder that nobody else can write to: HOME, here, or /run";
    m_system.disk = s_modules;
    m_system.variables = {{"HOME", "/home/u"}, {"WIF_MODULE_PATH", s_modules}};
  }

  Result<Profile> profile() {
    TRY_ASSIGN(const Config config, Config::load(m_system, m_choice));
    return config.profile(m_catalogue.emplace(m_system));
  }
  Profile good() {
    auto result = profile();
    if (result) return *result;
    ADD_FAILURE() << result.error().message << "\n" << result.error().hint;
    return {};
  }
  Error bad(Category category = Category::configuration) {
    auto result = profile();
    if (result) {
      ADD_FAILURE() << "no error";
      return {};
    }
    EXPECT_EQ(result.error().category, category) << result.error().message;
    return result.error();
  }
  std::vector<Error> check() {
    auto config = Config::load(m_system, m_choice);
    EXPECT_TRUE(config);
    return config->check(m_catalogue.emplace(m_system));
  }
  // A profile that lacks nothing.
  static std::string whole(const std::string& name, const std::string& audience = "a") {
    return "[profiles." + name + "]\nsubject = { provider = \"place\", path = \"/t\", audience = \"" +
           audience + "\" }\nexchange = { identity_provider_id = \"idp\", service_account_id = \"sa\" }\n";
  }
  void ids() {
    m_system.variables["OPENAI_IDENTITY_PROVIDER_ID"] = "idp_env";
    m_system.variables["OPENAI_SERVICE_ACCOUNT_ID"] = "sa_env";
  }

  static inline std::string s_modules;
  MemorySystem m_system;
  ConfigChoice m_choice;
  std::optional<Catalogue> m_catalogue;  // outlives the profiles, whose descriptors view it
};

std::string origin(const Profile& profile, const char* key) {
  const auto found = profile.settings.find(key);
  return found == profile.settings.end() ? "unset" : found->second.origin;
}

// --- layers

TEST_F(ConfigTest, ALaterFilesProfileReplacesTheWholeOfAnEarlierOne) {
  m_system.files[k_etc] = whole("prod", "system") + "hosts = [\"a.example\"]\n" + whole("other", "system");
  m_system.files[k_user] = "default_profile = \"prod\"\n" + whole("prod", "user");
  EXPECT_EQ(good().get("subject.audience"), "user");
  EXPECT_EQ(good().get("hosts"), "");
  m_choice.profile = "other";
  EXPECT_EQ(good().get("subject.audience"), "system");
}

TEST_F(ConfigTest, ALaterDefaultProfileWins) {
  m_system.files[k_etc] = "default_profile = \"a\"\n" + whole("a") + whole("b");
  EXPECT_EQ(good().name, "a");
  m_system.files[k_user] = "default_profile = \"b\"\n";
  EXPECT_EQ(good().name, "b");
}

TEST_F(ConfigTest, XdgConfigHomeStandsForDotConfigIfItIsAbsolute) {
  m_system.files["/xdg/wif/config.toml"] = whole("xdg");
  m_system.files[k_user] = whole("home");
  EXPECT_EQ(good().name, "home");
  m_system.variables["XDG_CONFIG_HOME"] = "/xdg";
  EXPECT_EQ(good().name, "xdg");
  m_system.variables["XDG_CONFIG_HOME"] = "xdg";
  EXPECT_EQ(good().name, "home");
}

TEST_F(ConfigTest, ANamedFileStandsForBothAndHasToExist) {
  m_system.files[k_etc] = whole("etc");
  m_system.files["/w.toml"] = whole("w");
  m_system.files["/c.toml"] = whole("c");
  m_system.variables["WIF_CONFIG"] = "/w.toml";
  EXPECT_EQ(good().name, "w");
  m_choice.file = "/c.toml";
  EXPECT_EQ(good().name, "c");
  m_choice.file = "/none.toml";
  const Error error = bad();
  EXPECT_TRUE(has(error.message, "/none.toml (named by --config)")) << error.message;
}

TEST_F(ConfigTest, VariablesThatNameFilesAreIgnoredUnderRaisedPrivileges) {
  m_system.files[k_etc] = whole("etc");
  m_system.files[k_user] = "default_profile = \"user\"\n" + whole("user");
  m_system.files["/w.toml"] = whole("w");
  m_system.variables["WIF_CONFIG"] = "/w.toml";
  m_system.raised = true;
  EXPECT_EQ(good().name, "etc");
}

TEST_F(ConfigTest, AFileThatCannotBeReadIsAnError) {
  m_system.files[k_user] = whole("user");
  m_system.unreadable = {k_etc};
  EXPECT_TRUE(has(bad().message, "cannot read /etc/wif/config.toml: Permission denied"));
}

TEST_F(ConfigTest, TellsItsFilesAndReadsEachOnce) {
  m_system.files[k_user] = whole("user");
  const auto config = Config::load(m_system, m_choice);
  ASSERT_TRUE(config);
  ASSERT_EQ(config->files().size(), 2U);
  EXPECT_FALSE(config->files()[0].exists);
  EXPECT_TRUE(config->files()[1].exists);
  Catalogue catalogue(m_system);
  EXPECT_TRUE(config->profile(catalogue));
  EXPECT_EQ(m_system.reads[k_user], 1);
}

// --- which profile

TEST_F(ConfigTest, AProfileIsChosenByOptionThenVariableThenDefault) {
  m_system.files[k_etc] = "default_profile = \"c\"\n" + whole("a") + whole("b") + whole("c");
  EXPECT_EQ(good().name, "c");
  m_system.variables["WIF_PROFILE"] = "b";
  EXPECT_EQ(good().name, "b");
  m_choice.profile = "a";
  EXPECT_EQ(good().name, "a");
}

TEST_F(ConfigTest, SeveralProfilesAndNoDefaultAreAnErrorWithTheirNames) {
  m_system.files[k_etc] = whole("b") + whole("a");
  EXPECT_TRUE(has(bad().message, "a, b"));
}

TEST_F(ConfigTest, AnUnknownProfileIsAnErrorWithTheNearestAndTheFiles) {
  m_system.files[k_etc] = whole("production");
  m_choice.profile = "prodction";
  const Error error = bad();
  EXPECT_TRUE(has(error.message, "\"prodction\" (asked for by -p)")) << error.message;
  EXPECT_TRUE(has(error.message, "/etc/wif/config.toml, /home/u/.config/wif/config.toml (not there)"))
      << error.message;
  EXPECT_EQ(error.hint, "did you mean \"production\"?");
}

TEST_F(ConfigTest, ADefaultProfileThatIsNotThereIsAnErrorWithItsPlace) {
  m_system.files[k_etc] = "\ndefault_profile = \"prd\"\n" + whole("prod");
  EXPECT_TRUE(has(bad().message, "/etc/wif/config.toml:2:1: default_profile \"prd\" does not exist"));
}

TEST_F(ConfigTest, ListsAllNamesSortedAndOnce) {
  m_system.files[k_etc] = whole("b") + whole("a");
  m_system.files[k_user] = whole("b") + "[profiles.c.cache]\nrefresh = \"off\"\n[profiles]\nd = {}\n";
  const auto config = Config::load(m_system, m_choice);
  EXPECT_EQ(config->profile_names(), (std::vector<std::string>{"a", "b", "c", "d"}));
}

// --- no file at all, and what a file leaves open

TEST_F(ConfigTest, NoFileIsNeededWhereTheEnvironmentSaysItAll) {
  ids();
  m_system.variables["PLACE_TOKEN_FILE"] = "/tok";
  m_system.variables["OPENAI_WIF_AUDIENCE"] = "aud";
  const Profile p = good();
  EXPECT_EQ(p.name, "default");
  EXPECT_EQ(p.provider.name, "place");
  EXPECT_EQ(p.exchange_kind, "openai");
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

TEST_F(ConfigTest, ChainedProfilesAreRefusedClearly) {
  m_system.files[k_etc] = whole("p") + "[profiles.q.subject]\nprofile = \"p\"\n";
  m_choice.profile = "q";
  EXPECT_TRUE(has(bad().message,
                  "config.toml:5:1: \"profile\" in [profiles.q] subject is not supported: this build has no "
                  "chained profiles"))
      << bad().message;
}

// --- schema

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
       "known keys: subject, exchange, cache, expect, hosts, description"},
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
      {"exchange = { kind = \"opnai\" }", ":2:14: unknown exchange \"opnai\""},
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

TEST_F(ConfigTest, SetIsCheckedAsAFileIs) {
  const std::pair<const char*, const char*> rows[] = {
      {"subject.audiance=x", "--set subject.audiance: unknown key"},
      {"subject.count=x", "--set subject.count: must be an integer, not \"x\""},
      {"subject.flag=yes", "--set subject.flag: must be a boolean, not \"yes\""},
      {"subject.wait=soon", "--set subject.wait: must be a duration"},
      {"cache.refresh=no", "--set cache.refresh: must be"},
      {"exchange.kind=x", "--set exchange.kind: unknown exchange \"x\""},
      {"subject.profile=x", "--set subject.profile is not supported"},
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

TEST_F(ConfigTest, SetWorksWithoutAnyProfileAndTakesLists) {
  m_choice.set = {"subject.provider=place", "subject.path=/t", "exchange.identity_provider_id=i=j",
                  "exchange.service_account_id=s", "hosts=a.example, b.example"};
  const Profile p = good();
  EXPECT_EQ(p.name, "default");
  EXPECT_EQ(p.get("exchange.identity_provider_id"), "i=j");
  EXPECT_EQ(p.get("hosts"), "a.example\nb.example");
}

// --- slices of a file against the whole of it

Result<std::optional<TomlNode>> profile_of(const ConfigLayer& layer, const std::string& name) {
  TRY_ASSIGN(const LayerReader reader, LayerReader::open(layer));
  return reader.profile(name);
}

// The same text, and the same made irregular by its last line, so that it is parsed as a whole.
void expect_same(const std::string& text, const std::string& name) {
  const ConfigLayer sliced("f", text);
  const ConfigLayer parsed("f", text + "\n# '''\n");
  ASSERT_TRUE(sliced.index().regular()) << text;
  ASSERT_FALSE(parsed.index().regular());
  const auto left = profile_of(sliced, name);
  const auto right = profile_of(parsed, name);
  ASSERT_EQ(left.has_value(), right.has_value()) << text;
  if (!left) {
    EXPECT_EQ(left.error().message, right.error().message);
    return;
  }
  const auto same = [](const auto& self, const TomlNode& x, const TomlNode& y) -> void {
    EXPECT_EQ(x.key, y.key);
    EXPECT_EQ(x.text, y.text);
    EXPECT_EQ(at("f", x.key_at), at("f", y.key_at)) << x.key;
    ASSERT_EQ(x.children.size(), y.children.size());
    for (std::size_t i = 0; i < x.children.size(); ++i) self(self, x.children[i], y.children[i]);
  };
  ASSERT_EQ(left->has_value(), right->has_value());
  if (*left) same(same, **left, **right);
}

TEST(ConfigSlices, GiveWhatAWholeParseGives) {
  const std::string three =
      "# top\ndefault_profile = \"b\"\n\n[profiles.a]\nhosts = [\"x\",\n \"y\"]\n\n  [profiles.b] # second\n"
      "hosts = [\n  \"é\", # [profiles.c]\n]\n[profiles.c]\r\ndescription = \"[profiles.b]\"\r\n[profiles.b.cache]\nrefresh = 1\n"
      "\t[profiles.a.expect.claims]\n\"a.b\" = 'c'";
  for (const char* name : {"a", "b", "c", "none"}) expect_same(three, name);
}

TEST(ConfigSlices, GiveTheSameErrorsWithTheSameLines) {
  const std::string before = "x = 1\n[profiles.a]\nhosts = []\n\n[profiles.b]\n";
  const std::string after = "\n[profiles.c]\nhosts = []\n[profiles.b.cache]\nrefresh = \"off\"\n";
  for (const char* broken : {"k = ", "k = \"open", "k = [ \"open\"", "k == 3", "k = 1\nk = 2", "cache = {}",
                             "k = tru", "= 3", "k = { a = 1", "k = \"\\q\"", "[profiles.b]"})
    expect_same(before + broken + after, "b");
  expect_same("x = \n" + before, "b");
}

TEST(ConfigSlices, AnIrregularFileIsParsedAsAWhole) {
  const char* files[] = {
      "[profiles.a]\ndescription = \"\"\"\n[profiles.b]\n\"\"\"\n",
      "[profiles.a]\ndescription = '''\n[profiles.b]\n'''\n",
      "[profiles]\na = {}\n",
      "[profiles.\"a\"]\n",
      "[ profiles . a ]\n",
      "[profiles.x]\nhosts = [\n[ \"y\" ]\n]\n[profiles.a]\n",
      "[[profiles.x]]\n[profiles.a]\n",
      "['profiles'.a]\n",
  };
  for (const std::string text : files) {
    const ConfigLayer layer("f", text);
    EXPECT_FALSE(layer.index().regular()) << text;
    const auto reader = LayerReader::open(layer);
    if (!reader) continue;
    EXPECT_FALSE(reader->has("b")) << text;
    const auto a = reader->profile("a");
    ASSERT_TRUE(a);
    EXPECT_TRUE(a->has_value()) << text;
  }
  for (const char* text : {"profiles.a.description = \"x\"\n", "profiles = { a = {} }\n",
                           "\xef\xbb\xbf[profiles.a]\n[profiles.b]\n"}) {
    const ConfigLayer layer("f", text);
    const auto reader = LayerReader::open(layer);
    ASSERT_TRUE(reader) << text;
    EXPECT_TRUE(reader->has("a")) << text;
  }
}

TEST(ConfigSlices, FindsTripleQuotesAndCountsLinesAcrossBlocks) {
  for (std::size_t before = 0; before < 300; ++before) {
    const std::string text = std::string(before, '\n') + "'''" + std::string(200, ' ');
    EXPECT_FALSE(SectionIndex(text).regular()) << before;
    EXPECT_EQ(SectionIndex(text).line_of(text.size()), before + 1);
  }
}

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
