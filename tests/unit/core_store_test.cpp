// SPDX-License-Identifier: Apache-2.0
#include "core/store.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_system.hpp"
#include "freed_memory.hpp"
#include "scratch_folder.hpp"

namespace wif {
namespace {

constexpr const char* k_name = "0123456789abcdef";

Record record_of(std::string binding) {
  Record record;
  record.binding = std::move(binding);
  record.profile = "prod";
  record.refresh_at = 150;
  record.credential.access_token = Secret("abc.def");
  record.credential.scope = "api.model.request";
  record.credential.issued_at = 100;
  record.credential.issued_boot = 7;
  record.credential.expires_at = 200;
  record.credential.subject_hash = "00ff";
  return record;
}

class StoreTest : public testing::Test {
 protected:
  Result<std::optional<Store>> try_open(const std::string& path) {
    m_why.clear();
    return Store::open(path, true, m_why);
  }
  Store open() { return std::move(try_open(m_path).value().value()); }
  Category refused(const std::string& path) {
    const auto store = try_open(path);
    EXPECT_FALSE(store);
    if (store) return Category::bug;
    EXPECT_FALSE(store.error().hint.empty());
    return store.error().category;
  }
  static mode_t mode_of(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777U;
  }

  ScratchFolder m_scratch;
  std::string m_path = m_scratch / "a/b/wif";
  std::string m_why;
};

TEST_F(StoreTest, MakesItsFolderPrivateAndTheParentsToo) {
  open();
  EXPECT_EQ(mode_of(m_path), 0700U);
  EXPECT_EQ(mode_of(m_scratch / "a"), 0700U);
}

TEST_F(StoreTest, ARecordComesBackAsItWasAndIsPrivate) {
  const Store store = open();
  ASSERT_TRUE(store.write_record(k_name, record_of("binding")));
  EXPECT_EQ(mode_of(m_path + "/" + k_name + ".json"), 0600U);
  const auto record = store.read_record(k_name, "binding").value();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->profile, "prod");
  EXPECT_EQ(record->refresh_at, 150);
  EXPECT_EQ(record->credential.access_token.reveal(), "abc.def");
  EXPECT_EQ(record->credential.token_type, "Bearer");
  EXPECT_EQ(record->credential.scope, "api.model.request");
  EXPECT_EQ(record->credential.issued_at, 100);
  EXPECT_EQ(record->credential.issued_boot, 7);
  EXPECT_EQ(record->credential.expires_at, 200);
  EXPECT_EQ(record->credential.subject_hash, "00ff");
}

TEST_F(StoreTest, AProgramsOutputComesBackToTheByte) {
  const Store store = open();
  Record record = record_of("b");
  record.credential.access_token = Secret();
  record.credential.output = ProgramOutput{Secret(" {\"a\":\t1}\r\n\x7f\xc3\xa9"), "ff00"};
  ASSERT_TRUE(store.write_record(k_name, record));
  const auto read = store.read_record(k_name, "b").value();
  ASSERT_TRUE(read && read->credential.output);
  EXPECT_EQ(read->credential.output->text.view(), " {\"a\":\t1}\r\n\x7f\xc3\xa9");
  EXPECT_EQ(read->credential.output->token_hash, "ff00");
  EXPECT_TRUE(read->credential.access_token.empty());
  record.credential.output->text = Secret();
  ASSERT_TRUE(store.write_record(k_name, record));
  EXPECT_FALSE(store.read_record(k_name, "b").value());
}

TEST_F(StoreTest, ARecordThatNobodyWouldReadIsNotWritten) {
  const Store store = open();
  Record record = record_of("b");
  record.credential.access_token = Secret(std::string(1 << 20, 'x'));
  EXPECT_EQ(store.write_record(k_name, record).error().category, Category::cache);
  EXPECT_TRUE(store.names().empty());
}

TEST_F(StoreTest, ACollisionIsAMiss) {
  const Store store = open();
  ASSERT_TRUE(store.write_record(k_name, record_of("mine")));
  EXPECT_FALSE(store.read_record(k_name, "somebody else's").value());
}

TEST_F(StoreTest, ADamagedRecordIsAMiss) {
  const Store store = open();
  for (const char* text :
       {"", "{", "[]", R"({"version":2})", R"({"version":1,"binding":"b","credential":{}})"}) {
    ASSERT_TRUE(store.write_record(k_name, record_of("b")));
    std::ofstream(m_path + "/" + k_name + ".json", std::ios::trunc) << text;
    EXPECT_FALSE(store.read_record(k_name, "b").value()) << text;
  }
}

TEST_F(StoreTest, AnEmptyOrUnsafeTokenOfARecordIsAMiss) {
  const Store store = open();
  for (const char* token : {"", "a b", "a\nb"}) {
    Record record = record_of("b");
    record.credential.access_token = Secret(token);
    ASSERT_TRUE(store.write_record(k_name, record));
    EXPECT_FALSE(store.read_record(k_name, "b").value()) << token;
  }
}

TEST_F(StoreTest, RefusesAWideFolderAndLeavesItAsItIs) {
  open();
  for (const mode_t mode : {0755U, 0750U, 0701U, 0777U}) {
    chmod(m_path.c_str(), mode);
    EXPECT_EQ(refused(m_path), Category::cache) << mode;
    EXPECT_EQ(mode_of(m_path), mode);
  }
}

TEST_F(StoreTest, RefusesASymlinkAndAFileInTheFoldersPlace) {
  open();
  ASSERT_EQ(symlink(m_path.c_str(), (m_scratch / "link").c_str()), 0);
  EXPECT_EQ(refused(m_scratch / "link"), Category::cache);
  std::ofstream(m_scratch / "file") << "x";
  EXPECT_EQ(refused(m_scratch / "file"), Category::cache);
}

TEST_F(StoreTest, RefusesAForeignFolder) {
  if (geteuid() == 0) {
    open();
    ASSERT_EQ(chown(m_path.c_str(), 4711, 4711), 0);
    EXPECT_EQ(refused(m_path), Category::cache);
  } else {
    EXPECT_EQ(refused("/"), Category::cache);
  }
}

TEST_F(StoreTest, RefusesAWideOrLinkedRecord) {
  const Store store = open();
  const std::string path = m_path + "/" + k_name + ".json";
  ASSERT_TRUE(store.write_record(k_name, record_of("b")));
  chmod(path.c_str(), 0640);
  EXPECT_EQ(store.read_record(k_name, "b").error().category, Category::cache);
  chmod(path.c_str(), 0600);
  ASSERT_EQ(rename(path.c_str(), (m_scratch / "elsewhere").c_str()), 0);
  ASSERT_EQ(symlink((m_scratch / "elsewhere").c_str(), path.c_str()), 0);
  EXPECT_EQ(store.read_record(k_name, "b").error().category, Category::cache);
}

TEST_F(StoreTest, AFifoInARecordsPlaceDoesNotHang) {
  const Store store = open();
  ASSERT_EQ(mkfifo((m_path + "/" + k_name + ".json").c_str(), 0600), 0);
  EXPECT_EQ(store.read_record(k_name, "b").error().category, Category::cache);
}

TEST_F(StoreTest, AnImpossibleFolderIsToldAndNoError) {
  std::ofstream(m_scratch / "file") << "x";
  const auto store = try_open(m_scratch / "file/wif");
  // A file where a parent should be: it can't be made, and holds nobody's tokens either.
  if (store) {
    EXPECT_FALSE(*store);
    EXPECT_NE(m_why.find("/file/wif"), std::string::npos);
  } else {
    EXPECT_EQ(store.error().category, Category::cache);
  }
}

TEST_F(StoreTest, WritingOverALinkReplacesTheLinkNotItsTarget) {
  const Store store = open();
  std::ofstream(m_scratch / "victim") << "untouched";
  ASSERT_EQ(symlink((m_scratch / "victim").c_str(), (m_path + "/" + k_name + ".json").c_str()), 0);
  ASSERT_TRUE(store.write_record(k_name, record_of("b")));
  std::string text;
  std::ifstream(m_scratch / "victim") >> text;
  EXPECT_EQ(text, "untouched");
  EXPECT_TRUE(store.read_record(k_name, "b").value());
}

TEST_F(StoreTest, LeavesNoTemporaryFileBehind) {
  const Store store = open();
  ASSERT_TRUE(store.write_record(k_name, record_of("b")));
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(m_path)) ++files;
  EXPECT_EQ(files, 1U);
}

