// SPDX-License-Identifier: Apache-2.0
#include "cli/caller.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

#include "core/system.hpp"

namespace wif {
namespace {

constexpr std::array<std::string_view, 6> k_shells = {"sh", "dash", "bash", "ash", "zsh", "busybox"};

struct Ancestor {
  std::string name;
  std::int64_t parent = 0;
};

// proc(5): "PID (NAME) STATE PPID ...", and NAME may hold anything.
Ancestor look_at(std::int64_t pid) {
  const auto stat = real_system().read("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return {};
  const std::size_t open = stat->find('(');
  const std::size_t close = stat->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 4 > stat->size()) return {};
  Ancestor out{stat->substr(open + 1, close - open - 1), 0};
  std::from_chars(stat->data() + close + 4, stat->data() + stat->size(), out.parent);
  return out;
}

// A process may become another program, which then asks for the first time: gcloud's kubectl does, to choose kubectl's version.
std::int64_t with_program(std::int64_t pid) {
  constexpr int k_pid_bits = 22;  // proc(5), pid_max
  struct stat program {};
  if (stat(("/proc/" + std::to_string(pid) + "/exe").c_str(), &program) != 0) return pid;
  return static_cast<std::int64_t>((program.st_ino << k_pid_bits ^ static_cast<std::uint64_t>(pid)) &
                                   INT64_MAX);
}

}  // namespace

std::int64_t calling_process() {
  const std::int64_t parent = getppid();
  const Ancestor ancestor = look_at(parent);
  const bool is_shell = std::find(k_shells.begin(), k_shells.end(), ancestor.name) != k_shells.end();
  return with_program(is_shell && ancestor.parent > 1 ? ancestor.parent : parent);
}

}  // namespace wif
