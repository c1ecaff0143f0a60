// SPDX-License-Identifier: Apache-2.0
#include "core/descriptor.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "fake_system.hpp"
#include "trusted_folder.hpp"

namespace wif {
namespace {

constexpr const char* k_whole = R"(name = "example"
summary = "an example"
module = "example.so"
token_type = "urn:example"
[settings.zone]
type = "duration"
default = "30s"
help = "a wait"
[settings.args]
type = "list"
default = ["a", "b"]
[settings.count]
type = "integer"
default = 7
[settings.flag]
type = "boolean"
default = true
[settings.path]
required = true
[[detect]]
rank = 40
variables = ["A", "B"]
files = ["/f"]
dmi_vendor = "Vendor"
dmi_product = "Product"
dmi_asset_tag = "12-34"
set = { path = "$A", zone = "1m" }
[[detect]]
rank = 50
files = ["/g"]
[[identity]]
jwt_file = "path"
[[identity]]
variable = "TOKEN"
)";

std::string error_of(const std::string& toml, const std::string& path = "/m/x.module") {
  const auto loaded = LoadedDescriptor::parse(toml, path);
  if (loaded) return "no error";
  EXPECT_EQ(loaded.error().category, Category::configuration);
  return loaded.error().message;
}

TEST(Descriptor, IsReadWhole) {
  const auto loaded = LoadedDescriptor::parse(k_whole, "/m/example.module");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Descriptor descriptor = loaded->get();
  EXPECT_EQ(descriptor.name, "example");
  EXPECT_EQ(descriptor.summary, "an example");
  EXPECT_EQ(descriptor.module, "/m/example.so");
  EXPECT_EQ(descriptor.token_type, "urn:example");
  EXPECT_EQ(descriptor.origin, "/m/example.module");
  EXPECT_FALSE(descriptor.built_in);
  ASSERT_EQ(descriptor.detections.size(), 2u);
  const Detection& first = descriptor.detections[0];
  EXPECT_EQ(first.rank, 40);
  ASSERT_EQ(first.conditions.size(), 6u);
  EXPECT_EQ(first.conditions[1].what, "B");
  EXPECT_EQ(first.conditions[2].kind, Condition::Kind::file);
  EXPECT_EQ(first.conditions[3].kind, Condition::Kind::dmi_vendor);
  EXPECT_EQ(first.conditions[4].kind, Condition::Kind::dmi_product);
  EXPECT_EQ(first.conditions[4].what, "Product");
  EXPECT_EQ(first.conditions[5].kind, Condition::Kind::dmi_asset_tag);
  EXPECT_EQ(first.conditions[5].what, "12-34");
  ASSERT_EQ(first.implies.size(), 2u);
  EXPECT_EQ(first.implies[0].name, "path");
  EXPECT_EQ(first.implies[0].value, "$A");
  ASSERT_EQ(descriptor.identities.size(), 2u);
  EXPECT_EQ(descriptor.identities[0].kind, IdentityInput::Kind::jwt_file);
  EXPECT_EQ(descriptor.identities[1].name, "TOKEN");
}

TEST(Descriptor, KeepsSettingsInTheFilesOrderAndDefaultsAsText) {
  const auto loaded = LoadedDescriptor::parse(k_whole, "/m/example.module");
  ASSERT_TRUE(loaded);
  const auto settings = loaded->get().settings;
  ASSERT_EQ(settings.size(), 5u);
  EXPECT_EQ(settings[0].name, "zone");
  EXPECT_EQ(settings[0].type, SettingType::duration);
  EXPECT_EQ(settings[0].default_value, "30s");
  EXPECT_EQ(settings[1].default_value, "a\nb");
  EXPECT_EQ(settings[2].default_value, "7");
  EXPECT_EQ(settings[3].default_value, "true");
  EXPECT_TRUE(settings[4].required);
  EXPECT_EQ(loaded->get().setting("path"), &settings[4]);
  EXPECT_EQ(loaded->get().setting("none"), nullptr);
}

TEST(Descriptor, StringsHaveOneOrSeveralAsTheirDefault) {
  const auto default_of = [](const std::string& value) {
    const auto loaded = LoadedDescriptor::parse(
        "name = \"x\"\n[settings.s]\ntype = \"strings\"\ndefault = " + value, "/m/x.module");
    return loaded ? std::string(loaded->get().settings[0].default_value) : loaded.error().message;
  };
  EXPECT_EQ(default_of("\"a\""), "a");
  EXPECT_EQ(default_of("[\"a\", \"b\"]"), "a\nb");
  EXPECT_EQ(default_of("3"), "/m/x.module:4:11: 'default' has to be a list of strings");
}

TEST(Descriptor, SurvivesBeingCopiedAndMoved) {
  Descriptor view;
  std::vector<LoadedDescriptor> kept;
  {
    auto loaded = LoadedDescriptor::parse(k_whole, "/m/example.module");
    ASSERT_TRUE(loaded);
    view = loaded->get();
    kept.push_back(std::move(*loaded));
  }
  for (int i = 0; i < 10; ++i) kept.push_back(kept.front());
  EXPECT_EQ(view.name, "example");
  EXPECT_EQ(view.detections[0].conditions[0].what, "A");
}

TEST(Descriptor, HasDefaultsForModuleAndTokenType) {
  const auto loaded = LoadedDescriptor::parse("name = \"x\"", "/m/x.module");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->get().module, "/m/wif-provider-x.so");
  EXPECT_EQ(loaded->get().token_type, "urn:ietf:params:oauth:token-type:jwt");
  const auto absolute = LoadedDescriptor::parse("name = \"x\"\nmodule = \"/lib/x.so\"", "/m/x.module");
  EXPECT_EQ(absolute->get().module, "/lib/x.so");
}

