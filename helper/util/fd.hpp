// SPDX-License-Identifier: Apache-2.0
// File descriptors: an owner, and whole reads and writes. All descriptors are close-on-exec.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "util/error.hpp"

namespace wif {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : m_fd(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(m_fd, other.m_fd);
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return m_fd; }
  explicit operator bool() const { return m_fd >= 0; }
  int release() { return std::exchange(m_fd, -1); }
  void reset();

 private:
  int m_fd = -1;
};

// Reads to the end of file, at most `limit` bytes (one more is an error of category `bug`; errno is EFBIG).
// `what` names the file in the error.
Result<std::string> read_all(int fd, std::size_t limit, std::string_view what);

// The whole file; ENOENT and the like are errors of `category`.
Result<std::string> read_file(const std::string& path, std::size_t limit, Category category);

// For what nobody reads, and with nothing to read. A bare root directory has no /dev: there it goes into memory that is gone
// with the last that holds it.
Fd open_nowhere();

// Writes all of it, through interruptions and short writes. Returns 0, or errno.
int write_all(int fd, std::string_view data);

}  // namespace wif
