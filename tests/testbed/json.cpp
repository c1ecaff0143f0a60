// SPDX-License-Identifier: Apache-2.0
#include "json.hpp"

#include <cstdlib>
#include <memory>

namespace testbed {

Json::Json(const char* text) : m_value(json_string(text)) {}

Json::Json(const std::string& text) : m_value(json_stringn(text.data(), text.size())) {}

Json::Json(const Json& other) : m_value(json_incref(other.m_value)) {}

Json::Json(Json&& other) noexcept : m_value(std::exchange(other.m_value, nullptr)) {}

Json& Json::operator=(Json other) noexcept {
  std::swap(m_value, other.m_value);
  return *this;
}

Json::~Json() { json_decref(m_value); }

Json Json::adopt(json_t* owned) {
  Json json;
  json.m_value = owned;
  return json;
}

Json Json::borrow(json_t* shared) { return adopt(json_incref(shared)); }

Json Json::object(std::initializer_list<Member> members) {
  Json json = adopt(json_object());
  for (const auto& [key, value] : members) {
    json.set(key, value);
  }
  return json;
}

Json Json::array(const std::vector<Json>& items) {
  Json json = adopt(json_array());
  for (const Json& item : items) {
    json_array_append(json.m_value, item.m_value);
  }
  return json;
}

std::optional<Json> Json::parse(std::string_view text) {
  json_t* value = json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, nullptr);
  if (value == nullptr) {
    return std::nullopt;
  }
  return adopt(value);
}

Json Json::operator[](const std::string& key) const { return borrow(json_object_get(m_value, key.c_str())); }

bool Json::has(const std::string& key) const { return json_object_get(m_value, key.c_str()) != nullptr; }

void Json::set(const std::string& key, const Json& value) {
  json_object_set_new(m_value, key.c_str(),
                      value.m_value == nullptr ? json_null() : json_incref(value.m_value));
}

void Json::erase(const std::string& key) { json_object_del(m_value, key.c_str()); }

void Json::merge(const Json& object) {
  if (object.is_object()) {
    json_object_update(m_value, object.m_value);
  }
}

std::string Json::text(const std::string& otherwise) const {
  return is_text() ? std::string(json_string_value(m_value), json_string_length(m_value)) : otherwise;
}

std::int64_t Json::number(std::int64_t otherwise) const {
  return is_number() ? json_integer_value(m_value) : otherwise;
}

bool Json::flag(bool otherwise) const { return is_flag() ? json_is_true(m_value) : otherwise; }

std::vector<std::pair<std::string, Json>> Json::members() const {
  std::vector<std::pair<std::string, Json>> found;
  for (void* at = json_object_iter(m_value); at != nullptr; at = json_object_iter_next(m_value, at)) {
    found.emplace_back(json_object_iter_key(at), borrow(json_object_iter_value(at)));
  }
  return found;
}

std::vector<Json> Json::items() const {
  std::vector<Json> found;
  for (std::size_t i = 0; i < json_array_size(m_value); ++i) {
    found.push_back(borrow(json_array_get(m_value, i)));
  }
  return found;
}

std::vector<std::string> Json::texts() const {
  std::vector<std::string> found;
  for (const Json& item : items()) {
    found.push_back(item.text());
  }
  return found;
}

std::string Json::dump() const {
  if (m_value == nullptr) {
    return "null";
  }
  using Text = std::unique_ptr<char, decltype(&std::free)>;
  const Text text(json_dumps(m_value, JSON_COMPACT | JSON_ENCODE_ANY), &std::free);
  return text ? text.get() : "null";
}

}  // namespace testbed
