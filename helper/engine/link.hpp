// SPDX-License-Identifier: Apache-2.0
// The credential of another profile, which this one's exchange needs (EngineRequest::links): its record if that is good,
// else an exchange under that record's own lock, so that a chain's links are shared with whoever uses them alone.
#pragma once

#include "engine/work.hpp"

namespace wif {

// The link of that role, or null.
const EngineRequest* find_link(const EngineRequest& request, std::string_view role);

// An error says whose it is.
ExchangeResult linked_credential(const Work& work, const EngineRequest& link);

// The credential as a token to send: its type is what its exchange said it is.
SubjectToken as_subject(const Credential& credential);

}  // namespace wif
