// SPDX-License-Identifier: Apache-2.0
// The order of things for one request: subject token, checks, exchange.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/engine_protocol.hpp"
#include "core/system.hpp"
#include "engine/answer.hpp"
#include "engine/deadline.hpp"
#include "engine/exchange/exchange.hpp"
#include "engine/http.hpp"
#include "engine/log.hpp"

namespace wif {

// One request and what it is done with. Of a link's request, all but `request` is the outer one's.
struct Work {
  const EngineRequest& request;
  const System& system;
  const Log& log;
  Deadline deadline;
  Answer& answer;
  Http& http;
};

EngineAnswer exchange_subject(const Work& work);
// For a request of `subject_only`.
EngineAnswer hand_over_subject(const Work& work);

// The credential, stored by nobody yet.
ExchangeResult run_exchange(const Work& work);

// The steps of run_exchange, for a diagnosis, which looks at what comes of each.
using SubjectResult = tl::expected<SubjectToken, EngineError>;
SubjectResult get_subject(const Work& work);
// Whoever hands over the subject token, for messages.
std::string source_of(const EngineRequest& request);
// Everything that has to be true of a subject token before it leaves this machine; fills in what is known of it.
std::optional<EngineError> objection(const Work& work, SubjectToken& subject, const std::string& token_type);
// Puts the actor's token into `input`, if the profile names one; `actor` keeps it.
std::optional<EngineError> add_actor(const Work& work, ExchangeInput& input,
                                     std::optional<SubjectToken>& actor);
// What the provider's module says of its source (wif_provider::probe), if it says anything.
void probe_subject_source(const Work& work, const std::function<void(DoctorStep)>& step);

}  // namespace wif
