// SPDX-License-Identifier: Apache-2.0
// Which unit gets which profile's credential: who asks, out of the name that systemd connects from, and the table that
// answers.
//
//   # unit            credential    profile
//   app.service       openai        prod
//   worker@*.service  openai        batch     (every instance of worker@.service)
#pragma once

#include <string>
#include <string_view>

#include "util/error.hpp"

namespace wif::systemd {

// What a unit's LoadCredential=CREDENTIAL:... asks for. Views what it was read from.
struct Peer {
  std::string_view unit;
  std::string_view credential;
};

// `name`: the bytes of the peer's sun_path, "\0RANDOM/unit/UNIT/CREDENTIAL" (systemd.exec(5)). Category usage.
Result<Peer> parse_peer(std::string_view name);

// Whether a process of that user speaks for systemd: root does, and our own user's manager.
bool may_ask(unsigned peer_user, unsigned own_user);

// The profile that `table` gives that credential of that unit; a line for the very unit comes before one for all instances.
// A mistake anywhere in the table is an error, and so is a peer that isn't in it. `path` is for the words. Category
// configuration.
Result<std::string> profile_of(std::string_view table, const std::string& path, const Peer& peer);

}  // namespace wif::systemd
