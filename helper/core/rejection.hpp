// SPDX-License-Identifier: Apache-2.0
// Consumers whose helper protocol has no word for "your token was refused": kubectl, Codex and the like run the helper again
// after a 401, and say nothing. So the same program asking again within seconds, for a record that hasn't changed, counts as
// a rejection: the next answer is exchanged anew. A program may be wrong about it, and a server may refuse every token there
// is; hence one such exchange a minute for each record, whoever asks.
//
// What the rule needs to know of the last call stands in the record's lock file: one line, overwritten in place. Only calls
// of such consumers read or write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wif {

struct Asked {
  std::int64_t caller = 0;          // which program in which process asked; 0: unknown
  std::int64_t at_boot_ms = 0;      // when, in milliseconds since boot
  std::int64_t issued_boot = 0;     // which credential it was given: its Credential::issued_boot
  std::int64_t forced_boot_ms = 0;  // when a rejection last made an exchange; 0: never
};

// Nothing where the text isn't such a line: a new lock file is empty.
std::optional<Asked> parse_asked(std::string_view text);
std::string format_asked(const Asked& asked);  // of one length, whatever the values

// Whether `caller`, asking now for the credential of `issued_boot`, was refused with it.
bool is_rejection(const Asked& before, std::int64_t caller, std::int64_t issued_boot, std::int64_t boot_ms);

// Of an open lock file.
std::optional<Asked> read_asked(int lock);
void write_asked(int lock, const Asked& asked);  // one that can't be written is one that isn't remembered

}  // namespace wif