TEST_F(StoreTest, LeavesNoTokenInFreedMemory) {
  const Store store = open();
  for (const std::size_t size : {30U, 1024U, 5000U}) {
    const std::string token = "a-token-to-look-for." + std::string(size, 'x');
    const FreedMemory freed("a-token-to-look-for.");
    {
      Record record = record_of("binding");
      record.credential.access_token = Secret(std::string_view(token));
      ASSERT_TRUE(store.write_record(k_name, record));
      ASSERT_TRUE(store.read_record(k_name, "binding").value());
      EXPECT_FALSE(store.read_record(k_name, "another").value());
    }
    EXPECT_EQ(freed.found(), 0) << size;
  }
}

TEST_F(StoreTest, AReaderNeverSeesHalfARecord) {
  const Store store = open();
  ASSERT_TRUE(store.write_record(k_name, record_of("b")));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) {
      Record record = record_of("b");
      record.credential.access_token = Secret(std::string(i % 2 == 0 ? 10U : 100'000U, 'x'));
      EXPECT_TRUE(store.write_record(k_name, record));
    }
    done = true;
  });
  int missed = 0;
  while (!done) missed += store.read_record(k_name, "b").value() ? 0 : 1;
  writer.join();
  EXPECT_EQ(missed, 0);
}

TEST_F(StoreTest, ItsFilesArePrivateWhateverTheUmask) {
  const mode_t before = umask(0);
  const Store store = open();
  EXPECT_TRUE(store.write_record(k_name, record_of("b")));
  EXPECT_TRUE(store.write_failure("fedcba9876543210", Failure()));
  EXPECT_TRUE(store.open_lock(k_name));
  umask(before);
  EXPECT_EQ(mode_of(m_path), 0700U);
  for (const char* name : {"0123456789abcdef.json", "fedcba9876543210.failure", "0123456789abcdef.lock"})
    EXPECT_EQ(mode_of(m_path + "/" + name), 0600U) << name;
}

