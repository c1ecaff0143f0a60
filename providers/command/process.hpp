// SPDX-License-Identifier: Apache-2.0
// One program, run to its end or to a deadline: no shell, /dev/null as its input, in a session of its own (so that it
// can't ask anything on a terminal), with the descriptors 0 to 2 and no other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/secret.hpp"

namespace wif::command {

struct Program {
  std::string path;                      // where `args[0]` is
  std::vector<std::string> args;         // the program's name first
  std::vector<std::string> environment;  // NAME=VALUE, the whole of it
};

struct Ended {
  enum class How {
    exited,     // code: its exit status
    signalled,  // code: the signal
    overdue,    // it was still running at the deadline
    too_long,   // it wrote more than there was room for
    unstarted,  // code: errno
  } how = How::exited;
  int code = 0;
  std::size_t size = 0;  // bytes of its standard output
  Secret errors;         // the end of its standard error, from the beginning of a word on
};

// Standard output goes to `memory`. At the deadline, and when that is full, the whole process group is killed.
Ended run(const Program& program, std::int64_t timeout_ms, char* memory, std::size_t room);

}  // namespace wif::command
