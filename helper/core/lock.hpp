// SPDX-License-Identifier: Apache-2.0
// flock(2) with a deadline. The lock belongs to the open file description: an engine that inherits the descriptor holds
// it on when the wif that took it is gone.
#pragma once

#include <cstdint>

namespace wif {

// Milliseconds of CLOCK_MONOTONIC; deadlines are given in these.
std::int64_t monotonic_ms();

enum class LockMode { shared, exclusive };

// At once or not at all.
bool try_lock(int fd, LockMode mode);
// Waits until `deadline_ms`; false if it passed (errno is ETIMEDOUT), or if there is no lock to be had (errno is flock's,
// such as ENOLCK on NFS without its lock service). Uses SIGALRM and the real-time interval timer, and puts both back: for a
// single-threaded program.
bool lock_until(int fd, LockMode mode, std::int64_t deadline_ms);
// The same as lock_until by tries with growing pauses of up to 20 ms: for a program of several threads, or with signals of its own.
bool lock_until_polling(int fd, LockMode mode, std::int64_t deadline_ms);
using LockWaiter = bool (*)(int fd, LockMode mode, std::int64_t deadline_ms);
void unlock(int fd);

// Unlocks at the end of a scope, whoever else has the descriptor: closing it would leave the lock with a process that was
// forked in between.
class UnlockAtEnd {
 public:
  explicit UnlockAtEnd(int fd) : m_fd(fd) {}
  ~UnlockAtEnd() { unlock(m_fd); }
  UnlockAtEnd(const UnlockAtEnd&) = delete;
  UnlockAtEnd& operator=(const UnlockAtEnd&) = delete;

 private:
  int m_fd;
};

}  // namespace wif
