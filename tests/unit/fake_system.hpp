// SPDX-License-Identifier: Apache-2.0
// A System without disk or clock: what the maps hold is all there is.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>

#include "core/system.hpp"

namespace wif {

class FakeSystem : public System {
 public:
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;
  std::string disk;         // below this folder, the real files; empty: nowhere
  bool raised = false;      // as under AT_SECURE
  std::uint32_t magic = 0;  // of the file system below everything
  Now time{1'800'000'000, 5'000'000};
  std::string host = "host-1";
  std::string boot = "boot-1";
  std::uint32_t user = geteuid();

  Now now() const override { return time; }
  std::optional<std::string> variable(const char* name) const override {
    const auto found = variables.find(name);
    if (found == variables.end() || found->second.empty()) return {};
    return found->second;
  }
  std::optional<std::string> trusted_variable(const char* name) const override {
    if (raised) return {};
    return variable(name);
  }
  std::optional<std::string> read(const std::string& path) const override {
    if (on_disk(path)) return real_system().read(path);
    const auto found = files.find(path);
    errno = ENOENT;
    if (found == files.end()) return {};
    return found->second;
  }
  bool exists(const std::string& path) const override {
    return on_disk(path) ? real_system().exists(path) : files.count(path) != 0;
  }
  std::uint32_t file_system(const std::string&) const override { return magic; }
  std::string host_name() const override { return host; }
  std::string boot_id() const override { return boot; }
  std::uint32_t user_id() const override { return user; }

 private:
  bool on_disk(const std::string& path) const { return !disk.empty() && path.starts_with(disk); }
};

}  // namespace wif
