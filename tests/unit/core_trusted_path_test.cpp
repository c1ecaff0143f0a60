// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/descriptor.hpp"
#include "trusted_folder.hpp"

namespace wif {
namespace {

class TrustedPath : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(m_folder.empty()) << "no folder here that nobody else can write to: HOME, here, or /run";
  }

  void expect_refusal(const std::string& path, const std::string& message, const std::string& hint) {
    const Status status = check_trusted_path(path);
    ASSERT_FALSE(status) << path;
    EXPECT_EQ(status.error().category, Category::configuration);
    EXPECT_NE(status.error().message.find(message), std::string::npos) << status.error().message;
    EXPECT_NE(status.error().hint.find(hint), std::string::npos) << status.error().hint;
  }

  TrustedFolder m_folder;
};

TEST_F(TrustedPath, AcceptsWhatOnlyTheCallerCanWriteTo) {
  EXPECT_TRUE(check_trusted_path(m_folder.write("a.module", "")));
  EXPECT_TRUE(check_trusted_path(m_folder.path()));
  EXPECT_TRUE(check_trusted_path("/"));
  EXPECT_TRUE(check_trusted_path(m_folder.path() + "//./a.module"));
}

TEST_F(TrustedPath, RefusesAFileThatOthersCanWriteTo) {
  const std::string path = m_folder.write("a.module", "", 0646);
  expect_refusal(path, path + " is writable by others (mode 0646)", "chmod go-w " + path);
}

TEST_F(TrustedPath, RefusesAFolderThatItsGroupCanWriteTo) {
  const std::string folder = m_folder.make_folder("shared", 0775);
  expect_refusal(m_folder.write("shared/a.module", ""), folder + " is writable by others (mode 0775)",
                 "chmod go-w " + folder);
}

TEST_F(TrustedPath, TakesAStickyFolderForAWritableOneAndSaysWhereToGo) {
  const std::string folder = m_folder.make_folder("sticky", 01777);
  expect_refusal(m_folder.write("sticky/a.module", ""), folder + " is writable by others (mode 1777)",
                 "move it out of " + folder);
}

TEST_F(TrustedPath, RefusesAnotherOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const std::string path = m_folder.write("a.module", "");
  ASSERT_EQ(chown(path.c_str(), 4711, 0), 0);
  expect_refusal(path, path + " belongs to user 4711", "chown root " + path);
}

TEST_F(TrustedPath, FollowsLinksToWhatTheyLeadTo) {
  const std::string bad = m_folder.write("bad", "", 0666);
  const std::string link = m_folder / "link";
  ASSERT_EQ(symlink("bad", link.c_str()), 0);
  expect_refusal(link, bad + " is writable", "chmod go-w " + bad);
  const std::string good = m_folder.write("good", "");
  const std::string other = m_folder / "other";
  ASSERT_EQ(symlink(good.c_str(), other.c_str()), 0);
  EXPECT_TRUE(check_trusted_path(other));
}

// realpath would miss this one: whoever can write to the link's folder can point it elsewhere after the check.
TEST_F(TrustedPath, RefusesALinkInAFolderThatOthersCanWriteTo) {
  const std::string folder = m_folder.make_folder("open", 0777);
  const std::string good = m_folder.write("good", "");
  ASSERT_EQ(symlink("../good", (folder + "/link").c_str()), 0);
  expect_refusal(folder + "/link", folder + " is writable", "chmod go-w " + folder);
  const std::string outer = m_folder / "outer";
  ASSERT_EQ(symlink("open/link", outer.c_str()), 0);
  expect_refusal(outer, folder + " is writable", "chmod go-w " + folder);
}

TEST_F(TrustedPath, ALinkRoundAndRoundIsAnError) {
  const std::string link = m_folder / "loop";
  ASSERT_EQ(symlink("loop", link.c_str()), 0);
  expect_refusal(link, "too many symbolic links", "");
}

TEST_F(TrustedPath, WhatIsNotThereIsAnError) {
  expect_refusal(m_folder / "none", "cannot look at " + (m_folder / "none") + ": No such file", "");
}

}  // namespace
}  // namespace wif
