// SPDX-License-Identifier: Apache-2.0
#include "mapping.hpp"

#include <algorithm>
#include <string_view>

namespace testbed {
namespace {

constexpr std::string_view k_root = "assertion.";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

Json resolve(const Json& value, const std::string& path) {
  if (value.has(path)) {
    return value[path];
  }
  for (std::size_t dot = path.rfind('.'); dot != std::string::npos && dot > 0;
       dot = path.rfind('.', dot - 1)) {
    if (value.has(path.substr(0, dot))) {
      return resolve(value[path.substr(0, dot)], path.substr(dot + 1));
    }
  }
  return {};
}

std::optional<std::string> scalar(const Json& value) {
  if (value.is_text()) {
    return value.text();
  }
  if (value.is_number() || value.is_flag()) {
    return value.dump();
  }
  return std::nullopt;
}

std::optional<std::string> value_for(const std::string& key, const Provider& provider, const Json& claims) {
  if (!key.starts_with("openai.")) {
    return scalar(claims[key]);
  }
  const auto attribute = provider.attributes.find(key);
  return attribute == provider.attributes.end() ? std::nullopt : scalar(claim_at(claims, attribute->second));
}

}  // namespace

Json claim_at(const Json& claims, std::string path) {
  replace_all(path, "[\"", ".");
  replace_all(path, "\"]", "");
  if (!path.starts_with(k_root)) {
    return {};
  }
  return resolve(claims, path.substr(k_root.size()));
}

bool value_matches(const std::string& pattern, const std::string& value) {
  // A star anywhere else, or alone, is an ordinary character.
  if (pattern.size() > 1 && pattern.back() == '*') {
    return value.starts_with(pattern.substr(0, pattern.size() - 1));
  }
  return pattern == value;
}

bool mapping_matches(const Mapping& mapping, const Provider& provider, const Json& claims) {
  return !mapping.rows.empty() && std::ranges::all_of(mapping.rows, [&](const auto& row) {
    const auto value = value_for(row.first, provider, claims);
    return value && value_matches(row.second, *value);
  });
}

}  // namespace testbed
