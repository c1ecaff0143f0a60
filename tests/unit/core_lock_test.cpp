// SPDX-License-Identifier: Apache-2.0
#include "core/lock.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <thread>

#include "scratch_folder.hpp"
#include "util/fd.hpp"

namespace wif {
namespace {

class FileLock : public testing::Test {
 protected:
  // A description of its own, as another process has it.
  Fd open_file() const { return Fd(open((m_scratch / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)); }
  ScratchFolder m_scratch;
};

TEST_F(FileLock, ExcludesASecondHolder) {
  const Fd one = open_file();
  const Fd two = open_file();
  EXPECT_TRUE(try_lock(one.get(), LockMode::exclusive));
  EXPECT_FALSE(try_lock(two.get(), LockMode::exclusive));
  EXPECT_FALSE(try_lock(two.get(), LockMode::shared));
  unlock(one.get());
  EXPECT_TRUE(try_lock(two.get(), LockMode::exclusive));
}

TEST_F(FileLock, GivesUpAtItsDeadline) {
  const Fd one = open_file();
  const Fd two = open_file();
  ASSERT_TRUE(try_lock(one.get(), LockMode::exclusive));
  const std::int64_t deadline = monotonic_ms() + 30;
  EXPECT_FALSE(lock_until(two.get(), LockMode::exclusive, deadline));
  EXPECT_EQ(errno, ETIMEDOUT);
  EXPECT_GE(monotonic_ms(), deadline);
  EXPECT_FALSE(lock_until(two.get(), LockMode::exclusive, deadline));
  EXPECT_EQ(errno, ETIMEDOUT);
}

TEST_F(FileLock, DoesNotWaitWhereThereIsNoLockToBeHad) {
  EXPECT_FALSE(lock_until(-1, LockMode::exclusive, monotonic_ms() + 600'000));
  EXPECT_EQ(errno, EBADF);
}

TEST_F(FileLock, PollingDoesTheSameWithoutASignal) {
  const Fd one = open_file();
  const Fd two = open_file();
  ASSERT_TRUE(try_lock(one.get(), LockMode::exclusive));
  const std::int64_t deadline = monotonic_ms() + 30;
  EXPECT_FALSE(lock_until_polling(two.get(), LockMode::exclusive, deadline));
  EXPECT_EQ(errno, ETIMEDOUT);
  EXPECT_GE(monotonic_ms(), deadline);
  EXPECT_FALSE(lock_until_polling(-1, LockMode::exclusive, monotonic_ms() + 600'000));
  EXPECT_EQ(errno, EBADF);
  std::thread holder([&] { unlock(one.get()); });
  EXPECT_TRUE(lock_until_polling(two.get(), LockMode::exclusive, monotonic_ms() + 600'000));
  holder.join();
}

TEST_F(FileLock, UnlockAtEndReachesADescriptorThatWasForked) {
  const Fd one = open_file();
  const Fd same(dup(one.get()));  // as a forked process has it
  {
    ASSERT_TRUE(try_lock(one.get(), LockMode::exclusive));
    const UnlockAtEnd unlocked(one.get());
  }
  EXPECT_TRUE(try_lock(open_file().get(), LockMode::exclusive));
}

TEST_F(FileLock, LeavesTheCallersTimerAndHandlerAlone) {
  const Fd one = open_file();
  const Fd two = open_file();
  ASSERT_TRUE(try_lock(one.get(), LockMode::exclusive));
  EXPECT_FALSE(lock_until(two.get(), LockMode::shared, monotonic_ms() + 5));
  struct sigaction action {};
  sigaction(SIGALRM, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST_F(FileLock, IsReleasedWhenItsHolderDies) {
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const Fd file = open_file();
    const char mark = try_lock(file.get(), LockMode::exclusive) ? '+' : '-';
    static_cast<void>(!write(ready[1], &mark, 1));
    for (;;) pause();
  }
  char mark = 0;
  ASSERT_EQ(read(ready[0], &mark, 1), 1);
  ASSERT_EQ(mark, '+');
  const Fd file = open_file();
  EXPECT_FALSE(try_lock(file.get(), LockMode::exclusive));
  kill(holder, SIGKILL);
  EXPECT_TRUE(lock_until(file.get(), LockMode::exclusive, monotonic_ms() + 10'000));
  waitpid(holder, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(FileLock, StaysWithADescriptorThatWasHandedOn) {
  Fd one = open_file();
  const Fd heir(dup(one.get()));
  ASSERT_TRUE(try_lock(one.get(), LockMode::exclusive));
  one.reset();
  const Fd two = open_file();
  EXPECT_FALSE(try_lock(two.get(), LockMode::exclusive));
}

}  // namespace
}  // namespace wif
