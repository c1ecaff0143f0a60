// SPDX-License-Identifier: Apache-2.0
// What the logic asks of the operating system, behind one small interface, so that tests need neither a disk nor a
// clock. tests/unit/fake_system.hpp is the other implementation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace wif {

// Both clocks: Unix time in seconds, which may be stepped, and time since boot, which counts suspend.
struct Now {
  std::int64_t wall = 0;
  std::int64_t boot_ms = 0;
  std::int64_t boot() const { return boot_ms / 1000; }
};

class System {
 public:
  constexpr System() = default;
  System(const System&) = delete;
  System& operator=(const System&) = delete;
  constexpr virtual ~System() = default;

  virtual Now now() const = 0;
  // An environment variable; nothing if unset or empty.
  virtual std::optional<std::string> variable(const char* name) const = 0;
  // As above, and nothing where the program runs with raised privileges (AT_SECURE): for paths and the like.
  virtual std::optional<std::string> trusted_variable(const char* name) const = 0;
  // Whole file; nothing (and errno) if it can't be read. At most 1 MiB.
  virtual std::optional<std::string> read(const std::string& path) const = 0;
  virtual bool exists(const std::string& path) const = 0;
  // The magic number of the file system that a path lies on (statfs(2)); 0 if that can't be told.
  virtual std::uint32_t file_system(const std::string& path) const = 0;
  virtual std::string host_name() const = 0;
  virtual std::string boot_id() const = 0;
  virtual std::uint32_t user_id() const = 0;  // effective
};

const System& real_system();

}  // namespace wif
