// SPDX-License-Identifier: Apache-2.0
#include "faults.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace testbed {
namespace {

const std::set<std::string> k_words{"big",      "body",       "drip",        "empty_token",  "expires_in",
                                    "hang",     "html",       "id",          "invalid_json", "latency",
                                    "redirect", "reset",      "retry_after", "skew",         "status",
                                    "times",    "token_type", "truncate",    "unsafe_token"};

}  // namespace

Fault::Fault(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(",;", at), text.size());
    const std::string word = text.substr(at, end - at);
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, equals);
    if (!k_words.contains(name)) {
      throw std::invalid_argument("unknown fault " + name);
    }
    m_words[name] = equals < word.size() ? word.substr(equals + 1) : "";
    at = end + 1;
  }
}

std::string Fault::text(const std::string& word) const {
  const auto found = m_words.find(word);
  return found == m_words.end() ? "" : found->second;
}

std::int64_t Fault::number(const std::string& word, std::int64_t otherwise) const {
  const std::string value = text(word);
  return value.empty() ? otherwise : std::stoll(value);
}

void FaultBook::order(const std::string& path, const std::string& text, std::int64_t count) {
  const std::lock_guard lock(m_mutex);
  m_ordered[path].push_back({Fault(text), count});
}

Fault FaultBook::take(const std::string& path, const std::string& own) {
  const std::lock_guard lock(m_mutex);
  return own.empty() ? take_ordered(path) : take_own(path, own);
}

Fault FaultBook::take_own(const std::string& path, const std::string& own) {
  const Fault fault(own);
  const std::int64_t used = m_uses[path + " " + own]++;
  return fault.has("times") && used >= fault.number("times", 1) ? Fault() : fault;
}

Fault FaultBook::take_ordered(const std::string& path) {
  auto& waiting = m_ordered[path];
  if (waiting.empty()) {
    return {};
  }
  Ordered& first = waiting.front();
  const Fault fault = first.fault;
  if (first.left > 0 && --first.left == 0) {
    waiting.pop_front();
  }
  return fault;
}

void FaultBook::reset() {
  const std::lock_guard lock(m_mutex);
  m_ordered.clear();
  m_uses.clear();
}

}  // namespace testbed
