// SPDX-License-Identifier: Apache-2.0
#include "core/detection.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "fake_system.hpp"
#include "trusted_folder.hpp"

namespace wif {
namespace {

constexpr const char* k_guides_path = "/var/run/secrets/tokens/token";
constexpr const char* k_pods_path = "/var/run/secrets/kubernetes.io/serviceaccount/token";
constexpr const char* k_dmi = "/sys/class/dmi/id/sys_vendor";
constexpr const char* k_dmi_asset_tag = "/sys/class/dmi/id/chassis_asset_tag";

using Settings = std::vector<std::pair<std::string, std::string>>;

class DetectionTest : public ::testing::Test {
 protected:
  std::string found() {
    Catalogue catalogue(m_system);
    const auto finding = detect(m_system, catalogue);
    if (!finding) return "nothing";
    m_implied = finding->implied;
    m_why = finding->why;
    return std::string(finding->descriptor.name);
  }

  FakeSystem m_system;
  Settings m_implied;
  std::string m_why;
};

TEST_F(DetectionTest, FindsNothingInAnEmptyPlace) { EXPECT_EQ(found(), "nothing"); }

TEST_F(DetectionTest, TakesATokenFilesPathFromItsVariable) {
  for (const char* name :
       {"OPENAI_IDENTITY_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE"}) {
    m_system.variables = {{name, "/t/token"}};
    EXPECT_EQ(found(), "file");
    EXPECT_EQ(m_implied, (Settings{{"path", "/t/token"}}));
    EXPECT_EQ(m_why, std::string(name) + " is set");
  }
}

TEST_F(DetectionTest, TakesAVariablesNameForEnv) {
  for (const char* name : {"CIRCLE_OIDC_TOKEN_V2", "VERCEL_OIDC_TOKEN"}) {
    m_system.variables = {{name, "a.b.c"}};
    EXPECT_EQ(found(), "env");
    EXPECT_EQ(m_implied, (Settings{{"variable", name}}));
  }
}

TEST_F(DetectionTest, GoesByRank) {
  m_system.files[k_pods_path] = "t";
  EXPECT_EQ(found(), "file");
  EXPECT_EQ(m_implied, (Settings{{"path", k_pods_path}}));
  EXPECT_EQ(m_why, std::string(k_pods_path) + " is there");
  m_system.files[k_guides_path] = "t";
  EXPECT_EQ(found(), "file");
  EXPECT_EQ(m_implied, (Settings{{"path", k_guides_path}}));
  m_system.variables["VERCEL_OIDC_TOKEN"] = "t";
  EXPECT_EQ(found(), "env");
  m_system.variables["AZURE_FEDERATED_TOKEN_FILE"] = "/azure";
  EXPECT_EQ(found(), "file");
  EXPECT_EQ(m_implied, (Settings{{"path", "/azure"}}));
  m_system.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/aws";
  found();
  EXPECT_EQ(m_implied, (Settings{{"path", "/aws"}}));
  m_system.variables["OPENAI_IDENTITY_TOKEN_FILE"] = "/openai";
  found();
  EXPECT_EQ(m_implied, (Settings{{"path", "/openai"}}));
}

TEST_F(DetectionTest, AnEmptyVariableCountsAsUnset) {
  m_system.variables["OPENAI_IDENTITY_TOKEN_FILE"] = "";
  EXPECT_EQ(found(), "nothing");
}

TEST_F(DetectionTest, TrustsNoVariableWithRaisedPrivileges) {
  m_system.variables["OPENAI_IDENTITY_TOKEN_FILE"] = "/etc/shadow";
  m_system.raised = true;
  EXPECT_EQ(found(), "nothing");
}

TEST_F(DetectionTest, TheSurveyTellsEveryOneInOrderAndWhy) {
  m_system.variables["VERCEL_OIDC_TOKEN"] = "t";
  Catalogue catalogue(m_system);
  std::vector<Error> problems;
  const auto findings = survey(m_system, catalogue, problems);
  EXPECT_TRUE(std::is_sorted(findings.begin(), findings.end(),
                             [](const auto& a, const auto& b) { return a.rank < b.rank; }));
  EXPECT_EQ(std::count_if(findings.begin(), findings.end(), [](const auto& each) { return each.found; }), 1);
  const auto says = [&](const std::string& why) {
    return std::any_of(findings.begin(), findings.end(), [&](const auto& each) { return each.why == why; });
  };
  EXPECT_TRUE(says("VERCEL_OIDC_TOKEN is set"));
  EXPECT_TRUE(says("CIRCLE_OIDC_TOKEN_V2 is not set"));
  EXPECT_TRUE(says(std::string(k_guides_path) + " is not there"));
}

class DropInDetection : public DetectionTest {
 protected:
  void SetUp() override {
    ASSERT_FALSE(m_folder.empty()) << "no folder here that nobody else can write to: HOME, here, or /run";
    m_system.disk = m_folder.path();
    m_system.variables["WIF_MODULE_PATH"] = m_folder.path();
    m_folder.write("mine.module",
                   "name = \"mine\"\n[settings.a]\n[settings.b]\n[settings.c]\n[[detect]]\nrank = 5\n"
                   "variables = [\"X\", \"Y\"]\ndmi_vendor = \"Google\"\n"
                   "set = { a = \"$X\", b = \"plain\", c = \"$Z\" }\n");
  }
  TrustedFolder m_folder;
};

TEST_F(DropInDetection, NeedsAllItsConditions) {
  m_system.variables["X"] = "1";
  m_system.files[k_dmi] = "Google\n";
  EXPECT_EQ(found(), "nothing");
  m_system.variables["Y"] = "2";
  EXPECT_EQ(found(), "mine");
  EXPECT_EQ(m_why, "X is set and Y is set and the DMI vendor is Google");
  EXPECT_EQ(m_implied, (Settings{{"a", "1"}, {"b", "plain"}}));  // c names a variable that is unset
  m_system.files[k_dmi] = "QEMU\n";
  EXPECT_EQ(found(), "nothing");
}

TEST_F(DropInDetection, SaysWhatTheDmiVendorIs) {
  m_system.variables["X"] = m_system.variables["Y"] = "1";
  m_system.files[k_dmi] = "QEMU\n";
  Catalogue catalogue(m_system);
  std::vector<Error> problems;
  EXPECT_EQ(survey(m_system, catalogue, problems).front().why, "the DMI vendor is QEMU, not Google");
  m_system.files.clear();
  EXPECT_EQ(survey(m_system, catalogue, problems).front().why, "there is no DMI vendor (Google)");
}

// A laptop of the vendor's own: the vendor's name alone says too little.
TEST_F(DropInDetection, LooksAtTheDmiProductToo) {
  m_folder.write(
      "mine.module",
      "name = \"mine\"\n[[detect]]\nrank = 5\ndmi_vendor = \"Google\"\ndmi_product = \"Google\"\n");
  m_system.files[k_dmi] = "Google\n";
  Catalogue catalogue(m_system);
  std::vector<Error> problems;
  EXPECT_EQ(survey(m_system, catalogue, problems).front().why, "there is no DMI product (Google)");
  m_system.files["/sys/class/dmi/id/product_name"] = "Eve\n";
  EXPECT_EQ(found(), "nothing");
  EXPECT_EQ(survey(m_system, catalogue, problems).front().why, "the DMI product is Eve, not Google");
  m_system.files["/sys/class/dmi/id/product_name"] = "Google Compute Engine\n";
  EXPECT_EQ(found(), "mine");
  EXPECT_EQ(m_why, "the DMI vendor is Google and the DMI product is Google Compute Engine");
}

// A vendor alone may have made a laptop as well as a cloud's machine.
TEST_F(DropInDetection, ComparesTheWholeDmiAssetTag) {
  m_folder.write("mine.module", "name = \"mine\"\n[[detect]]\nrank = 5\ndmi_asset_tag = \"77-83\"\n");
  const auto why = [&] {
    Catalogue catalogue(m_system);
    std::vector<Error> problems;
    return survey(m_system, catalogue, problems).front().why;
  };
  m_system.files[k_dmi] = "77-83\n";
  EXPECT_EQ(why(), "there is no DMI asset tag (77-83)");
  for (const char* other : {"77-8\n", "77-831\n", "No Asset Tag\n"}) {
    m_system.files[k_dmi_asset_tag] = other;
    EXPECT_EQ(found(), "nothing") << other;
  }
  EXPECT_EQ(why(), "the DMI asset tag is No Asset Tag, not 77-83");
  m_system.files[k_dmi_asset_tag] = "77-83\n";
  EXPECT_EQ(found(), "mine");
  EXPECT_EQ(m_why, "the DMI asset tag is 77-83");
}

TEST_F(DropInDetection, ABrokenDescriptorIsToldAndHoldsNothingUp) {
  m_folder.write("broken.module", "name = ");
  m_system.variables["VERCEL_OIDC_TOKEN"] = "t";
  EXPECT_EQ(found(), "env");
  Catalogue catalogue(m_system);
  std::vector<Error> problems;
  survey(m_system, catalogue, problems);
  EXPECT_EQ(problems.size(), 1u);
}

}  // namespace
}  // namespace wif
