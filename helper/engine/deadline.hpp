// SPDX-License-Identifier: Apache-2.0
// The moment by which the engine has to have answered, on CLOCK_MONOTONIC (engine_protocol.hpp).
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/lock.hpp"

namespace wif {

class Deadline {
 public:
  explicit Deadline(std::int64_t at_ms) : m_at_ms(at_ms) {}
  std::int64_t at_ms() const { return m_at_ms; }
  std::int64_t left_ms() const { return std::max<std::int64_t>(m_at_ms - monotonic_ms(), 0); }

 private:
  std::int64_t m_at_ms;
};

}  // namespace wif