TEST_F(StoreTest, ALockLiesInTheFolderAndIsNobodyElses) {
  const Store store = open();
  const std::string path = m_path + "/" + k_name + ".lock";
  const auto lock = store.open_lock(k_name);
  ASSERT_TRUE(lock);
  struct stat opened {
  }, named{};
  ASSERT_EQ(fstat(lock->get(), &opened), 0);
  ASSERT_EQ(lstat(path.c_str(), &named), 0);
  EXPECT_EQ(opened.st_ino, named.st_ino);
  chmod(path.c_str(), 0666);  // whoever may open it may hold it for ever
  EXPECT_EQ(store.open_lock(k_name).error().category, Category::cache);
  unlink(path.c_str());
  ASSERT_EQ(symlink((m_scratch / "elsewhere").c_str(), path.c_str()), 0);
  EXPECT_EQ(store.open_lock(k_name).error().category, Category::cache);
  EXPECT_NE(access((m_scratch / "elsewhere").c_str(), F_OK), 0);
  unlink(path.c_str());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(store.open_lock(k_name).error().category, Category::cache);
}

TEST_F(StoreTest, AFailureLeavesTheRecordAlone) {
  const Store store = open();
  ASSERT_TRUE(store.write_record(k_name, record_of("b")));
  Failure failure;
  failure.binding = "b";
  ASSERT_TRUE(store.write_failure(k_name, failure));
  EXPECT_TRUE(store.read_record(k_name, "b").value());
}

