// SPDX-License-Identifier: Apache-2.0
// Starting wif-engine (engine_protocol.hpp), and reading its answer.
#pragma once

#include <string>

#include "core/engine_protocol.hpp"
#include "core/system.hpp"
#include "util/error.hpp"

namespace wif {

// How engines are started; a fake in unit tests.
class EngineStarter {
 public:
  EngineStarter() = default;
  EngineStarter(const EngineStarter&) = delete;
  EngineStarter& operator=(const EngineStarter&) = delete;
  virtual ~EngineStarter() = default;

  // Runs an engine to its end, or to request.deadline_ms and a little more, when it is killed. `lock` is the locked
  // file's descriptor, or -1. No usable answer (a crash, a time-out) comes back as an EngineError of its own.
  virtual EngineAnswer run(const EngineRequest& request, int lock) = 0;
  // Hands the lock to an engine of its own session, with no descriptor of ours, and doesn't wait for it.
  virtual Status detach(const EngineRequest& request, int lock) = 0;
};

// Beside the program that runs: PREFIX/bin/wif has PREFIX/libexec/wif/wif-engine; $WIF_ENGINE (not under AT_SECURE) comes
// first, for development.
Result<std::string> engine_path(const System& system);

// The program that starts an engine.
struct EngineHost {
  Result<std::string> (*find)(const System& system) = engine_path;
  // Somebody else's, with libwif in it: the engine writes nothing to its stderr, and a detached one is not its child.
  bool foreign = false;
};

// Starts wif-engine, and signals and waits for that one child only; for several threads at once. Where wif-engine is gets
// looked up when it is needed: a cached answer needs none.
class EngineProcess final : public EngineStarter {
 public:
  explicit EngineProcess(const System& system, EngineHost host = {}) : m_system(system), m_host(host) {}
  EngineAnswer run(const EngineRequest& request, int lock) override;
  Status detach(const EngineRequest& request, int lock) override;

 private:
  const System& m_system;
  EngineHost m_host;
};

}  // namespace wif
