// SPDX-License-Identifier: Apache-2.0
#include "engine/key_set.hpp"

#include "engine/diagnosis/issuer.hpp"
#include "engine/exchange/post.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_url = 160;

Result<std::string> fetch(const std::string& url, const NamedValues& trust, Http& http) {
  HttpRequest request;
  request.url = url;
  request.ca_file = setting_of(trust, "ca_file");
  request.ca_dir = setting_of(trust, "ca_dir");
  const auto response = http.send(request);
  if (!response) return tl::unexpected(response.error().error);
  if (response->status != 200)
    return fail(response->status >= 500 ? Category::unreachable : Category::refused,
                printable(url, k_longest_url) + " answered HTTP " + std::to_string(response->status));
  return response->body.reveal();
}

}  // namespace

Result<std::string> fetch_key_set(const std::string& issuer, const NamedValues& trust, Http& http) {
  const std::string place = discovery_url(issuer);
  TRY_ASSIGN(std::string text, fetch(place, trust, http));
  const auto document = Json::parse(std::move(text));
  const auto uri = document ? (*document)["jwks_uri"].string() : std::nullopt;
  if (!uri) return fail(Category::refused, printable(place, k_longest_url) + " names no jwks_uri");
  if ((*document)["issuer"].string() != issuer)
    return fail(Category::refused, printable(place, k_longest_url) + " names another issuer than the token");
  const std::string keys_url(*uri);
  TRY_ASSIGN(text, fetch(keys_url, trust, http));
  const auto set = Json::parse(text);
  if (!set || (*set)["keys"].elements().empty())
    return fail(Category::refused, printable(keys_url, k_longest_url) + " holds no key set");
  return text;
}

EngineAnswer hand_over_key_set(const Work& work) {
  EngineAnswer answer;
  auto keys = fetch_key_set(work.request.key_set_of, work.request.exchange_settings, work.http);
  if (keys) {
    answer.document = std::move(*keys);
  } else {
    answer.outcome = tl::unexpected(engine_error(std::move(keys.error())));
  }
  return answer;
}

}  // namespace wif
