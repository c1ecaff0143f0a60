// SPDX-License-Identifier: Apache-2.0
// Looks for a secret in what is freed: whoever held it should have wiped it. The test program's operator delete
// (freed_memory.cpp) does the looking, so it sees strings and the like, not malloc's own users.
#pragma once

#include <string_view>

namespace wif {

// Watches from here to its end; one at a time, and only the test's own copies may not be freed meanwhile.
class FreedMemory {
 public:
  explicit FreedMemory(std::string_view secret);
  ~FreedMemory();
  FreedMemory(const FreedMemory&) = delete;
  FreedMemory& operator=(const FreedMemory&) = delete;
  // How many freed blocks held it still.
  int found() const;
};

}  // namespace wif
