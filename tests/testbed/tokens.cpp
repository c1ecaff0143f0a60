// SPDX-License-Identifier: Apache-2.0
#include "tokens.hpp"

#include "digest.hpp"
#include "shapes.hpp"

#include <stdexcept>

namespace testbed {
namespace {

Json claims_of(const MintContext& context, const Json& options) {
  const std::int64_t issued = context.now - options["age"].number(0);
  const std::int64_t expires = context.now + options["ttl"].number(3600);
  const ShapeContext shape{context.issuer, options["audience"].text(k_audience), issued, expires};
  Json claims = shaped_claims(options["shape"].text("kubernetes"), shape);
  claims.merge(options["claims"]);
  for (const std::string& name : options["omit"].texts()) {
    claims.erase(name);
  }
  return claims;
}

Json header_of(const Json& options, const Key* key) {
  Json header = Json::object({{"alg", options["alg"].text("RS256")}});
  if (options["kid"].is_text()) {
    header.set("kid", options["kid"]);
  } else if (key != nullptr && options["kid"].flag(true)) {
    header.set("kid", key->kid);
  }
  return header;
}

std::string unsigned_token(const Json& header, const std::string& payload) {
  return base64url(header.dump()) + "." + base64url(payload) + ".";
}

// The header is replaced after signing, since cjose signs no algorithm that it doesn't know.
std::string with_header(const std::string& token, const Json& header) {
  return base64url(header.dump()) + token.substr(token.find('.'));
}

}  // namespace

std::string mint(const MintContext& context, const Json& options) {
  const std::string alg = options["alg"].text("RS256");
  const Key* key = context.keys.for_algorithm(alg);
  if (key == nullptr && alg != "none") {
    throw std::invalid_argument("alg must be RS256, ES256, ES384 or none (another goes into header.alg)");
  }
  Json header = header_of(options, key);
  const std::string payload = claims_of(context, options).dump();
  if (key == nullptr) {
    header.merge(options["header"]);
    return unsigned_token(header, payload);
  }
  const Jwk& signing_key = options["bad_signature"].flag() ? key->stray : key->published;
  if (!options["header"].has("alg")) {
    header.merge(options["header"]);
    return context.keys.sign(signing_key.get(), header, payload);
  }
  const std::string token = context.keys.sign(signing_key.get(), header, payload);
  header.merge(options["header"]);
  return with_header(token, header);
}

std::optional<Decoded> decode(const std::string& token) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string::npos ? first : token.find('.', first + 1);
  if (second == std::string::npos || token.find('.', second + 1) != std::string::npos) {
    return std::nullopt;
  }
  const auto header = Json::parse(from_base64url(token.substr(0, first)));
  const auto claims = Json::parse(from_base64url(token.substr(first + 1, second - first - 1)));
  // cjose would take a padded signature.
  const std::string signature = token.substr(second + 1);
  const bool encoded = signature.empty() || !from_base64url(signature).empty();
  if (!encoded || !header || !claims || !header->is_object() || !claims->is_object()) {
    return std::nullopt;
  }
  return Decoded{*header, *claims};
}

}  // namespace testbed
