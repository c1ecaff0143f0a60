// SPDX-License-Identifier: Apache-2.0
#include "core/lock.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include <sys/file.h>
#include <sys/time.h>

namespace wif {
namespace {

// A winner's exchange takes 10 ms at least.
constexpr std::int64_t k_first_pause_ns = 500'000;
constexpr std::int64_t k_longest_pause_ns = 20'000'000;

void on_alarm(int) {}

int operation(LockMode mode) { return mode == LockMode::shared ? LOCK_SH : LOCK_EX; }

// An interval timer that interrupts system calls, for the time of one scope. It fires again and again, since the first
// signal may come just before the call that it is to interrupt.
class Alarm {
 public:
  explicit Alarm(std::int64_t after_ms) {
    struct sigaction action {};
    action.sa_handler = on_alarm;  // no SA_RESTART: flock has to return
    sigaction(SIGALRM, &action, &m_former);
    itimerval timer{};
    timer.it_value.tv_sec = after_ms / 1000;
    timer.it_value.tv_usec = after_ms % 1000 * 1000 + 1;
    timer.it_interval.tv_usec = 20'000;
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
  ~Alarm() {
    const itimerval off{};
    setitimer(ITIMER_REAL, &off, nullptr);
    sigaction(SIGALRM, &m_former, nullptr);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 private:
  struct sigaction m_former {};
};

bool out_of_time() {
  errno = ETIMEDOUT;
  return false;
}

}  // namespace

std::int64_t monotonic_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

bool try_lock(int fd, LockMode mode) { return flock(fd, operation(mode) | LOCK_NB) == 0; }

bool lock_until(int fd, LockMode mode, std::int64_t deadline_ms) {
  if (try_lock(fd, mode)) return true;
  const std::int64_t left = deadline_ms - monotonic_ms();
  if (left <= 0) return out_of_time();
  const Alarm alarm(left);
  for (;;) {
    if (flock(fd, operation(mode)) == 0) return true;
    if (errno != EINTR) return false;
    if (monotonic_ms() >= deadline_ms) return out_of_time();
  }
}

bool lock_until_polling(int fd, LockMode mode, std::int64_t deadline_ms) {
  for (std::int64_t pause = k_first_pause_ns;; pause = std::min(2 * pause, k_longest_pause_ns)) {
    if (try_lock(fd, mode)) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    const std::int64_t left = deadline_ms - monotonic_ms();
    if (left <= 0) return out_of_time();
    const timespec time{0, static_cast<long>(std::min(pause, left * 1'000'000))};
    nanosleep(&time, nullptr);
  }
}

void unlock(int fd) { flock(fd, LOCK_UN); }

}  // namespace wif
