// SPDX-License-Identifier: Apache-2.0
// JSON (RFC 8259): the one place that includes RapidJSON. A parsed document with typed look-ups, and a writer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"

namespace wif {

// A value inside a parsed document; valid as long as its Json lives. All look-ups on the wrong type give nothing.
class JsonValue {
 public:
  JsonValue() = default;
  explicit operator bool() const { return m_value != nullptr; }
  JsonValue operator[](std::string_view key) const;  // first member of that name
  std::optional<std::string_view> string() const;
  std::optional<std::int64_t> integer() const;
  std::optional<double> number() const;
  std::optional<bool> boolean() const;
  bool is_object() const;
  bool is_array() const;
  bool is_null() const;
  std::vector<JsonValue> elements() const;                              // of an array
  std::vector<std::pair<std::string_view, JsonValue>> members() const;  // of an object, in order
  std::string text() const;                                             // serialised, compact

 private:
  friend class Json;
  explicit JsonValue(const void* value) : m_value(value) {}
  const void* m_value = nullptr;
};

// An owned document. The text is kept (strings point into it) and wiped with the document, as it may hold tokens.
class Json {
 public:
  // Whole text must be one JSON value, nested at most 64 deep, valid UTF-8. The error says where ("at byte 17").
  static Result<Json> parse(std::string text);
  Json(Json&&) noexcept;
  Json& operator=(Json&&) noexcept;
  ~Json();
  JsonValue root() const;
  JsonValue operator[](std::string_view key) const { return root()[key]; }

 private:
  struct Impl;
  explicit Json(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> m_impl;
};

// Writes compact JSON, member by member: JsonWriter w; w.object(); w.key("a").value(1); w.end(); w.take(). It leaves no
// copy of what it wrote in memory but the one that is taken.
class JsonWriter {
 public:
  JsonWriter() = default;
  ~JsonWriter();
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;
  JsonWriter& object();
  JsonWriter& array();
  JsonWriter& end();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& value(bool flag);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // a value that is JSON already
  // key(name).value(v), for the common case.
  template <class T> JsonWriter& member(std::string_view name, const T& v) { return key(name).value(v); }
  std::string take() { return std::move(m_text); }

 private:
  void append(std::string_view text);
  void comma();
  std::string m_text;
  std::string m_open;  // '}' or ']' for each open level
  bool m_first = true;
  bool m_after_key = false;
};

}  // namespace wif
