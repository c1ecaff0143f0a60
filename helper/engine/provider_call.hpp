// SPDX-License-Identifier: Apache-2.0
// One call of a provider module: the host's services (wif/provider.h), and what came back checked as if it came from a
// stranger.
#pragma once

#include <cstdint>
#include <functional>

#include "core/engine_protocol.hpp"
#include "core/system.hpp"
#include "engine/deadline.hpp"
#include "engine/http.hpp"
#include "engine/log.hpp"
#include "engine/subject.hpp"
#include "util/error.hpp"
#include "wif/provider.h"

namespace wif {

struct ProviderServices {
  const EngineRequest& request;
  const System& system;
  Http& http;
  const Log& log;
  Deadline deadline;
  // Of what the module warns, in place of the log; empty: the log.
  std::function<void(const std::string&)> warn = {};
};

// The token (trimmed), its type and its expiry; hash and claims are left to check_subject. For a request of `subject_only`
// or `diagnose` also one that the module refuses. Whatever the module was handed is wiped and gone when this returns.
Result<SubjectToken> fetch_subject(const wif_provider& provider, const ProviderServices& services);

// What the module says of its source without fetching a token; nothing of one that says nothing.
void probe_source(const wif_provider& provider, const ProviderServices& services,
                  const std::function<void(DoctorStep)>& step);

}  // namespace wif
