// SPDX-License-Identifier: Apache-2.0
// Hashes, random text, and the removal of tokens from anything that is kept or shown.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace testbed {

std::string sha256_hex(std::string_view bytes);
std::string random_text(std::size_t length);
std::string base64url(std::string_view bytes);
// Empty when the text is no canonical, unpadded base64url.
std::string from_base64url(std::string_view text);

// The text with every JWT and every access token of ours replaced by "sha256:<hex>".
std::string redacted(std::string_view text);

}  // namespace testbed
