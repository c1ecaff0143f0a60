// SPDX-License-Identifier: Apache-2.0
// The audit log: who asked for which profile's credential, and whether it came from the record. No token, and no part of one.
#pragma once

#include <string>
#include <string_view>

#include "core/system.hpp"
#include "util/error.hpp"

namespace wif {

struct AuditEvent {
  std::string_view profile;
  std::string_view
      outcome;  // "hit", "exchange" (made now, by the caller or by whom it waited for) or "failed"
};

inline constexpr std::string_view k_syslog = "syslog";

// One line of JSON: time, user, this process, the one that started it.
std::string audit_line(const System& system, const AuditEvent& event);

// `place` is what the profile's `audit` says: "syslog", or a file, which is made with mode 0600 and only ever appended to, a line
// in one write. The error is for a warning: no answer is held back for it.
Status write_audit(const System& system, std::string_view place, const AuditEvent& event);

// The same line to a syslog daemon's socket (RFC 3164's form, authpriv.info).
Status send_syslog(const std::string& socket, const std::string& line);

}  // namespace wif
