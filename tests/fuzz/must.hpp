// SPDX-License-Identifier: Apache-2.0
// What must hold of whatever a provider's parser was given.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "kit/kit.hpp"

namespace wif::fuzz {

inline void must(bool held) {
  if (!held) std::abort();
}

// Nothing that a terminal would act on, and no second line.
inline void must_be_one_line(std::string_view text) {
  for (const char c : text) must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

inline void must_explain(const kit::Failure& failure) {
  must(!failure.message.empty() && failure.status != WIF_OK);
  must_be_one_line(failure.message);
  must_be_one_line(failure.hint);
}

template <class T> void must_explain(const kit::Result<T>& result) {
  if (!result) must_explain(result.error());
}

// Of an answer that claims to be a token, and is no page, nothing is shown: half a token may be in it.
inline void must_hide_tokens(const kit::Failure& failure) {
  must((failure.message + failure.hint).find("eyJ") == std::string::npos);
}

}  // namespace wif::fuzz
