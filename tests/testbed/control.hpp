// SPDX-License-Identifier: Apache-2.0
// The /control/ endpoints by which tests steer the server. README.md lists them.
#pragma once

#include "http.hpp"
#include "state.hpp"

namespace testbed {

// Any method does. Throws std::invalid_argument for a request that makes no sense.
void control(State& state, const httplib::Request& request, httplib::Response& response);

}  // namespace testbed
