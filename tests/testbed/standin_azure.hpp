// SPDX-License-Identifier: Apache-2.0
// Azure's three sources of a managed identity's token, as their references say (providers/azure/azure.cpp has the
// addresses): what they demand of a request, what they answer, and what they refuse it with.
#pragma once

#include "http.hpp"
#include "state.hpp"

namespace testbed {

void azure_imds(State& state, const httplib::Request& request, httplib::Response& response);
void azure_app_service(State& state, const httplib::Request& request, httplib::Response& response);
void azure_arc(State& state, const httplib::Request& request, httplib::Response& response);

}  // namespace testbed
