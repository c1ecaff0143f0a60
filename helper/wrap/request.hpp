// SPDX-License-Identifier: Apache-2.0
// git and docker ask their helpers for more than a credential, by the last argument. Only `get` is cached; the others go to the
// helper as they are, and `erase` and `store` take from the cache what they make untrue.
//
// https://git-scm.com/docs/gitcredentials#_custom_helpers
// https://github.com/docker/docker-credential-helpers#development
#pragma once

#include <optional>
#include <string>

#include "wrap/command.hpp"

namespace wif::wrap {

// A request that no credential answers: store, erase, list, ...
bool is_other_request(const Command& command);

// git's erase names the password that was refused. Its SHA-256, hexadecimal, or nothing: this is another request.
std::optional<std::string> refused_token_hash(const Command& command);

// The `get` whose answer docker's store or erase makes untrue, or nothing: this is another request.
std::optional<Command> outdated_get(const Command& command);

}  // namespace wif::wrap
