// SPDX-License-Identifier: Apache-2.0
#include "engine/answer.hpp"

#include <thread>

#include <unistd.h>
#include <ctime>

#include "engine/outcome.hpp"
#include "util/secret.hpp"

namespace wif {

void Answer::watch(Deadline deadline) {
  std::thread([this, deadline] {
    const timespec until{static_cast<time_t>(deadline.at_ms() / 1000),
                         static_cast<long>(deadline.at_ms() % 1000 * 1000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0) continue;
    if (claim()) overdue();
  }).detach();
}

void Answer::stage(std::string_view name, Error overdue, std::string subject_hash) {
  const std::lock_guard lock(m_mutex);
  if (m_claimed) return;
  m_overdue = {};
  m_overdue.error = std::move(overdue);
  m_overdue.subject_hash = std::move(subject_hash);
  write_all(m_pipe.get(), write_stage(name));
}

void Answer::finish(EngineAnswer answer) {
  if (!claim())
    for (;;) pause();
  if (answer.subject) {
    // Nothing of it is kept.
  } else if (answer.outcome) {
    answer.warning = store_credential(m_system, m_request, *answer.outcome);
  } else {
    store_failure(m_system, m_request, answer.outcome.error());
  }
  std::string line = write_answer(answer);
  write_all(m_pipe.get(), line);
  wipe(line);
}

bool Answer::claim() {
  const std::lock_guard lock(m_mutex);
  return !std::exchange(m_claimed, true);
}

void Answer::overdue() {
  EngineAnswer answer;
  answer.outcome = tl::unexpected(m_overdue);
  // The line first: a cache directory that hangs too must not keep it.
  write_all(m_pipe.get(), write_answer(answer));
  store_failure(m_system, m_request, m_overdue);
  _exit(0);
}

}  // namespace wif
