// SPDX-License-Identifier: Apache-2.0
#include "core/detection.hpp"

#include <algorithm>
#include <map>

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
  for (const auto& [name, provider] : {std::pair("OPENAI_IDENTITY_TOKEN_FILE", "file"),
                                       std::pair("AWS_WEB_IDENTITY_TOKEN_FILE", "kubernetes"),
                                       std::pair("AZURE_FEDERATED_TOKEN_FILE", "kubernetes"),
                                       std::pair("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "kubernetes")}) {
    m_system.variables = {{name, "/t/token"}};
    EXPECT_EQ(found(), provider);
    EXPECT_EQ(m_implied, (Settings{{"path", "/t/token"}}));
    EXPECT_EQ(m_why, std::string(name) + " is set");
  }
}

TEST_F(DetectionTest, TakesAVariablesNameForEnv) {
  for (const char* name : {"TFC_WORKLOAD_IDENTITY_TOKEN_OPENAI", "CIRCLE_OIDC_TOKEN_V2",
                           "BITBUCKET_STEP_OIDC_TOKEN", "VERCEL_OIDC_TOKEN", "TFC_WORKLOAD_IDENTITY_TOKEN"}) {
    m_system.variables = {{name, "a.b.c"}};
    EXPECT_EQ(found(), "env");
    EXPECT_EQ(m_implied, (Settings{{"variable", name}}));
  }
}

TEST_F(DetectionTest, TakesGitLabsTokenOnlyByTheNameInItsReadmeAndOnlyThere) {
  m_system.variables = {{"OPENAI_ID_TOKEN", "a.b.c"}};
  EXPECT_EQ(found(), "nothing");
  m_system.variables = {{"GITLAB_CI", "true"}, {"FIRST_ID_TOKEN", "a.b.c"}};
  EXPECT_EQ(found(), "env");  // whose error says how to name it
  m_system.files[k_pods_path] = "t";
  m_system.files["/var/run/secrets/tokens/token"] = "t";
  EXPECT_EQ(found(), "kubernetes");
  m_system.variables["OPENAI_ID_TOKEN"] = "a.b.c";
  EXPECT_EQ(found(), "env");
  EXPECT_EQ(m_implied, (Settings{{"variable", "OPENAI_ID_TOKEN"}}));
}

TEST_F(DetectionTest, GoesByRank) {
  const auto takes = [&](const char* provider, const Settings& settings) {
    EXPECT_EQ(found(), provider);
    EXPECT_EQ(m_implied, settings);
  };
  m_system.files[k_pods_path] = "t";
  takes("kubernetes", {{"path", k_pods_path}});
  EXPECT_EQ(m_why, std::string(k_pods_path) + " is there");
  m_system.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/pod-identity";
  takes("kubernetes", {{"path", "/pod-identity"}});
  m_system.variables["AZURE_FEDERATED_TOKEN_FILE"] = "/azure";
  takes("kubernetes", {{"path", "/azure"}});
  m_system.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/aws";
  takes("kubernetes", {{"path", "/aws"}});
  m_system.files[k_guides_path] = "t";
  takes("kubernetes", {{"path", k_guides_path}});
  m_system.variables["VERCEL_OIDC_TOKEN"] = "t";
  takes("env", {{"variable", "VERCEL_OIDC_TOKEN"}});
  m_system.variables["OPENAI_IDENTITY_TOKEN_FILE"] = "/openai";
  takes("file", {{"path", "/openai"}});
}

// What a developer's machine has of the same vendors.
TEST_F(DetectionTest, FindsNothingOnALaptop) {
  for (const char* name : {"PATH",
                           "HOME",
                           "USER",
                           "SHELL",
                           "LANG",
                           "DISPLAY",
                           "SSH_AUTH_SOCK",
                           "XDG_RUNTIME_DIR",
                           "KUBECONFIG",
                           "AWS_PROFILE",
                           "AWS_REGION",
                           "AWS_DEFAULT_REGION",
                           "CLOUDSDK_CONFIG",
                           "GOOGLE_CLOUD_PROJECT",
                           "AZURE_CONFIG_DIR",
                           "GITHUB_TOKEN",
                           "GH_TOKEN",
                           "GITLAB_TOKEN",
                           "VAULT_ADDR",
                           "VAULT_TOKEN",
                           "DOCKER_HOST",
                           "CI",
                           "OPENAI_API_KEY",
                           "OPENAI_ID_TOKEN",
                           "TF_TOKEN_app_terraform_io",
                           "BUILDKITE_AGENT_TOKEN"})
    m_system.variables[name] = "value";
  for (const char* path :
       {"/root/.kube/config", "/root/.aws/credentials", "/etc/machine-id", "/var/run/docker.sock"})
    m_system.files[path] = "x";
  for (const char* vendor :
       {"LENOVO\n", "Dell Inc.\n", "HP\n", "Apple Inc.\n", "QEMU\n", "innotek GmbH\n", "\n"}) {
    m_system.files[k_dmi] = vendor;
    EXPECT_EQ(found(), "nothing") << vendor << m_why;
  }
}

class BuiltInDetection : public DetectionTest {
 protected:
  static std::string dmi_file(Condition::Kind kind) {
    if (kind == Condition::Kind::dmi_product) return "/sys/class/dmi/id/product_name";
    if (kind == Condition::Kind::dmi_asset_tag) return "/sys/class/dmi/id/chassis_asset_tag";
    return k_dmi;
  }
  void satisfy(const Detection& detection) {
    m_system.variables.clear();
    m_system.files.clear();
    for (const Condition& condition : detection.conditions) {
      const std::string what(condition.what);
      if (condition.kind == Condition::Kind::variable) {
        m_system.variables[what] = "/value";
      } else if (condition.kind == Condition::Kind::file) {
        m_system.files[what] = "x";
      } else {
        m_system.files[dmi_file(condition.kind)] = what + "\n";
      }
    }
  }
};

TEST_F(BuiltInDetection, EachFindsItsOwnProviderAndFillsInWhatIsRequired) {
  for (const Descriptor& descriptor : built_in_descriptors()) {
    for (const Detection& detection : descriptor.detections) {
      satisfy(detection);
      EXPECT_EQ(found(), descriptor.name) << detection.rank;
      EXPECT_EQ(m_implied.size(), detection.implies.size()) << m_why;
      for (const SettingSpec& setting : descriptor.settings) {
        const auto is_it = [&](const auto& pair) { return pair.first == setting.name; };
        // An audience without a default is for OPENAI_WIF_AUDIENCE to say.
        EXPECT_TRUE(!setting.required || setting.name == "audience" ||
                    std::any_of(m_implied.begin(), m_implied.end(), is_it))
            << descriptor.name << " " << setting.name << ": " << m_why;
      }
      m_system.variables.clear();
      m_system.files.clear();
      EXPECT_EQ(found(), "nothing") << descriptor.name << ": without conditions";
    }
  }
}

TEST_F(BuiltInDetection, NoTwoProvidersShareARank) {
  std::map<int, std::string_view> ranks;
  for (const Descriptor& descriptor : built_in_descriptors())
    for (const Detection& detection : descriptor.detections) {
      const auto [place, is_new] = ranks.try_emplace(detection.rank, descriptor.name);
      // The DMI vendors exclude each other.
      const auto kind = detection.conditions.front().kind;
      const bool dmi = kind != Condition::Kind::variable && kind != Condition::Kind::file;
      EXPECT_TRUE(is_new || dmi || place->second == descriptor.name)
          << detection.rank << ": " << descriptor.name << " and " << place->second;
    }
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
