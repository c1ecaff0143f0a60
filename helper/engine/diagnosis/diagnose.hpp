// SPDX-License-Identifier: Apache-2.0
// `wif doctor` from the engine's side: the whole way to a credential, with the very code that `wif get` runs, and every step of it
// said as soon as it is known. It stops at nothing from which more can be learned: the way to the token endpoint and the
// issuer's keys are looked at beside the rest.
#pragma once

#include "engine/work.hpp"

namespace wif {

EngineAnswer diagnose(const Work& work);

}  // namespace wif
