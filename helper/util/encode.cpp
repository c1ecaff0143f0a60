// SPDX-License-Identifier: Apache-2.0
#include "util/encode.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <sha256.h>

namespace wif {
namespace {

constexpr std::string_view k_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view k_hex = "0123456789abcdef";

constexpr std::uint8_t k_not_a_value = 0xff;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = k_not_a_value;
  for (std::size_t i = 0; i < k_alphabet.size(); ++i)
    values[static_cast<unsigned char>(k_alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto k_values = make_values();

template <class Number> void add_digits(std::string& text, std::size_t count, Number number, char after) {
  const std::size_t begin = text.size();
  text.append(count, '0');
  for (std::size_t i = count; i-- > 0; number /= 10) text[begin + i] = static_cast<char>('0' + number % 10);
  text += after;
}

// Whether `text` begins as `shape` does, where '0' stands for any digit and a letter for either case of it.
bool has_shape(std::string_view text, std::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    const bool letter = shape[i] == 'T' && (text[i] == 't' || text[i] == 'T');
    if (shape[i] == '0' ? !digit : text[i] != shape[i] && !letter) return false;
  }
  return true;
}

int number_at(std::string_view digits, std::size_t at, std::size_t count) {
  int number = 0;
  for (const char c : digits.substr(at, count)) number = number * 10 + (c - '0');
  return number;
}

// "Z", "+01:30"; in seconds.
std::optional<int> offset_of(std::string_view zone) {
  if (zone == "Z" || zone == "z") return 0;
  if (zone.size() != 6 || (!has_shape(zone, "+00:00") && !has_shape(zone, "-00:00"))) return {};
  const int hours = number_at(zone, 1, 2);
  const int minutes = number_at(zone, 4, 2);
  if (hours > 23 || minutes > 59) return {};
  return (zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

}  // namespace

bool base64url_decode(std::string_view text, std::string& out) {
  if (text.size() % 4 == 1) return false;
  out.resize(text.size() * 3 / 4);
  const auto value = [text](std::size_t i) { return k_values[static_cast<unsigned char>(text[i])]; };
  char* to = out.data();
  std::uint32_t wrong = 0;  // k_not_a_value has bits above the sixth
  std::size_t i = 0;
  for (; i + 4 <= text.size(); i += 4) {
    const std::uint32_t a = value(i), b = value(i + 1), c = value(i + 2), d = value(i + 3);
    wrong |= a | b | c | d;
    *to++ = static_cast<char>(a << 2 | b >> 4);
    *to++ = static_cast<char>(b << 4 | c >> 2);
    *to++ = static_cast<char>(c << 6 | d);
  }
  if (const std::size_t rest = text.size() - i; rest != 0) {
    const std::uint32_t a = value(i), b = value(i + 1), c = rest == 3 ? value(i + 2) : 0;
    wrong |= a | b | c;
    *to++ = static_cast<char>(a << 2 | b >> 4);
    if (rest == 3) *to++ = static_cast<char>(b << 4 | c >> 2);
    // Bits that belong to no byte are zero (RFC 4648 section 3.5): one text for each value.
    wrong |= ((rest == 3 ? c & 3U : b & 15U) != 0) ? k_not_a_value : 0;
  }
  return wrong < 64;
}

std::string base64url_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      out.push_back(k_alphabet[(bits >> count) & 63U]);
    }
  }
  if (count > 0) out.push_back(k_alphabet[(bits << (6 - count)) & 63U]);
  return out;
}

std::string sha256_hex(std::string_view bytes) {
  SHA256_CTX context;
  SHA256Init(&context);
  SHA256Update(&context, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256Final(digest.data(), &context);
  std::string out;
  for (const auto byte : digest) {
    out.push_back(k_hex[byte >> 4U]);
    out.push_back(k_hex[byte & 15U]);
  }
  return out;
}

std::uint64_t fast_hash(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

std::string hex64(std::uint64_t value) {
  std::string out(16, '0');
  for (std::size_t i = 0; i < 16; ++i) out[15 - i] = k_hex[(value >> (4 * i)) & 15U];
  return out;
}

std::string rfc3339(std::int64_t unix_seconds) {
  // gmtime_r would open /etc/localtime.
  constexpr std::int64_t k_year_0 = -62167219200, k_year_10000 = 253402300800;
  if (unix_seconds < k_year_0 || unix_seconds >= k_year_10000) return "invalid";
  const std::chrono::sys_seconds point{std::chrono::seconds(unix_seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss<std::chrono::seconds> time(point - midnight);
  std::string text;
  text.reserve(20);
  add_digits(text, 4, int(date.year()), '-');
  add_digits(text, 2, unsigned(date.month()), '-');
  add_digits(text, 2, unsigned(date.day()), 'T');
  add_digits(text, 2, time.hours().count(), ':');
  add_digits(text, 2, time.minutes().count(), ':');
  add_digits(text, 2, time.seconds().count(), 'Z');
  return text;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  if (!has_shape(text, "0000-00-00T00:00:00")) return {};
  const std::chrono::year_month_day date{std::chrono::year(number_at(text, 0, 4)),
                                         std::chrono::month(unsigned(number_at(text, 5, 2))),
                                         std::chrono::day(unsigned(number_at(text, 8, 2)))};
  const int hour = number_at(text, 11, 2);
  const int minute = number_at(text, 14, 2);
  const int second = number_at(text, 17, 2);  // 60 is a leap second
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return {};
  std::string_view rest = text.substr(19);
  if (rest.starts_with('.')) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    if (digits == 1) return {};
    rest.remove_prefix(digits);
  }
  const auto offset = offset_of(rest);
  if (!offset) return {};
  const std::int64_t midnight = std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86400};
  return midnight + hour * 3600 + minute * 60 + second - *offset;
}

std::size_t first_code_point(std::string_view text, std::uint32_t& point) {
  const auto lead = static_cast<unsigned char>(text.front());
  point = lead;
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                             : (lead & 0xf0U) == 0xe0      ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || length > text.size()) return 0;
  point = lead & (0x7fU >> length);
  for (std::size_t k = 1; k < length; ++k) {
    const auto next = static_cast<unsigned char>(text[k]);
    if ((next & 0xc0U) != 0x80) return 0;
    point = (point << 6) | (next & 0x3fU);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return overlong || surrogate || point > 0x10ffff ? 0 : length;
}

bool is_utf8(std::string_view text) {
  std::uint32_t point = 0;
  for (std::size_t i = 0; i < text.size();) {
    // Records and requests are ASCII but for a letter here and there, and a hit reads one.
    const bool ascii = static_cast<unsigned char>(text[i]) < 0x80;
    const std::size_t length = ascii ? 1 : first_code_point(text.substr(i), point);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

bool is_header_safe_token(std::string_view token) {
  const std::size_t end = token.find_last_not_of('=');
  if (end == std::string_view::npos) return false;
  for (const char c : token.substr(0, end + 1)) {
    const bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    std::string_view("-._~+/").find(c) != std::string_view::npos;
    if (!ok) return false;
  }
  return true;
}

}  // namespace wif