TEST(Descriptor, MistakesAreToldWithTheirPlaceAndTheNearestKey) {
  EXPECT_EQ(error_of("name = \"x\"\nsumary = \"s\""),
            "/m/x.module:2:1: unknown key 'sumary'; the nearest is 'summary'");
  EXPECT_EQ(error_of("summary = \"s\""), "/m/x.module:1:1: 'name' is missing");
  EXPECT_EQ(error_of("name = 3"), "/m/x.module:1:8: 'name' has to be a string");
  EXPECT_EQ(error_of("name = \"\""), "/m/x.module:1:8: 'name' is empty");
  EXPECT_EQ(error_of("name = \"../x\"").find("/m/x.module:1:8: '../x' is no provider's name"), 0u);
  EXPECT_EQ(error_of("name = \"y\""), "/m/x.module:1:8: the name is 'y', so the file has to be 'y.module'");
  EXPECT_EQ(error_of("name = \"x\"\nname = \"x\"").find("/m/x.module:2:"), 0u);
  EXPECT_EQ(error_of("name = ").find("/m/x.module:1:"), 0u);
}

TEST(Descriptor, MistakesInSettings) {
  const std::string head = "name = \"x\"\n[settings.path]\n";
  EXPECT_EQ(error_of(head + "type = \"sting\""),
            "/m/x.module:3:8: unknown type 'sting'; the nearest is 'string'");
  EXPECT_EQ(error_of(head + "requird = true"),
            "/m/x.module:3:1: unknown key 'requird'; the nearest is 'required'");
  EXPECT_EQ(error_of(head + "required = 1"), "/m/x.module:3:12: 'required' has to be true or false");
  EXPECT_EQ(error_of(head + "default = 1"), "/m/x.module:3:11: 'default' has to be a string");
  EXPECT_EQ(error_of(head + "type = \"duration\"\ndefault = \"soon\"").find("/m/x.module:4:11: "), 0u);
  EXPECT_EQ(error_of(head + "type = \"list\"\ndefault = [1]").find("/m/x.module:4:12: "), 0u);
  EXPECT_NE(error_of("name = \"x\"\nsettings = 1").find(":2:12: "), std::string::npos);
  EXPECT_NE(error_of("name = \"x\"\n[settings]\npath = 1").find(":3:8: "), std::string::npos);
  EXPECT_NE(error_of("name = \"x\"\n[settings.profile]").find("a meaning of its own"), std::string::npos);
  EXPECT_NE(error_of("name = \"x\"\n[settings.Path]").find("no setting's name"), std::string::npos);
}

TEST(Descriptor, MistakesInDetectionAndIdentity) {
  const std::string head = "name = \"x\"\n[settings.path]\n";
  EXPECT_EQ(error_of(head + "[[detect]]\nrank = 1\nvariables = [\"A\"]\nset = { pat = \"$A\" }"),
            "/m/x.module:6:9: there is no setting 'pat'; the nearest is 'path'");
  EXPECT_EQ(error_of(head + "[[identity]]\njwt_file = \"paht\"")
                .find("/m/x.module:4:12: there is no setting 'paht'"),
            0u);
  EXPECT_NE(error_of(head + "[[detect]]\nvariables = [\"A\"]").find("'rank' is missing"), std::string::npos);
  EXPECT_NE(error_of(head + "[[detect]]\nrank = -1").find("from 0 to 1000"), std::string::npos);
  EXPECT_NE(error_of(head + "[[detect]]\nrank = 1").find("without a condition"), std::string::npos);
  EXPECT_NE(error_of(head + "[[detect]]\nrank = 1\nvariables = \"A\"").find(":5:13: "), std::string::npos);
  EXPECT_NE(error_of(head + "[[detect]]\nrank = 1\nvariables = [\"\"]").find("aren't empty"),
            std::string::npos);
  EXPECT_NE(error_of("name = \"x\"\ndetect = 1").find("[[detect]]"), std::string::npos);
  EXPECT_NE(error_of(head + "[[identity]]").find("one of 'jwt_file'"), std::string::npos);
  EXPECT_EQ(error_of(head + "[[identity]]\nvariables = \"paht\"")
                .find("/m/x.module:4:13: there is no setting 'paht'"),
            0u);
  EXPECT_NE(error_of(head + "[[identity]]\nvariable = \"A\"\njwt_file = \"path\"").find("one of"),
            std::string::npos);
}

