// SPDX-License-Identifier: Apache-2.0
#include "digest.hpp"

#include <cjose/base64.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

namespace testbed {
namespace {

bool is_token_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}

bool looks_secret(std::string_view word) {
  return word.starts_with("eyJ") || word.starts_with("wif-canary-");
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  static constexpr char k_digits[] = "0123456789abcdef";
  std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sum.data());
  std::string hex;
  for (const unsigned char byte : sum) {
    hex += k_digits[byte >> 4U];
    hex += k_digits[byte & 15U];
  }
  return hex;
}

std::string random_text(std::size_t length) {
  static constexpr char k_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text(length, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(length)) != 1) {
    throw std::runtime_error("no random bytes");
  }
  std::ranges::transform(text, text.begin(),
                         [](char c) { return k_alphabet[static_cast<unsigned char>(c) & 63U]; });
  return text;
}

std::string base64url(std::string_view bytes) {
  char* out = nullptr;
  std::size_t length = 0;
  const auto* in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (!cjose_base64url_encode(in, bytes.size(), &out, &length, nullptr)) {
    throw std::runtime_error("base64url");
  }
  std::string text(out, length);
  std::free(out);
  return text;
}

std::string from_base64url(std::string_view text) {
  std::uint8_t* out = nullptr;
  std::size_t length = 0;
  if (text.empty() || !std::ranges::all_of(text, is_token_character) ||
      !cjose_base64url_decode(text.data(), text.size(), &out, &length, nullptr)) {
    return "";
  }
  std::string bytes(reinterpret_cast<const char*>(out), length);
  std::free(out);
  // cjose accepts trailing bits that aren't zero, and padding; the issuers never write either.
  return base64url(bytes) == text ? bytes : "";
}

std::string redacted(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const auto end =
        static_cast<std::size_t>(std::ranges::find_if_not(text, is_token_character) - text.begin());
    const std::string_view word = text.substr(0, end);
    shown += looks_secret(word) ? "sha256:" + sha256_hex(word) : std::string(word);
    if (end < text.size()) {
      shown += text[end];
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shown;
}

}  // namespace testbed
