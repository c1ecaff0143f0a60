// SPDX-License-Identifier: Apache-2.0
// A string that is wiped when it goes away. Move-only; it has no stream operator and no formatter, so that a token
// can't end up in a message by accident: whoever needs the bytes writes .reveal() and can be searched for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace wif {

inline void wipe(std::string& text) {
  // Capacity, not size: a string that was cut keeps its tail.
  text.resize(text.capacity());
  explicit_bzero(text.data(), text.size());
  text.clear();
}

// Appends, and wipes what is left behind where the text has to move for that.
inline void append_wiping(std::string& text, std::string_view more) {
  constexpr std::size_t k_first_size = 1024;
  const std::size_t size = text.size() + more.size();
  if (size > text.capacity()) {
    std::string larger;
    larger.reserve(std::max(k_first_size, 2 * size));
    larger = text;
    wipe(text);
    text.swap(larger);
  }
  text += more;
}

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : m_text(text), m_held(true) {}
  explicit Secret(const char* text) : m_text(text), m_held(true) {}
  // Takes the bytes over and wipes where they came from (a short string is copied, not moved).
  explicit Secret(std::string&& text) : m_text(text), m_held(true) { wipe(text); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept { take(other); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      forget();
      take(other);
    }
    return *this;
  }
  ~Secret() { forget(); }

  Secret clone() const { return Secret(std::string_view(m_text)); }
  const std::string& reveal() const { return m_text; }
  std::string_view view() const { return m_text; }
  bool empty() const { return m_text.empty(); }
  std::size_t size() const { return m_text.size(); }

 private:
  void take(Secret& other) {
    if (!other.m_held) return;
    m_text = other.m_text;
    m_held = true;
    other.forget();
  }
  void forget() {
    if (m_held) wipe(m_text);
    m_held = false;
  }
  std::string m_text;
  bool m_held = false;  // one that never held anything costs a hit nothing
};

}  // namespace wif
