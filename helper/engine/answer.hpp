// SPDX-License-Identifier: Apache-2.0
// The engine's answer: given exactly once, by the work or, at the deadline, by a watchdog thread, so that a module or a
// library that sleeps for ever can't hold it back.
#pragma once

#include <mutex>
#include <string>

#include "core/engine_protocol.hpp"
#include "core/system.hpp"
#include "engine/deadline.hpp"
#include "util/fd.hpp"

namespace wif {

class Answer {
 public:
  // `pipe` is where the lines go. `request` and `system` have to outlive the process's work.
  Answer(Fd pipe, const EngineRequest& request, const System& system)
      : m_pipe(std::move(pipe)), m_request(request), m_system(system) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  // Starts the watchdog, which ends the process at the deadline. When the pipe's reader is gone, it lets go of stderr:
  // the work goes on for those who wait for the lock, and no caller's caller has to wait for it.
  void watch(Deadline deadline);
  // Says which stage begins; `overdue` is the error if the deadline passes in it.
  void stage(std::string_view name, Error overdue, std::string subject_hash = {});
  // What a diagnosis found.
  void step(const DoctorStep& step);
  // Stores the outcome as the request asks, and writes the final line.
  void finish(EngineAnswer answer);

 private:
  // True for the first to ask. Who comes second waits for the process's end, which the first one brings.
  bool claim();
  void overdue();

  Fd m_pipe;
  const EngineRequest& m_request;
  const System& m_system;
  std::mutex m_mutex;
  bool m_claimed = false;
  EngineError m_overdue = too_late();

  // For a deadline that passes before the first stage.
  static EngineError too_late();
};

}  // namespace wif
