// SPDX-License-Identifier: Apache-2.0
// Which files are read, which of them wins, which profile is chosen, and slices of a file against the whole of it.
#include "config_fixture.hpp"
#include "core/config_layer.hpp"
#include "core/config_sections.hpp"

namespace wif {
namespace {

// --- layers

TEST_F(ConfigTest, ALaterFilesProfileReplacesTheWholeOfAnEarlierOne) {
  m_system.files[k_etc] = whole("prod", "system") + "hosts = [\"a.example\"]\n" + whole("other", "system");
  m_system.files[k_user] = "default_profile = \"prod\"\n" + whole("prod", "user");
  EXPECT_EQ(good().get("subject.audience"), "user");
  EXPECT_EQ(good().get("hosts"), "api.openai.com");
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
  for (const char* const text : files) {
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

}  // namespace
}  // namespace wif
