// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "azure/azure.hpp"
#include "fake_host.hpp"
#include "scratch_folder.hpp"

namespace wif::azure {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(AzureArc, TakesAKeyFromTheOneFolderOnly) {
  constexpr const char* k_folder = "/var/opt/azcmagent/tokens";
  const auto path = [&](std::string_view header) {
    const auto found = challenged_file(header, k_folder);
    EXPECT_TRUE(found || found.error().status == WIF_REFUSED) << header;
    return found.value_or("");
  };
  const std::string good = "/var/opt/azcmagent/tokens/a-1.key";
  EXPECT_EQ(path("Basic realm=" + good), good);
  EXPECT_EQ(path("basic REALM=" + good + " \r"), good);
  EXPECT_EQ(path("Basic realm=\"" + good + "\""), good);
  EXPECT_EQ(challenged_file("Basic realm=" + good, "/var/opt/azcmagent/tokens/").value(), good);
  for (const char* wrong :
       {"", "Bearer realm=/var/opt/azcmagent/tokens/a.key", "Basic realm=", "Basic realm=a.key",
        "Basic realm=/a.key", "Basic realm=/etc/shadow", "Basic realm=/var/opt/azcmagent/tokens/a.txt",
        "Basic realm=/var/opt/azcmagent/tokens/.key",
        "Basic realm=/var/opt/azcmagent/tokens/../../../../root/x.key",
        "Basic realm=/var/opt/azcmagent/tokens/sub/a.key", "Basic realm=/var/opt/azcmagent/tokens2/a.key",
        "Basic realm=/var/opt/azcmagent/tokens//a.key",
        "Basic realm=/var/opt/azcmagent/tokens/a.key\", x=\"y"})
    EXPECT_EQ(path(wrong), "") << wrong;
  EXPECT_EQ(path(std::string_view("Basic realm=/var/opt/azcmagent/tokens/a\0.key", 44)), "");
}

class AzureKey : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(m_path, std::ios::binary) << text; }
  Result<std::string_view> read() { return read_key(kit::Host(&FakeCall::host(), m_call.handle()), m_path); }
  Failure failure() {
    const auto result = read();
    return result ? Failure{WIF_OK, "no failure", {}} : result.error();
  }
  ScratchFolder m_folder;
  std::string m_path = m_folder / "a.key";
  FakeCall m_call;
};

TEST_F(AzureKey, IsReadWholeUpToItsLimit) {
  write(std::string(4096, 'k'));
  EXPECT_EQ(read().value(), std::string(4096, 'k'));
  write("key\n");
  EXPECT_EQ(read().value(), "key");
  write(std::string(4097, 'k'));
  EXPECT_EQ(failure().status, WIF_REFUSED);
  EXPECT_TRUE(has(failure().message, "more than 4096 bytes"));
  write("\n");
  EXPECT_TRUE(has(failure().message, "empty"));
}

TEST_F(AzureKey, IsNoLinkNoFolderAndNoFifo) {
  std::ofstream(m_folder / "other") << "secret of another";
  std::filesystem::create_symlink(m_folder / "other", m_path);
  EXPECT_EQ(failure().status, WIF_REFUSED);
  EXPECT_TRUE(has(failure().message, "symbolic link"));
  std::filesystem::remove(m_path);
  ASSERT_EQ(mkfifo(m_path.c_str(), 0600), 0);
  EXPECT_TRUE(has(failure().message, "no regular file"));
  std::filesystem::remove(m_path);
  std::filesystem::create_directory(m_path);
  EXPECT_TRUE(has(failure().message, "no regular file"));
}

TEST_F(AzureKey, WhoMayNotReadItIsToldOfTheGroup) {
  EXPECT_EQ(failure().status, WIF_NO_IDENTITY);
  EXPECT_TRUE(has(failure().message, "No such file"));
  write("key");
  chmod(m_path.c_str(), 0);
  // Root may read everything, so it becomes nobody for the time of the call.
  const uid_t user = geteuid();
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);
  const auto result = failure();
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_EQ(result.status, WIF_NO_IDENTITY);
  EXPECT_TRUE(has(result.hint, "himds")) << result.message;
}

}  // namespace
}  // namespace wif::azure
