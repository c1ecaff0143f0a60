// SPDX-License-Identifier: Apache-2.0
// OpenAI's API in small: two endpoints that take nothing but access tokens of ours that still live.
#pragma once

#include "http.hpp"
#include "state.hpp"

namespace testbed {

void list_models(State& state, const httplib::Request& request, httplib::Response& response);
// Server-sent events when the request says "stream": true.
void create_response(State& state, const httplib::Request& request, httplib::Response& response);

}  // namespace testbed
