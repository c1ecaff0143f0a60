// SPDX-License-Identifier: Apache-2.0
#include "core/trusted_path.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

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

// What lstat says of a file: the rule for one needs no file, and so no root to give it away.
struct stat status_of(uid_t owner, mode_t mode) {
  struct stat status {};
  status.st_uid = owner;
  status.st_mode = mode;
  return status;
}

TEST(TrustedPart, BelongsToRootOrToWhoTrusts) {
  for (const uid_t user : {0U, 1000U})
    for (const uid_t owner : {0U, 1000U, 4711U})
      EXPECT_EQ(check_trusted_part("/x/p", "/x", status_of(owner, S_IFDIR | 0755), user).has_value(),
                owner == 0 || owner == user)
          << owner << " for " << user;
  const auto refused = check_trusted_part("/x/p", "/x", status_of(4711, S_IFDIR | 0755), 1000);
  EXPECT_EQ(refused.error().category, Category::configuration);
  EXPECT_EQ(refused.error().message,
            "/x/p can't be trusted: /x belongs to user 4711, neither to root nor to you (1000)");
  EXPECT_EQ(refused.error().hint, "chown root /x, or use a copy of your own");
}

TEST(TrustedPart, IsWritableByNobodyElse) {
  for (const mode_t mode : {S_IFREG | 0666, S_IFREG | 0664, S_IFREG | 0602, S_IFDIR | 0775, S_IFDIR | 01777})
    EXPECT_FALSE(check_trusted_part("/x", "/x", status_of(0, mode), 0)) << std::oct << mode;
  for (const mode_t mode : {S_IFREG | 0644, S_IFREG | 0755, S_IFDIR | 0700})
    EXPECT_TRUE(check_trusted_part("/x", "/x", status_of(0, mode), 0)) << std::oct << mode;
}

TEST(TrustedPart, OfALinkTheOwnerCountsAndTheModeDoesNot) {
  EXPECT_TRUE(check_trusted_part("/x", "/x", status_of(0, S_IFLNK | 0777), 1000));
  EXPECT_FALSE(check_trusted_part("/x", "/x", status_of(4711, S_IFLNK | 0777), 1000));
}

// The walk asks for the effective user: its own folder is no other's.
TEST_F(TrustedPath, TakesTheEffectiveUsersWord) {
  const std::string path = m_folder.write("a.module", "");
  EXPECT_TRUE(check_trusted_path(path));
  if (chown(path.c_str(), 4711, 0) == 0)  // only root can give files away
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
