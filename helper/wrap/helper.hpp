// SPDX-License-Identifier: Apache-2.0
// Running the wrapped command in an engine's place: the same promises to Session, no engine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/engine_process.hpp"
#include "core/system.hpp"
#include "util/process.hpp"
#include "wrap/command.hpp"

namespace wif::wrap {

// Error::cause of an answer that was good for the one who asked and can't be kept: whoever waited for it has to ask for
// itself, without the cache.
inline constexpr std::string_view k_not_kept = "not_kept";

// How a helper's own failure goes through Error::cause, and so through the memory of failures: its exit status, and what it
// printed, if that is its protocol's form for a failure.
struct OwnFailure {
  int exit_status = 0;
  std::string form;
};
std::string write_own_failure(const OwnFailure& failure);
std::optional<OwnFailure> read_own_failure(std::string_view cause);

// What has been heard of a helper. `kept`: it has an expiry, or a --ttl in its place.
struct Heard {
  Credential credential;
  bool kept = false;
};

// What the end of a helper and its output amount to. `former_shape`: of the record that this is to replace, or empty.
tl::expected<Heard, EngineError> judge(const Command& command, const Ended& ended, std::string_view output,
                                       std::string_view former_shape, const Now& now);

// The end of what a helper said on standard error, as one line without secrets; empty if it said nothing.
std::string excerpt_of(const Ended& ended, const Command& command, const System& system);

class Helper final : public EngineStarter {
 public:
  // Both outlive it.
  Helper(const System& system, const Command& command) : m_system(system), m_command(command) {}

  // Its standard error is passed on as it comes. SIGINT, SIGTERM and SIGHUP end it, and then this process.
  EngineAnswer run(const EngineRequest& request, int lock) override;
  Status detach(const EngineRequest& request, int lock) override;

 private:
  EngineAnswer ask(const EngineRequest& request, int errors_to, int stop) const;
  std::string former_shape(const EngineRequest& request) const;

  const System& m_system;
  const Command& m_command;
};

}  // namespace wif::wrap
