// SPDX-License-Identifier: Apache-2.0
// The cache's rules: whose record it is (binding), how old it may be (states), when to try again (failures).
// helper/core/README.md has them as a table, with the test of each.
#pragma once

#include <cstdint>
#include <string>

#include "core/config.hpp"
#include "core/store.hpp"
#include "core/system.hpp"

namespace wif {

// Error::cause of an exchange that was given up because of that: make the binding anew and try again.
inline constexpr std::string_view k_identity_changed = "identity_changed";

enum class State { fresh, stale, invalid };

// Everything that decides whose credential a record is, as text: one "key=value" a line, escaped.
// Fails (no_identity, configuration) where an identity input can't be read.
Result<std::string> make_binding(const System& system, const Profile& profile);
std::string record_name(std::string_view binding);
// Whether a linked profile's binding is still the one that went into `binding`.
bool links_to(std::string_view binding, std::string_view role, std::string_view linked);
// Whether a subject token that was fetched after the binding was made has the identity that the binding names. A binding
// without a token's identity fits any. False: the source was swapped in between, and the record must not be written.
bool binding_fits(std::string_view binding, std::string_view token);

// The refresh point: 1,200 s before expiry or half of the lifetime, whichever is later, less up to 10 % of the time from
// issue to that point, so that a fleet started together spreads out. Half of the lifetime is the floor: where the jitter
// would pass below it, the same spread lies above. `jitter` is in [0, 1).
std::int64_t refresh_point(const Credential& credential, double jitter);
Record make_record(std::string binding, std::string profile, Credential credential);

// By both clocks: expired by either is expired. min_ttl in seconds; no more than a quarter of the lifetime is kept back,
// or a credential that lives shorter than min_ttl would cost an exchange a call.
State state_of(const Record& record, const Now& now, std::int64_t min_ttl);
// Whether a consumer that needs it for `min_remaining` seconds more should get another. Half of the lifetime at most is kept
// back for one, or a consumer that needs as much as the exchange gives would cost an exchange a call.
bool is_short(const Record& record, const Now& now, std::int64_t min_remaining);

// The failure to remember after `error`, given what was remembered before (may be null): the next try is due after
// 1 s, doubling to 60 s, or after upstream's Retry-After if that is later.
Failure next_failure(const System& system, const Failure* before, std::string binding, std::string profile,
                     const EngineError& error);

// Whether a call that needs an exchange should get the remembered failure instead: only while its pause lasts, and only
// for what upstream said (refused, unreachable); what is wrong on this machine is looked at anew every time.
bool is_remembered(const Failure& failure, const Now& now);
// Whether a refresh behind a stale record should wait: while the pause lasts, whatever failed.
bool is_paused(const Failure& failure, const Now& now);

}  // namespace wif
