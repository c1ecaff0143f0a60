// SPDX-License-Identifier: Apache-2.0
#include "kit/jwt.hpp"

#include <algorithm>

#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif::kit {
namespace {

std::optional<Json> object_of(std::string_view part) {
  std::string text;
  if (part.empty() || !base64url_decode(part, text)) return {};
  auto json = Json::parse(std::move(text));
  if (!json || !json->root().is_object()) return {};
  return std::move(*json);
}

}  // namespace

std::optional<PeekedJwt> peek_jwt(std::string_view token) {
  const auto parts = split(token, '.');
  if (parts.size() != 3) return {};
  auto header = object_of(parts[0]);
  auto payload = object_of(parts[1]);
  if (!header || !payload) return {};
  return PeekedJwt{std::move(*header), std::move(*payload)};
}

std::string PeekedJwt::text(const char* claim) const {
  return std::string(payload[claim].string().value_or(""));
}

std::vector<std::string> PeekedJwt::audience() const {
  const JsonValue value = payload["aud"];
  std::vector<std::string> out;
  for (const auto& element : value.is_array() ? value.elements() : std::vector<JsonValue>{value})
    if (const auto one = element.string()) out.emplace_back(*one);
  return out;
}

bool PeekedJwt::is_for(std::string_view wanted) const {
  const auto all = audience();
  return std::find(all.begin(), all.end(), wanted) != all.end();
}

}  // namespace wif::kit
