// SPDX-License-Identifier: Apache-2.0
// What a subject token says of itself, for people and as JSON. Never the token; no signature is looked at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/jwt.hpp"

namespace wif {

struct TokenReport {
  std::string provider;      // its name; empty: the token was given by hand
  std::string why;           // why that provider
  std::string token_type;    // RFC 8693 section 3 URI; empty: not said
  std::string sha256;        // of the token, hexadecimal
  std::int64_t now = 0;      // Unix seconds
  std::string refusal = {};  // why it would not be sent; empty: it would
};

// A claim that OpenAI's mapping would be written on, and what it is here.
struct MatchRow {
  std::string claim;
  std::string value;
};
// By the issuer's kind, the most stable claims first; always at least `sub` if the token has one.
std::vector<MatchRow> match_rows(const Jwt& jwt);

// What a relying party would refuse, or what looks wrong: one line each.
std::vector<std::string> concerns(const Jwt& jwt, std::int64_t now);

std::string report_text(const TokenReport& report, const Jwt& jwt);
std::string report_json(const TokenReport& report, const Jwt& jwt);  // with a line end

}  // namespace wif
