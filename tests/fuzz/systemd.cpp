// SPDX-License-Identifier: Apache-2.0
// The name of a peer (the first line, "\0" for its NUL byte kept as it is) and the table of units (the rest): what an
// unforeseen one of either must not get.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "integrations/systemd/units.hpp"

namespace {

void must(bool held) {
  if (!held) std::abort();
}

void must_be_shown(const wif::Error& error) {
  must(!error.message.empty() && !error.hint.empty());
  for (const char c : error.message + error.hint) must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), size);
  const std::string_view table = input.substr(std::min(end + 1, size));
  auto peer = wif::systemd::parse_peer(input.substr(0, end));
  if (!peer) {
    must_be_shown(peer.error());
    peer = wif::systemd::Peer{"app.service", "openai"};
  }
  // Nothing in it that could be another unit, a path, or a line.
  must(peer->unit.find_first_of(std::string_view("*/ \n\0", 5)) == std::string_view::npos);
  must(peer->credential.find_first_of(std::string_view("/:\n\0", 4)) == std::string_view::npos);
  const auto profile = wif::systemd::profile_of(table, "/etc/wif/units", *peer);
  if (!profile) {
    must_be_shown(profile.error());
    return 0;
  }
  // Only what a line names.
  must(!profile->empty() && table.find(*profile) != std::string_view::npos);
  must(table.find(peer->credential) != std::string_view::npos);
  must(!wif::systemd::profile_of("", "/etc/wif/units", *peer));
  return 0;
}
