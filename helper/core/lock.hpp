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
// Waits for as long as it takes; false if there is no lock to be had. For a process whose end somebody else sees to.
bool wait_for_lock(int fd, LockMode mode);
void unlock(int fd);

}  // namespace wif
