// SPDX-License-Identifier: Apache-2.0
// Stands in for AWS: STS (GetWebIdentityToken, whose signature is verified, and AssumeRoleWithWebIdentity), EC2's
// instance metadata service (version 2 only), and the endpoint that gives a container its credentials. Each place hands
// out a key of its own, so that the token's `sub` says which one was used.
#pragma once

#include "http.hpp"
#include "state.hpp"

namespace testbed {

void aws_sts(State& state, const httplib::Request& request, httplib::Response& response);
void aws_imds_session(State& state, const httplib::Request& request, httplib::Response& response);
void aws_imds(State& state, const httplib::Request& request, httplib::Response& response);
void aws_container(State& state, const httplib::Request& request, httplib::Response& response);

}  // namespace testbed
