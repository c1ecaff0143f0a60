// SPDX-License-Identifier: Apache-2.0
// Making faults happen to an answer.
#pragma once

#include "clock.hpp"
#include "faults.hpp"
#include "gate.hpp"
#include "http.hpp"

namespace testbed {

struct FaultContext {
  Gate& gate;
  const Clock& clock;
};

// True when the request is dealt with, and nothing is to handle it any more.
bool apply_before(const FaultContext& context, const Fault& fault, const httplib::Request& request,
                  httplib::Response& response);
void apply_after(const FaultContext& context, const Fault& fault, httplib::Response& response);
std::string http_date(std::int64_t seconds);

}  // namespace testbed
