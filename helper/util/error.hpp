// SPDX-License-Identifier: Apache-2.0
// Errors and results. Nothing below the command line prints or exits: it returns one of these.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace wif {

// What kind of failure this is. The values are the exit codes and the module interface's codes (wif/provider.h).
enum class Category : int {
  usage = 2,
  configuration = 3,
  no_identity = 4,
  refused = 5,
  unreachable = 6,
  cache = 7,
  bug = 70,
};

// One of the categories; anything unknown is a bug of whoever said it.
Category category_from_code(int code);
const char* to_string(Category category);

// What was tried and what came back (message), and what to do (hint, may be empty). Neither holds a token, and each is
// one line. `cause` is a machine-readable code from upstream ("invalid_grant"), empty where there is none.
struct Error {
  Category category = Category::bug;
  std::string message;
  std::string hint;
  std::string cause;
};

template <class T> using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Category category, std::string message, std::string hint = {},
                                                std::string cause = {}) {
  return tl::unexpected<Error>(Error{category, std::move(message), std::move(hint), std::move(cause)});
}

// "cannot open /x: Permission denied": errno in words, as strerror gives it.
std::string errno_text(int error);

}  // namespace wif

// TRY(expression): leaves the function with the error if there is one. TRY_ASSIGN(declaration, expression): else
// declares the value.
#define WIF_CONCAT_(a, b) a##b
#define WIF_CONCAT(a, b) WIF_CONCAT_(a, b)
#define TRY(expression)                                                    \
  do {                                                                     \
    if (auto try_result_ = (expression); !try_result_)                     \
      return tl::unexpected<::wif::Error>(std::move(try_result_.error())); \
  } while (false)
#define TRY_ASSIGN_(name, declaration, expression)                         \
  auto name = (expression);                                                \
  if (!name) return tl::unexpected<::wif::Error>(std::move(name.error())); \
  declaration = std::move(*name)
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_(WIF_CONCAT(try_value_, __LINE__), declaration, expression)
