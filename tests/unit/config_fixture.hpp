// SPDX-License-Identifier: Apache-2.0
// Profiles read from files and variables in memory, with one provider of the tests' own.
#pragma once

#include "core/config.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fake_system.hpp"
#include "trusted_folder.hpp"

namespace wif {

inline constexpr const char* k_etc = "/etc/wif/config.toml";
inline constexpr const char* k_user = "/home/u/.config/wif/config.toml";

// So that the tests don't depend on what the built-in providers take.
inline constexpr const char* k_module = R"(
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

// FakeSystem with files that can't be read and a count of reads; the module's folder is trusted whoever calls.
class ConfigSystem : public FakeSystem {
 public:
  std::vector<std::string> unreadable;
  mutable std::map<std::string, int> reads;

  std::optional<std::string> trusted_variable(const char* name) const override {
    return std::string_view(name) == "WIF_MODULE_PATH" ? variable(name) : FakeSystem::trusted_variable(name);
  }
  std::optional<std::string> read(const std::string& path) const override {
    ++reads[path];
    if (std::find(unreadable.begin(), unreadable.end(), path) == unreadable.end())
      return FakeSystem::read(path);
    errno = EACCES;
    return {};
  }
};

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class ConfigTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    s_modules = std::make_unique<TrustedFolder>();
    if (!s_modules->empty()) s_modules->write("place.module", k_module);
  }
  static void TearDownTestSuite() { s_modules.reset(); }
  void SetUp() override {
    ASSERT_FALSE(s_modules->empty())
        << "these tests need a folder that nobody else can write to: HOME, here, or /run";
    m_system.disk = s_modules->path();
    m_system.variables = {{"HOME", "/home/u"}, {"WIF_MODULE_PATH", s_modules->path()}};
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
  static std::string origin(const Profile& profile, const char* key) {
    const auto found = profile.settings.find(key);
    return found == profile.settings.end() ? "unset" : found->second.origin;
  }

  static inline std::unique_ptr<TrustedFolder> s_modules;
  ConfigSystem m_system;
  ConfigChoice m_choice;
  std::optional<Catalogue> m_catalogue;  // outlives the profiles, whose descriptors view it
};

}  // namespace wif
