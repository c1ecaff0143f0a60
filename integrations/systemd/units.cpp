// SPDX-License-Identifier: Apache-2.0
#include "units.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "util/text.hpp"

namespace wif::systemd {
namespace {

constexpr std::string_view k_kind = "/unit/";
constexpr std::size_t k_longest_random = 16;  // 64 bits in hexadecimal
constexpr std::size_t k_longest_name = 255;
constexpr std::string_view k_any_instance = "@*.";
constexpr unsigned k_nobody = 65534;
constexpr std::string_view k_alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool consists_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return k_alphanumeric.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
  });
}

// systemd.unit(5): a name, and the type behind its last dot.
bool is_unit(std::string_view text) {
  const std::size_t dot = text.rfind('.');
  return text.size() <= k_longest_name && dot != std::string_view::npos && dot > 0 && dot + 1 < text.size() &&
         consists_of(text, ":-_.\\@");
}

// As a file's name, which it becomes; systemd takes no colon.
bool is_credential(std::string_view text) {
  return !text.empty() && text.size() <= k_longest_name && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':'; });
}

// "worker@*.service" to "worker@" and ".service"; empty where it stands for one unit only.
Peer halves(std::string_view pattern) {
  const std::size_t at = pattern.find(k_any_instance);
  if (at == std::string_view::npos) return {};
  return {pattern.substr(0, at + 1), pattern.substr(at + 2)};
}

bool is_pattern(std::string_view text) {
  const auto [template_name, type] = halves(text);
  return template_name.empty() ? is_unit(text) : is_unit(std::string(template_name) + std::string(type));
}

bool matches(std::string_view pattern, std::string_view unit) {
  const auto [template_name, type] = halves(pattern);
  if (template_name.empty()) return pattern == unit;
  return unit.size() > template_name.size() + type.size() && unit.starts_with(template_name) &&
         unit.ends_with(type);
}

// Of a name that anybody may have made up.
std::string shown(std::string_view name) {
  std::string text = printable(name, 80);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7e; }, '?');
  return text;
}

struct Row {
  std::string_view unit;
  std::string_view credential;
  std::string_view profile;
};

// Nothing in `row` where the line is empty or a comment. What is wrong with it, or empty.
std::string read_row(std::string_view line, Row& row) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(line.substr(0, line.find('#')), ' '))
    for (const std::string_view part : split(word, '\t'))
      if (!trim(part).empty()) words.push_back(trim(part));
  if (words.empty()) return {};
  if (words.size() != 3) return "not three words";
  if (!is_pattern(words[0]))
    return "\"" + printable(words[0], 60) +
           "\" is no unit (app.service), nor all instances of one (app@*.service)";
  if (!is_credential(words[1])) return "\"" + printable(words[1], 60) + "\" can't be a credential's name";
  row = {words[0], words[1], words[2]};
  return {};
}

Result<std::vector<Row>> read_table(std::string_view table, const std::string& path) {
  std::vector<Row> rows;
  std::set<std::pair<std::string_view, std::string_view>> seen;
  std::size_t number = 0;
  for (const std::string_view line : split(table, '\n')) {
    ++number;
    Row row;
    std::string problem = read_row(line, row);
    const bool is_row = problem.empty() && !row.unit.empty();
    if (is_row && !seen.emplace(row.unit, row.credential).second)
      problem = "a second line for " + std::string(row.unit) + " and " + std::string(row.credential);
    if (!problem.empty())
      return fail(Category::configuration, path + ":" + std::to_string(number) + ": " + problem,
                  "a line is: UNIT CREDENTIAL PROFILE");
    if (is_row) rows.push_back(row);
  }
  return rows;
}

}  // namespace

Result<Peer> parse_peer(std::string_view name) {
  const auto refused = [&] {
    return fail(
        Category::usage,
        "the peer is no unit: it has " + (name.empty() ? "no name" : "the name \"" + shown(name) + "\""),
        "systemd says who asks: use LoadCredential=NAME:SOCKET in the unit that needs the token");
  };
  if (name.empty() || name.front() != '\0') return refused();
  const std::size_t kind = name.find(k_kind);
  if (kind == std::string_view::npos || kind < 2 || kind > 1 + k_longest_random) return refused();
  if (name.find_first_not_of("0123456789abcdef", 1) != kind) return refused();
  const std::string_view rest = name.substr(kind + k_kind.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return refused();
  const Peer peer{rest.substr(0, slash), rest.substr(slash + 1)};
  if (!is_unit(peer.unit) || !is_credential(peer.credential)) return refused();
  return peer;
}

// In a user namespace all users that it doesn't know are "nobody": then that one says nothing.
bool may_ask(unsigned peer_user, unsigned own_user) {
  return peer_user == 0 || (peer_user == own_user && own_user != k_nobody);
}

Result<std::string> profile_of(std::string_view table, const std::string& path, const Peer& peer) {
  TRY_ASSIGN(const auto rows, read_table(table, path));
  const Row* found = nullptr;
  for (const auto& row : rows) {
    if (row.credential != peer.credential || !matches(row.unit, peer.unit)) continue;
    if (found == nullptr || row.unit == peer.unit) found = &row;
  }
  if (found != nullptr) return std::string(found->profile);
  const std::string asked = std::string(peer.unit) + " " + std::string(peer.credential);
  return fail(Category::configuration,
              path + " has no line for the credential " + std::string(peer.credential) + " of " +
                  std::string(peer.unit),
              "add one if it is to have it: " + asked + " PROFILE");
}

}  // namespace wif::systemd
