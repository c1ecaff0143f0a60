// SPDX-License-Identifier: Apache-2.0
#include "engine/subject.hpp"

#include <algorithm>

#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_claim = 200;

bool is_jwt_type(const std::string& type) {
  return type == "urn:ietf:params:oauth:token-type:jwt" ||
         type == "urn:ietf:params:oauth:token-type:id_token";
}

std::string expired_since(std::int64_t seconds) {
  return seconds < 1 ? "just now" : duration_words(seconds) + " ago";
}

}  // namespace

std::string describe_claims(const Jwt& jwt) {
  std::string audience;
  for (const auto& one : jwt.audience) {
    if (!audience.empty()) audience += ',';
    audience += printable(one, k_longest_claim);
  }
  std::string out = "iss=";
  out.append(printable(jwt.issuer, k_longest_claim))
      .append(" sub=")
      .append(printable(jwt.subject, k_longest_claim));
  out.append(" aud=").append(printable(audience, k_longest_claim));
  if (jwt.expires_at) out += " exp=" + rfc3339(*jwt.expires_at);
  return out;
}

Status check_subject(SubjectToken& subject, const std::string& source, const std::string& token_type,
                     std::int64_t now) {
  const std::string name = "the subject token from " + source;
  if (!is_header_safe_token(subject.token.view())) {
    const std::string form = other_form(subject.token.view());
    return fail(Category::no_identity,
                name + " has characters that no token has" +
                    (form.empty() ? std::string(", such as a line break or a space") : ": " + form),
                "look at what its source holds: one token and nothing else");
  }
  subject.hash = sha256_hex(subject.token.view());
  if (subject.refusal) return tl::unexpected(*subject.refusal);
  if (auto jwt = decode_jwt(subject.token.view())) {
    subject.claims = describe_claims(*jwt);
    if (jwt->expires_at)
      subject.expires_at = std::min(*jwt->expires_at, subject.expires_at.value_or(*jwt->expires_at));
  } else if (is_jwt_type(token_type)) {
    return fail(Category::no_identity, name + " is " + jwt.error().message,
                "look at what its source holds: a signed OIDC token, as header.payload.signature");
  }
  if (subject.expires_at && *subject.expires_at <= now)
    return fail(
        Category::no_identity,
        name + " expired " + expired_since(now - *subject.expires_at) + "; it was not sent",
        "its source (the kubelet, an agent, the CI job) has not rotated it; check that, and this machine's clock");
  return {};
}

}  // namespace wif
