// SPDX-License-Identifier: Apache-2.0
#include "engine/answer.hpp"

#include <climits>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "core/outcome.hpp"
#include "util/secret.hpp"

namespace wif {
namespace {

// A killed wif leaves us its stderr, and whoever reads that to its end would wait for us.
void let_go_of_stderr() { dup2(open_nowhere().get(), STDERR_FILENO); }

}  // namespace

EngineError Answer::too_late() {
  EngineError failure;
  failure.error = {Category::unreachable,
                   "there was no time left to look for a subject token",
                   "allow more with --timeout, or see what keeps this machine busy",
                   {}};
  return failure;
}

void Answer::watch(Deadline deadline) {
  std::thread([this, deadline] {
    pollfd reader{m_pipe.get(), 0, 0};  // no events asked for: POLLERR comes when the pipe has no reader left
    while (const std::int64_t left = deadline.left_ms()) {
      if (poll(&reader, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX))) <= 0) continue;
      let_go_of_stderr();
      reader.fd = -1;  // poll passes over it
    }
    if (claim()) overdue();
  }).detach();
}

void Answer::stage(std::string_view name, Error overdue, std::string subject_hash) {
  const std::lock_guard lock(m_mutex);
  if (m_claimed) return;
  m_overdue = {};
  m_overdue.error = std::move(overdue);
  m_overdue.subject_hash = std::move(subject_hash);
  m_overdue.stage = name;
  write_all(m_pipe.get(), write_stage(name));
}

void Answer::step(const DoctorStep& step) {
  const std::lock_guard lock(m_mutex);
  if (!m_claimed) write_all(m_pipe.get(), write_step_line(step));
}

void Answer::finish(EngineAnswer answer) {
  if (!claim())
    for (;;) pause();
  if (!answer.outcome) answer.outcome.error().stage = m_overdue.stage;
  if (answer.subject || answer.document || answer.diagnosed) {
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
