// SPDX-License-Identifier: Apache-2.0
// One request from arrival to answer: journal, gate, fault, answer or endpoint, fault again.
#pragma once

#include "http.hpp"
#include "state.hpp"

namespace testbed {

void dispatch(State& state, const httplib::Request& request, httplib::Response& response);

}  // namespace testbed
