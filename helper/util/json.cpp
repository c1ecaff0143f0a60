// SPDX-License-Identifier: Apache-2.0
#include "util/json.hpp"

#include <algorithm>
#include <array>

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "util/encode.hpp"
#include "util/secret.hpp"

namespace wif {
namespace {

using Value = rapidjson::Value;

const Value* as_value(const void* pointer) { return static_cast<const Value*>(pointer); }

std::string_view string_of(const Value& value) { return {value.GetString(), value.GetStringLength()}; }

// RapidJSON's in-situ parser recurses: a bound on the depth keeps a hostile document off the stack's end.
constexpr int k_max_depth = 64;

bool needs_care(char c) {
  return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '"' ||
         c == '\\';
}

bool nested_too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > k_max_depth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

JsonValue JsonValue::operator[](std::string_view key) const {
  if (!is_object()) return {};
  const auto found = as_value(m_value)->FindMember(
      Value(rapidjson::StringRef(key.data(), static_cast<rapidjson::SizeType>(key.size()))));
  return found == as_value(m_value)->MemberEnd() ? JsonValue() : JsonValue(&found->value);
}

std::optional<std::string_view> JsonValue::string() const {
  if (m_value == nullptr || !as_value(m_value)->IsString()) return {};
  return string_of(*as_value(m_value));
}

std::optional<std::int64_t> JsonValue::integer() const {
  if (m_value == nullptr || !as_value(m_value)->IsInt64()) return {};
  return as_value(m_value)->GetInt64();
}

std::optional<double> JsonValue::number() const {
  if (m_value == nullptr || !as_value(m_value)->IsNumber()) return {};
  return as_value(m_value)->GetDouble();
}

std::optional<bool> JsonValue::boolean() const {
  if (m_value == nullptr || !as_value(m_value)->IsBool()) return {};
  return as_value(m_value)->GetBool();
}

bool JsonValue::is_object() const { return m_value != nullptr && as_value(m_value)->IsObject(); }
bool JsonValue::is_array() const { return m_value != nullptr && as_value(m_value)->IsArray(); }
bool JsonValue::is_null() const { return m_value != nullptr && as_value(m_value)->IsNull(); }

std::vector<JsonValue> JsonValue::elements() const {
  std::vector<JsonValue> out;
  if (is_array())
    for (const auto& element : as_value(m_value)->GetArray()) out.push_back(JsonValue(&element));
  return out;
}

std::vector<std::pair<std::string_view, JsonValue>> JsonValue::members() const {
  std::vector<std::pair<std::string_view, JsonValue>> out;
  if (is_object())
    for (const auto& member : as_value(m_value)->GetObject())
      out.emplace_back(string_of(member.name), JsonValue(&member.value));
  return out;
}

std::string JsonValue::text() const {
  if (m_value == nullptr) return {};
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  as_value(m_value)->Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

struct Json::Impl {
  explicit Impl(std::string t) : text(std::move(t)) {}
  ~Impl() { wipe(text); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  std::string text;
  // RapidJSON's own first block is 64 KiB, which costs a system call; a record's values fit in here.
  alignas(16) std::array<char, 3072> first_block;
  rapidjson::Document::AllocatorType pool{first_block.data(), first_block.size()};
  rapidjson::Document document{&pool};
};

Json::Json(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;
JsonValue Json::root() const { return JsonValue(static_cast<const Value*>(&m_impl->document)); }

Result<Json> Json::parse(std::string text) {
  // A NUL would end the in-situ parser's input early and hide what follows.
  if (text.find('\0') != std::string::npos || !is_utf8(text)) {
    wipe(text);
    return fail(Category::bug, "not JSON: not UTF-8 text");
  }
  if (nested_too_deep(text)) {
    wipe(text);
    return fail(Category::bug, "not JSON that we read: nested more than 64 deep");
  }
  auto impl = std::make_unique<Impl>(std::move(text));
  impl->document.ParseInsitu(impl->text.data());
  if (impl->document.HasParseError())
    return fail(Category::bug, std::string("not JSON: ") +
                                   rapidjson::GetParseError_En(impl->document.GetParseError()) + " at byte " +
                                   std::to_string(impl->document.GetErrorOffset()));
  return Json(std::move(impl));
}

JsonWriter::~JsonWriter() { wipe(m_text); }

void JsonWriter::append(std::string_view text) { append_wiping(m_text, text); }

void JsonWriter::comma() {
  if (!m_first && !m_after_key) append(",");
  m_first = false;
  m_after_key = false;
}

JsonWriter& JsonWriter::object() {
  comma();
  append("{");
  m_open += '}';
  m_first = true;
  return *this;
}

JsonWriter& JsonWriter::array() {
  comma();
  append("[");
  m_open += ']';
  m_first = true;
  return *this;
}

JsonWriter& JsonWriter::end() {
  append({&m_open.back(), 1});
  m_open.pop_back();
  m_first = false;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  append(":");
  m_after_key = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  constexpr std::string_view k_hex = "0123456789abcdef";
  constexpr std::string_view k_replacement = "\xef\xbf\xbd";  // U+FFFD
  comma();
  append("\"");
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && !needs_care(text[plain])) ++plain;
    append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char c = text.front();
    std::size_t length = 1;
    if (static_cast<unsigned char>(c) >= 0x80) {
      std::uint32_t point = 0;
      length = first_code_point(text, point);
      append(length == 0 ? k_replacement : text.substr(0, length));
      length = std::max<std::size_t>(length, 1);
    } else if (c == '"' || c == '\\') {
      append("\\");
      append({&c, 1});
    } else if (c == '\n') {
      append("\\n");
    } else {
      const std::array<char, 2> hex = {k_hex[static_cast<unsigned char>(c) >> 4U], k_hex[c & 15]};
      append("\\u00");
      append({hex.data(), hex.size()});
    }
    text.remove_prefix(length);
  }
  append("\"");
  return *this;
}

JsonWriter& JsonWriter::value(std::int64_t number) {
  comma();
  append(std::to_string(number));
  return *this;
}

JsonWriter& JsonWriter::value(bool flag) {
  comma();
  append(flag ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::null() {
  comma();
  append("null");
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  comma();
  append(json);
  return *this;
}

}  // namespace wif
