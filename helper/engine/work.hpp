// SPDX-License-Identifier: Apache-2.0
// The order of things for one request: subject token, checks, exchange.
#pragma once

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

}  // namespace wif
