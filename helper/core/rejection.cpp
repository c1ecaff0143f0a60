// SPDX-License-Identifier: Apache-2.0
#include "core/rejection.hpp"

#include <array>
#include <charconv>
#include <cstdio>

#include <unistd.h>

#include "util/text.hpp"

namespace wif {
namespace {

// Claude Code's first retries come half a second apart, kubectl's 10 ms.
constexpr std::int64_t k_again_within_ms = 10'000;
constexpr std::int64_t k_forced_at_most_every_ms = 60'000;
constexpr std::size_t k_fields = 4;
constexpr int k_width = 20;  // of the largest 64-bit number
constexpr std::size_t k_line = k_fields * (k_width + 1);

std::optional<std::int64_t> number(std::string_view text) {
  text = trim(text);
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return {};
  return value;
}

}  // namespace

std::optional<Asked> parse_asked(std::string_view text) {
  if (text.size() != k_line) return {};
  std::array<std::int64_t, k_fields> values{};
  for (std::size_t i = 0; i < k_fields; ++i) {
    const auto value = number(text.substr(i * (k_width + 1), k_width));
    if (!value) return {};
    values[i] = *value;
  }
  return Asked{values[0], values[1], values[2], values[3]};
}

std::string format_asked(const Asked& asked) {
  std::string line;
  for (const std::int64_t value : {asked.caller, asked.at_boot_ms, asked.issued_boot, asked.forced_boot_ms}) {
    const std::string digits = std::to_string(value);
    line.append(k_width - digits.size(), ' ').append(digits).append(1, ' ');
  }
  line.back() = '\n';
  return line;
}

bool is_rejection(const Asked& before, std::int64_t caller, std::int64_t issued_boot, std::int64_t boot_ms) {
  if (caller == 0 || before.caller != caller || before.issued_boot != issued_boot) return false;
  const bool soon = boot_ms >= before.at_boot_ms && boot_ms - before.at_boot_ms <= k_again_within_ms;
  const bool rested =
      before.forced_boot_ms == 0 || boot_ms - before.forced_boot_ms >= k_forced_at_most_every_ms;
  return soon && rested;
}

std::optional<Asked> read_asked(int lock) {
  std::array<char, k_line> line{};
  const ssize_t count = pread(lock, line.data(), line.size(), 0);
  if (count != static_cast<ssize_t>(line.size())) return {};
  return parse_asked({line.data(), line.size()});
}

void write_asked(int lock, const Asked& asked) {
  const std::string line = format_asked(asked);
  static_cast<void>(pwrite(lock, line.data(), line.size(), 0) == 0);
}

}  // namespace wif
