// SPDX-License-Identifier: Apache-2.0
// One program, run to its end or to a deadline: no shell, in a session of its own (so that it can't ask anything on a
// terminal), with the descriptors 0 to 2 and no other. It dies with the thread that started it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/secret.hpp"

namespace wif {

struct Program {
  std::string path;                      // where `args[0]` is
  std::vector<std::string> args;         // the program's name first
  std::vector<std::string> environment;  // NAME=VALUE, the whole of it
  std::string_view input;                // its standard input; empty: /dev/null. Needs SIGPIPE to be ignored
  int errors_to = -1;                    // where its standard error goes as it comes; -1: nowhere
  int stop = -1;                         // a descriptor that ends it by becoming readable; -1: none
};

struct Ended {
  enum class How {
    exited,     // code: its exit status
    signalled,  // code: the signal
    overdue,    // it was still running at the deadline
    stopped,    // `stop` became readable
    too_long,   // it wrote more than there was room for
    unstarted,  // code: errno
  } how = How::exited;
  int code = 0;
  std::size_t size = 0;  // bytes of its standard output
  Secret errors;         // the end of its standard error, from the beginning of a word on
};

// Standard output goes to `memory`. At the deadline, when that is full, and when it is stopped, the whole process group is
// killed. What it leaves running after an end of its own is let be.
Ended run_program(const Program& program, std::int64_t timeout_ms, char* memory, std::size_t room);

}  // namespace wif
