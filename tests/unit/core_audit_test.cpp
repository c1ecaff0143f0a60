// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/audit.hpp"
#include "fake_system.hpp"
#include "scratch_folder.hpp"
#include "util/fd.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

constexpr AuditEvent k_hit{"prod", "hit"};

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// In syslog's place: a datagram socket of the test's own.
class Daemon {
 public:
  explicit Daemon(const std::string& path)
      : m_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(m_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  // Nothing if nothing came.
  std::string received() {
    std::string text(4096, '\0');
    const ssize_t size = recv(m_fd.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

 private:
  Fd m_fd;
};

TEST(Audit, SaysWhoAskedForWhat) {
  FakeSystem system;
  system.time.wall = 1767323045;
  const auto line = Json::parse(audit_line(system, k_hit));
  ASSERT_TRUE(line);
  EXPECT_EQ((*line)["time"].string(), "2026-01-02T03:04:05Z");
  EXPECT_EQ((*line)["profile"].string(), "prod");
  EXPECT_EQ((*line)["outcome"].string(), "hit");
  EXPECT_EQ((*line)["uid"].integer(), getuid());
  EXPECT_EQ((*line)["pid"].integer(), getpid());
  EXPECT_EQ((*line)["parent_pid"].integer(), getppid());
  EXPECT_NE((*line)["executable"].string().value_or("").find("wif_unit_tests"), std::string::npos);
}

TEST(Audit, OfAProfileWithALineBreakIsStillOneLine) {
  EXPECT_EQ(audit_line(FakeSystem(), {"a\nb\"c", "hit"}).find('\n'), std::string::npos);
}

TEST(Audit, IsAppendedToAFileThatOnlyItsOwnerReads) {
  const ScratchFolder folder;
  const std::string path = folder / "audit.log";
  EXPECT_TRUE(write_audit(FakeSystem(), path, k_hit));
  EXPECT_TRUE(write_audit(FakeSystem(), path, {"prod", "failed"}));
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const std::string text = content(path);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_LT(text.find("\"hit\""), text.find("\"failed\""));
}

TEST(Audit, FollowsNoLinkAndWaitsForNoPipe) {
  const ScratchFolder folder;
  const std::string target = folder / "target";
  ASSERT_EQ(symlink(target.c_str(), (folder / "link").c_str()), 0);
  EXPECT_FALSE(write_audit(FakeSystem(), folder / "link", k_hit));
  EXPECT_NE(access(target.c_str(), F_OK), 0);
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  const auto status = write_audit(FakeSystem(), folder / "pipe", k_hit);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find(folder / "pipe"), std::string::npos);
}

TEST(Syslog, GetsTheLineAsOneDatagram) {
  const ScratchFolder folder;
  Daemon daemon(folder / "log");
  EXPECT_TRUE(send_syslog(folder / "log", "{\"profile\":\"prod\"}"));
  EXPECT_EQ(daemon.received(), "<86>wif[" + std::to_string(getpid()) + "]: {\"profile\":\"prod\"}");
  EXPECT_EQ(daemon.received(), "");
}

TEST(Syslog, ThatIsNotThereIsSaid) {
  const ScratchFolder folder;
  const auto status = send_syslog(folder / "absent", "x");
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("absent"), std::string::npos);
  EXPECT_FALSE(send_syslog(folder / std::string(200, 'a'), "x"));
}

// Its queue is full: the answer isn't held back.
TEST(Syslog, ThatReadsNothingHoldsNothingBack) {
  const ScratchFolder folder;
  const Daemon daemon(folder / "log");
  bool refused = false;
  for (int i = 0; i < 100'000 && !refused; ++i)
    refused = !send_syslog(folder / "log", std::string(1000, 'x'));
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace wif