TEST_F(StoreTest, AFailureComesBackAndARecordClearsIt) {
  const Store store = open();
  Failure failure;
  failure.binding = "b";
  failure.error = Error{Category::refused, "message", "hint", "invalid_grant"};
  failure.at = 100;
  failure.not_before = 130;
  failure.attempts = 3;
  failure.refused_subject = "ff";
  ASSERT_TRUE(store.write_failure(k_name, failure));
  const auto read = store.read_failure(k_name, "b");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->error.category, Category::refused);
  EXPECT_EQ(read->error.message, "message");
  EXPECT_EQ(read->error.cause, "invalid_grant");
  EXPECT_EQ(read->attempts, 3);
  EXPECT_EQ(read->not_before, 130);
  EXPECT_EQ(read->refused_subject, "ff");
  EXPECT_FALSE(store.read_failure(k_name, "another"));
  ASSERT_TRUE(store.write_record(k_name, record_of("b")));
  EXPECT_FALSE(store.read_failure(k_name, "b"));
}

TEST_F(StoreTest, NamesListsRecordsAndFailuresOnly) {
  const Store store = open();
  ASSERT_TRUE(store.write_record(k_name, record_of("b")));
  ASSERT_TRUE(store.write_failure("fedcba9876543210", Failure()));
  ASSERT_TRUE(store.open_lock(k_name));
  std::ofstream(m_path + "/notes.json") << "{}";
  EXPECT_EQ(store.names(), (std::vector<std::string>{k_name, "fedcba9876543210"}));
  store.remove(k_name);
  EXPECT_EQ(store.names(), (std::vector<std::string>{"fedcba9876543210"}));
}

TEST(CacheDirectory, IsTheFirstOfThreeVariables) {
  FakeSystem system;
  EXPECT_EQ(cache_directory(system), std::nullopt);
  system.variables["HOME"] = "/home/u";
  EXPECT_EQ(cache_directory(system), "/home/u/.cache/wif");
  system.variables["XDG_CACHE_HOME"] = "relative";  // to be ignored (XDG base directories, "Basics")
  EXPECT_EQ(cache_directory(system), "/home/u/.cache/wif");
  system.variables["XDG_CACHE_HOME"] = "/xdg";
  EXPECT_EQ(cache_directory(system), "/xdg/wif");
  system.variables["WIF_CACHE_DIR"] = "/mine";
  EXPECT_EQ(cache_directory(system), "/mine");
  system.raised = true;
  EXPECT_EQ(cache_directory(system), std::nullopt);
}

TEST(NetworkFileSystem, IsToldByItsMagicNumber) {
  // Those that the kernel's headers name, by their names; the others as their makers have them.
  const std::vector<std::pair<std::uint32_t, const char*>> rows = {
      {NFS_SUPER_MAGIC, "nfs"},   {CIFS_SUPER_MAGIC, "cifs"}, {SMB2_SUPER_MAGIC, "smb3"},
      {SMB_SUPER_MAGIC, "smb"},   {NCP_SUPER_MAGIC, "ncp"},   {AFS_SUPER_MAGIC, "openafs"},
      {AFS_FS_MAGIC, "afs"},      {CODA_SUPER_MAGIC, "coda"}, {V9FS_MAGIC, "9p"},
      {CEPH_SUPER_MAGIC, "ceph"}, {0x0bd00bd0, "lustre"}};
  for (const auto& [magic, name] : rows) EXPECT_EQ(network_file_system(magic), name);
}

TEST(NetworkFileSystem, IsNoneOfTheLocalOnes) {
  for (const std::uint32_t magic :
       {0U, 0xEF53U, 0x01021994U, 0x794c7630U, 0x58465342U, 0x9123683EU, 0x65735546U})
    EXPECT_EQ(network_file_system(magic), "") << std::hex << magic;
}

TEST(NetworkFileSystem, TheRealSystemAsksTheKernel) {
  EXPECT_EQ(real_system().file_system("/proc/self"), std::uint32_t{PROC_SUPER_MAGIC});
  EXPECT_EQ(real_system().file_system("/not/there"), 0U);
}

}  // namespace
}  // namespace wif
