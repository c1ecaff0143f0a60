// SPDX-License-Identifier: Apache-2.0
#include "core/system.hpp"

#include <ctime>

#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/fd.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_file_limit = 1 << 20;

std::int64_t milliseconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

std::optional<std::string> non_empty(const char* value) {
  if (value == nullptr || *value == '\0') return {};
  return value;
}

class RealSystem final : public System {
 public:
  constexpr RealSystem() = default;
  constexpr ~RealSystem() override {}
  Now now() const override {
    return {milliseconds_of(CLOCK_REALTIME) / 1000, milliseconds_of(CLOCK_BOOTTIME)};
  }
  std::optional<std::string> variable(const char* name) const override { return non_empty(getenv(name)); }
  std::optional<std::string> trusted_variable(const char* name) const override {
    return non_empty(secure_getenv(name));
  }
  std::optional<std::string> read(const std::string& path) const override {
    auto text = read_file(path, k_file_limit, Category::configuration);
    if (!text) return {};
    return std::move(*text);
  }
  bool exists(const std::string& path) const override { return access(path.c_str(), F_OK) == 0; }
  std::uint32_t file_system(const std::string& path) const override {
    struct statfs info {};
    // Signed, and wider than the number itself, on some machines.
    return statfs(path.c_str(), &info) == 0 ? static_cast<std::uint32_t>(info.f_type) : 0;
  }
  std::string host_name() const override {
    utsname names{};
    return uname(&names) == 0 ? names.nodename : "";
  }
  std::string boot_id() const override {
    const auto text = read("/proc/sys/kernel/random/boot_id");
    return text ? std::string(trim(*text)) : "";
  }
  std::uint32_t user_id() const override { return geteuid(); }
};

// Made by the compiler: nothing is run for it at the start or the end, and no lock guards its making.
constexpr RealSystem k_real_system;

}  // namespace

const System& real_system() { return k_real_system; }

}  // namespace wif
