// SPDX-License-Identifier: Apache-2.0
#include "cli/standard_input.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include <poll.h>
#include <unistd.h>

#include "core/lock.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_no_deadline = -1;

// One read(2), appended to `text`; how much that was, 0 at the end. Errors are errno's, ETIMEDOUT past the deadline.
Result<std::size_t> read_more(const std::string& what, std::string& text, std::int64_t deadline_ms) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const std::int64_t left =
        deadline_ms == k_no_deadline ? -1 : std::max<std::int64_t>(deadline_ms - monotonic_ms(), 0);
    pollfd readable{STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&readable, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
    if (ready < 0 && errno == EINTR) continue;
    const ssize_t count = ready > 0 ? read(STDIN_FILENO, buffer.data(), buffer.size()) : -1;
    const int error = ready > 0 ? errno : ETIMEDOUT;
    if (count < 0 && error == EINTR) continue;
    if (count < 0)
      return fail(Category::usage, what + ": cannot read standard input to its end: " + errno_text(error));
    append_wiping(text, {buffer.data(), static_cast<std::size_t>(count)});
    explicit_bzero(buffer.data(), buffer.size());
    if (text.size() > k_input_limit)
      return fail(Category::usage, what + ": standard input is larger than 1 MiB");
    return static_cast<std::size_t>(count);
  }
}

}  // namespace

Result<Secret> read_input(const std::string& what, std::int64_t deadline_ms) {
  std::string text;
  for (;;) {
    const auto count = read_more(what, text, deadline_ms);
    if (count && *count > 0) continue;
    Secret all(std::move(text));
    if (!count) return tl::unexpected(count.error());
    return all;
  }
}

Result<std::optional<Secret>> InputLines::next() {
  for (;;) {
    const std::size_t end = m_pending.find('\n');
    if (end != std::string::npos || (m_ended && !m_pending.empty())) {
      std::optional<Secret> line(Secret(std::string_view(m_pending).substr(0, end)));
      std::string rest = end == std::string::npos ? "" : m_pending.substr(end + 1);
      wipe(m_pending);
      m_pending.swap(rest);
      return line;
    }
    if (m_ended) return std::optional<Secret>();
    TRY_ASSIGN(const std::size_t count, read_more("a request", m_pending, k_no_deadline));
    m_ended = count == 0;
  }
}

}  // namespace wif
