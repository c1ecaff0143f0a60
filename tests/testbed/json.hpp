// SPDX-License-Identifier: Apache-2.0
// A value of JSON, shared by reference count (jansson, which cjose brings along).
#pragma once

#include <jansson.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace testbed {

class Json {
 public:
  using Member = std::pair<const char*, Json>;

  Json() = default;
  Json(const char* text);
  Json(const std::string& text);
  template <std::integral T>
  Json(T value)
      : m_value(std::same_as<T, bool> ? json_boolean(value) : json_integer(static_cast<json_int_t>(value))) {}
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(Json other) noexcept;
  ~Json();

  static Json adopt(json_t* owned);
  static Json borrow(json_t* shared);
  static Json object(std::initializer_list<Member> members = {});
  static Json array(const std::vector<Json>& items = {});
  static std::optional<Json> parse(std::string_view text);

  // Shares nothing with this one: what goes from one thread to another must be a copy.
  Json clone() const { return adopt(json_deep_copy(m_value)); }
  // Null for a missing member, and for anything that is no object.
  Json operator[](const std::string& key) const;
  bool has(const std::string& key) const;
  void set(const std::string& key, const Json& value);
  void erase(const std::string& key);
  void merge(const Json& object);

  std::string text(const std::string& otherwise = "") const;
  std::int64_t number(std::int64_t otherwise = 0) const;
  bool flag(bool otherwise = false) const;
  std::vector<std::pair<std::string, Json>> members() const;
  std::vector<Json> items() const;
  std::vector<std::string> texts() const;
  std::string dump() const;

  bool is_object() const { return json_is_object(m_value); }
  bool is_array() const { return json_is_array(m_value); }
  bool is_text() const { return json_is_string(m_value); }
  bool is_number() const { return json_is_integer(m_value); }
  bool is_flag() const { return json_is_boolean(m_value); }
  bool is_null() const { return m_value == nullptr || json_is_null(m_value); }
  // Still owned by this value.
  json_t* get() const { return m_value; }

 private:
  json_t* m_value = nullptr;
};

}  // namespace testbed
