// SPDX-License-Identifier: Apache-2.0
// A running wif-testbed, for tests. It ends with this object, or when the test itself dies.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace testbed {

class Child {
 public:
  // Throws std::runtime_error when the program says nothing on its first line.
  explicit Child(const std::string& program, const std::vector<std::string>& arguments = {});
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  std::string http() const { return m_http; }
  std::string https() const { return m_https; }
  std::string ca_file() const { return m_ca_file; }
  std::string ca_dir() const { return m_ca_dir; }
  pid_t pid() const { return m_pid; }
  // Closes the server's standard input and waits for it; its wait status.
  int end();

 private:
  pid_t m_pid = -1;
  int m_input = -1;
  std::string m_http;
  std::string m_https;
  std::string m_ca_file;
  std::string m_ca_dir;
};

}  // namespace testbed
