// SPDX-License-Identifier: Apache-2.0
// Small encodings: base64url (RFC 4648 section 5), hexadecimal, hashes, UTC times (RFC 3339).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/error.hpp"

namespace wif {

// Strict unpadded base64url: alphabet, length mod 4 not 1, trailing bits zero. False if it isn't that.
[[nodiscard]] bool base64url_decode(std::string_view text, std::string& out);
std::string base64url_encode(std::string_view bytes);

// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

// FNV-1a, 64 bits: fast, not for secrets.
std::uint64_t fast_hash(std::string_view bytes);
std::string hex64(std::uint64_t value);

// "2026-01-02T03:04:05Z".
std::string rfc3339(std::int64_t unix_seconds);
// Unix seconds of an RFC 3339 time: an upper or lower case T and Z, any offset, a fraction that is dropped. Nothing if it
// isn't one.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

// How many bytes the first code point of a text that isn't empty takes, and which it is; 0 where they are no UTF-8 (RFC 3629: no
// surrogates, no overlong forms).
std::size_t first_code_point(std::string_view text, std::uint32_t& point);
// Well-formed UTF-8.
[[nodiscard]] bool is_utf8(std::string_view text);

// A token that may stand in an HTTP header (RFC 6750 section 2.1, b64token) : [A-Za-z0-9._~+/-]+=*
[[nodiscard]] bool is_header_safe_token(std::string_view token);

}  // namespace wif