TEST(Descriptor, OnesBuiltInAreSortedAndComplete) {
  const auto all = built_in_descriptors();
  ASSERT_GE(all.size(), 2u);
  EXPECT_TRUE(
      std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const Descriptor& descriptor : all) {
    EXPECT_TRUE(descriptor.built_in);
    EXPECT_EQ(descriptor.origin, "built in");
    EXPECT_FALSE(descriptor.summary.empty()) << descriptor.name;
    EXPECT_EQ(descriptor.module, "wif-provider-" + std::string(descriptor.name) + ".so");
    EXPECT_FALSE(descriptor.identities.empty()) << descriptor.name;
    for (const SettingSpec& setting : descriptor.settings) EXPECT_FALSE(setting.help.empty()) << setting.name;
  }
}

class CatalogueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(m_folder.empty()) << "no folder here that nobody else can write to: HOME, here, or /run";
    m_system.disk = m_folder.path();
    m_system.variables["WIF_MODULE_PATH"] = m_folder.path();
  }
  static bool holds(const std::vector<Descriptor>& all, std::string_view name) {
    return std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
  }

  TrustedFolder m_folder;
  FakeSystem m_system;
  std::vector<Error> m_problems;
};

TEST_F(CatalogueTest, FindsBuiltInAndDroppedIn) {
  m_folder.write("mine.module", "name = \"mine\"");
  Catalogue catalogue(m_system);
  ASSERT_TRUE(catalogue.find("file"));
  EXPECT_TRUE(catalogue.find("file")->built_in);
  const auto mine = catalogue.find("mine");
  ASSERT_TRUE(mine) << mine.error().message;
  EXPECT_EQ(mine->module, m_folder / "wif-provider-mine.so");
}

TEST_F(CatalogueTest, ReadsNoOtherDescriptorThanTheOneAskedFor) {
  m_folder.write("mine.module", "name = \"mine\"");
  m_folder.write("broken.module", "name = ");
  Catalogue catalogue(m_system);
  EXPECT_TRUE(catalogue.find("mine"));
  EXPECT_FALSE(catalogue.find("broken"));
}

TEST_F(CatalogueTest, AnUnknownNameIsToldWithTheNearest) {
  m_folder.write("mine.module", "name = \"mine\"");
  Catalogue catalogue(m_system);
  const auto none = catalogue.find("mien");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().category, Category::configuration);
  EXPECT_EQ(none.error().message, "unknown provider 'mien'; the nearest is 'mine'");
  EXPECT_NE(none.error().hint.find(m_folder.path() + ", /etc/wif/modules"), std::string::npos);
}

TEST_F(CatalogueTest, ANameCantLeadOutOfTheFolder) {
  m_folder.make_folder("inner");
  m_folder.write("out.module", "name = \"out\"");
  m_system.variables["WIF_MODULE_PATH"] = m_folder / "inner";
  EXPECT_FALSE(Catalogue(m_system).find("../out"));
}

TEST_F(CatalogueTest, TheDevelopersFolderMayTakeABuiltInsName) {
  m_folder.write("file.module", "name = \"file\"");
  Catalogue catalogue(m_system);
  EXPECT_FALSE(catalogue.find("file")->built_in);
  const auto all = catalogue.all(m_problems);
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& each) { return each.name == "file"; }), 1);
}

TEST_F(CatalogueTest, TheDevelopersFolderIsIgnoredWithRaisedPrivileges) {
  m_folder.write("mine.module", "name = \"mine\"");
  m_system.raised = true;
  EXPECT_FALSE(Catalogue(m_system).find("mine"));
}

TEST_F(CatalogueTest, WhatCantBeReadOrTrustedIsLeftOutAndTold) {
  m_folder.write("good.module", "name = \"good\"");
  m_folder.write("broken.module", "name = ");
  const std::string open = m_folder.write("open.module", "name = \"open\"", 0666);
  m_folder.write("notes.txt", "no descriptor");
  Catalogue catalogue(m_system);
  const auto all = catalogue.all(m_problems);
  EXPECT_TRUE(holds(all, "good"));
  EXPECT_FALSE(holds(all, "open"));
  EXPECT_TRUE(
      std::is_sorted(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
  ASSERT_EQ(m_problems.size(), 2u);
  EXPECT_NE(m_problems[0].message.find("broken.module:1:"), std::string::npos);
  EXPECT_NE(m_problems[1].message.find(open), std::string::npos);
  const auto refused = catalogue.find("open");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().hint, "chmod go-w " + open);
}

TEST_F(CatalogueTest, AFolderThatOthersCanWriteToIsOneProblem) {
  const std::string folder = m_folder.make_folder("open", 0777);
  m_folder.write("open/a.module", "name = \"a\"");
  m_folder.write("open/b.module", "name = \"b\"");
  m_system.variables["WIF_MODULE_PATH"] = folder;
  Catalogue(m_system).all(m_problems);
  ASSERT_EQ(m_problems.size(), 1u);
  EXPECT_EQ(m_problems[0].hint, "chmod go-w " + folder);
}

}  // namespace
}  // namespace wif
