// SPDX-License-Identifier: Apache-2.0
// What is to go wrong, as text: "status=503,times=2". README.md lists the words.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace testbed {

class Fault {
 public:
  Fault() = default;
  // Throws std::invalid_argument for an unknown word.
  explicit Fault(const std::string& text);

  bool has(const std::string& word) const { return m_words.contains(word); }
  std::string text(const std::string& word) const;
  std::int64_t number(const std::string& word, std::int64_t otherwise) const;

 private:
  std::map<std::string, std::string> m_words;
};

// Faults that requests bring along, with how often each was used, and those ordered for a path. Thread-safe.
class FaultBook {
 public:
  // For the next count requests to the path; below 0 is for ever.
  void order(const std::string& path, const std::string& text, std::int64_t count);
  // The fault for this request: its own, else the one ordered first for its path.
  Fault take(const std::string& path, const std::string& own);
  void reset();

 private:
  struct Ordered {
    Fault fault;
    std::int64_t left;
  };

  Fault take_own(const std::string& path, const std::string& own);
  Fault take_ordered(const std::string& path);

  std::mutex m_mutex;
  std::map<std::string, std::deque<Ordered>> m_ordered;
  std::map<std::string, std::int64_t> m_uses;
};

}  // namespace testbed
