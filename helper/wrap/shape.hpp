// SPDX-License-Identifier: Apache-2.0
// The forms in which credential helpers answer: a table, a row a form (README.md has the list). Text in, what is known of it
// out; nothing is changed, since the answer is handed on as it came.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"
#include "util/secret.hpp"

namespace wif::wrap {

struct Answer {
  enum class Kind {
    credential,
    refusal,  // a "no" in the form that the protocol has for one
    nothing,  // the helper has none for this request, which its protocol lets it say
  };
  Kind kind = Kind::credential;
  std::string_view shape;                  // the row's name
  Secret token;                            // of a credential: what a server would reject
  std::optional<std::int64_t> expires_at;  // Unix seconds; nothing: not said
};

// What a helper printed that ended well. `format` is a row's name, or empty: recognised by its shape. Whatever is half,
// malformed or of no known form is an error of category unreachable, which reads on from the helper's name ("printed ...")
// and holds nothing of the output.
Result<Answer> read_answer(std::string_view output, std::string_view format);

// Whether this is how a helper that failed says so on standard output, in its protocol's own form.
bool is_failure_form(std::string_view output, std::string_view format);

bool is_format(std::string_view name);
// "aws, kubernetes, ..."
std::string format_names();

}  // namespace wif::wrap
