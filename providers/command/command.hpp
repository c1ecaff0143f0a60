// SPDX-License-Identifier: Apache-2.0
// What a program is given and what it answers, without starting one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/kit.hpp"
#include "util/process.hpp"
#include "util/secret.hpp"

namespace wif::command {

struct Answer {
  Secret token;
  const char* token_type = nullptr;  // null: the descriptor's
  std::int64_t expires_at = 0;       // Unix seconds; 0: not said
};

// A variable's value, if it is set.
using Variables = std::function<std::optional<std::string_view>(const std::string&)>;

// The program's whole environment, from the wanted NAMEs and NAME=VALUEs (one a line).
kit::Result<std::vector<std::string>> environment_for(std::string_view wanted, const Variables& variables);

// What it printed: a bare token, {"token", "expires_at"} or Google's executable response. `name` is for the words.
kit::Result<Answer> read_answer(std::string_view output, const std::string& name);

// RFC 3339, or Unix seconds in digits.
std::optional<std::int64_t> parse_time(std::string_view text);

// An ending that isn't exit status 0, in words. `hidden`: what else isn't to be seen in its standard error.
kit::Failure failure_of(const Ended& ended, const std::string& name, const std::vector<std::string>& hidden);

}  // namespace wif::command
