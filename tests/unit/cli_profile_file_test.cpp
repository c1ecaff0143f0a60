// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include <sys/stat.h>
#include <unistd.h>

#include "cli/profile_file.hpp"
#include "scratch_folder.hpp"

namespace wif {
namespace {

const char* const k_others =
    "# ours\ndefault_profile = \"a\"   # kept\n\n[profiles.a]\nsubject = {provider=\"env\"}\n\n# of b\n[profiles.b]\n"
    "exchange = { kind = \"none\" }\n";

TEST(ProfileToml, HasATableForEachPartThatSaysSomething) {
  NewProfile profile;
  profile.name = "prod";
  profile.subject = {{"provider", SettingType::string, "file"}, {"path", SettingType::string, "/a \"b\"\\c"}};
  profile.claims = {{"sub", "x"}, {"openai.team", "y"}};
  const std::string toml = profile_toml(profile);
  EXPECT_NE(toml.find("[profiles.prod.subject]\n"), std::string::npos);
  EXPECT_NE(toml.find("path = \"/a \\\"b\\\"\\\\c\"\n"), std::string::npos);
  EXPECT_NE(toml.find("\"openai.team\" = \"y\"\n"), std::string::npos);
  EXPECT_EQ(toml.find("exchange"), std::string::npos);
  EXPECT_EQ(toml.find("attributes"), std::string::npos);
}

TEST(WithProfile, ANewOneComesLastAndTheRestStays) {
  const std::string added = "[profiles.new.subject]\nprovider = \"file\"\n";
  EXPECT_EQ(with_profile("", "new", added).value(), added);
  EXPECT_EQ(with_profile(k_others, "new", added).value(), k_others + ("\n" + added));
  EXPECT_EQ(with_profile("default_profile = \"a\"", "new", added).value(),
            "default_profile = \"a\"\n\n" + added);
}

TEST(WithProfile, OneOfThatNameIsReplacedWhereItStands) {
  const std::string added = "[profiles.a.subject]\nprovider = \"file\"\n";
  const std::string text = with_profile(k_others, "a", added).value();
  EXPECT_EQ(text, "# ours\ndefault_profile = \"a\"   # kept\n\n" + added +
                      "\n# of b\n[profiles.b]\nexchange = { kind = \"none\" }\n");
}

TEST(WithProfile, WhatCannotBeCutOutIsLeftAlone) {
  const auto text = with_profile("profiles = { a = { subject = { provider = \"env\" } } }\n", "a", "x");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().category, Category::configuration);
}

TEST(ReplaceConfiguration, MakesFoldersAndAPrivateFile) {
  const ScratchFolder folder;
  const std::string path = folder / "a/b/config.toml";
  ASSERT_TRUE(replace_configuration(path, "x"));
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(stat((folder / "a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST(ReplaceConfiguration, KeepsModeAndLink) {
  const ScratchFolder folder;
  const std::string target = folder / "real.toml";
  std::ofstream(target) << "old";
  chmod(target.c_str(), 0640);
  ASSERT_EQ(symlink("real.toml", (folder / "link.toml").c_str()), 0);
  ASSERT_TRUE(replace_configuration(folder / "link.toml", "new"));
  struct stat info {};
  ASSERT_EQ(lstat((folder / "link.toml").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(stat(target.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0640U);
  std::ifstream file(target);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "new");
}

}  // namespace
}  // namespace wif
