// SPDX-License-Identifier: Apache-2.0
// Text: splitting, trimming, nearest words, durations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wif {

// Without leading and trailing white space (space, tab, CR, LF, VT, FF).
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
std::vector<std::string_view> split(std::string_view text, char separator);

// The candidate within a third of the word's length in edits, or nothing.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

// An environment variable's name, as a shell can set it.
bool is_variable_name(std::string_view name);

// "90", "90s", "2m", "12h", "1d" or "500ms" (rounded up) as whole seconds; nothing if it isn't one.
std::optional<std::int64_t> parse_duration(std::string_view text);
// "3 min", "2 h 5 min", "45 s".
std::string duration_words(std::int64_t seconds);

std::string join(const std::vector<std::string>& words, std::string_view separator);

// One printable line of UTF-8 out of anything a server said, cut to `limit` bytes: white space, control characters and those that turn
// the direction of writing are a space, bytes that aren't UTF-8 question marks.
std::string printable(std::string_view text, std::size_t limit);

// `text` with whatever looks like a token (a JWT, or a run of 40 and more token characters) replaced by "[redacted]".
std::string redact(std::string_view text);

}  // namespace wif
