// SPDX-License-Identifier: Apache-2.0
// Standard input, where it is a request. It may hold secrets (git's erase names a password), so what is read is wiped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "util/error.hpp"
#include "util/secret.hpp"

namespace wif {

inline constexpr std::size_t k_input_limit = std::size_t{1} << 20;

// All of it, but not past the deadline (of monotonic_ms) and no more than the limit (usage). `what` is how errors begin.
Result<Secret> read_input(const std::string& what, std::int64_t deadline_ms);

// Line by line, for as long as the other side keeps it open.
class InputLines {
 public:
  InputLines() = default;
  InputLines(const InputLines&) = delete;
  InputLines& operator=(const InputLines&) = delete;
  ~InputLines() { wipe(m_pending); }

  // The next line, without its end; nothing when there are no more. A last line needs no end. Longer than the limit: usage.
  Result<std::optional<Secret>> next();

 private:
  std::string m_pending;
  bool m_ended = false;
};

}  // namespace wif
