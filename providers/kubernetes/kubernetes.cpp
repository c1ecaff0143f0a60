// SPDX-License-Identifier: Apache-2.0
// kubernetes: the service account token that the kubelet projects into the pod and rotates
// (https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken). It swaps the link `..data` in the
// volume's folder, so each call opens the path anew. What is in most pods anyway is a token for the cluster's own API
// server (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-token-volume)
// or for a cloud's STS: a relying party elsewhere refuses it, and could use it there, so it is never sent.
#include "kubernetes.hpp"

#include <algorithm>
#include <ctime>

#include "kit/http.hpp"
#include "kit/jwt.hpp"
#include "util/text.hpp"

namespace wif::kubernetes {
namespace {

using namespace wif::kit;
using kit::fail;
using kit::Result;

constexpr std::string_view k_guides_folder = "/var/run/secrets/tokens";
constexpr std::string_view k_pods_own = "/kubernetes.io/serviceaccount/token";
constexpr std::string_view k_legacy_issuer = "kubernetes/serviceaccount";
constexpr std::string_view k_api_server = "kubernetes.default.svc";
constexpr std::size_t k_longest_word = 120;

std::string shown(std::string_view text) { return excerpt(text, k_longest_word); }

std::string audience_words(const PeekedJwt& jwt) {
  std::string all;
  for (const std::string& one : jwt.audience()) all += (all.empty() ? "" : ", ") + one;
  return all.empty() ? "no audience" : "audience " + shown(all);
}

// The API server's audience is its issuer unless --api-audiences says another; `kubernetes.default.svc` is in most.
bool is_for_api_server(const PeekedJwt& jwt, const std::string& path) {
  if (path.ends_with(k_pods_own)) return true;
  for (const std::string& one : jwt.audience())
    if (one == jwt.text("iss") || one.find(k_api_server) != std::string::npos) return true;
  return false;
}

std::string mount_hint(const std::string& audience) {
  return "add to the pod's spec " + volume_snippet(audience);
}

Failure legacy(const std::string& path) {
  return {WIF_NO_IDENTITY,
          "the token in " + path + " is a legacy one out of a Secret (issuer kubernetes/serviceaccount, " +
              "no expiry), which OpenAI does not take; it was not sent",
          {}};
}

Failure not_for(const PeekedJwt& jwt, const std::string& path, const std::string& audience) {
  const std::string rest = ", not for " + shown(audience) + "; it was not sent";
  if (is_for_api_server(jwt, path))
    return {WIF_NO_IDENTITY,
            "the token in " + path + " is the pod's own for the cluster's API server (" +
                audience_words(jwt) + ")" + rest,
            mount_hint(audience)};
  return {
      WIF_NO_IDENTITY, "the token in " + path + " is for " + audience_words(jwt) + rest,
      "set subject.audience (for OpenAI: OPENAI_WIF_AUDIENCE) if whoever takes the token wants that one; else " +
          mount_hint(audience)};
}

// The API server's own, and those that EKS and AKS mount: whoever gets one can use it there.
bool is_for_platform(const PeekedJwt& jwt, const std::string& path) {
  return is_for_api_server(jwt, path) || jwt.is_for("sts.amazonaws.com") ||
         jwt.is_for("pods.eks.amazonaws.com") || jwt.is_for("api://AzureADTokenExchange");
}

Failure unsaid_audience(const PeekedJwt& jwt, const std::string& path) {
  return {
      WIF_CONFIGURATION,
      "subject.audience is not set, and the token in " + path + " is the platform's (" + audience_words(jwt) +
          "); it was not sent",
      "set it if that one is meant; else to what the exchange's server wants its tokens to be for, with a "
      "volume of its own"};
}

Failure expired(const PeekedJwt& jwt, const std::string& path, std::int64_t age) {
  const std::string node(jwt.payload["kubernetes.io"]["node"]["name"].string().value_or(""));
  return {WIF_NO_IDENTITY,
          "the token in " + path + " expired " + (age < 1 ? "just now" : duration_words(age) + " ago") +
              "; the kubelet has not rotated it, and it was not sent",
          "look at the kubelet's log" + (node.empty() ? std::string() : " on node " + shown(node)) +
              " and at the clocks of both; a new pod gets a new token"};
}

Result<SubjectToken> fetch_token(const Host& host) {
  const auto path = host.required_setting("path");
  if (!path) return tl::unexpected<Failure>(path.error());
  const auto token = read_token_file(host, *path);
  if (!token) return tl::unexpected<Failure>(token.error());
  const std::string audience(host.setting("audience").value_or(""));
  if (auto problem = problem_of(*token, *path, audience, time(nullptr)))
    return refuse(std::move(*problem), *token);
  return SubjectToken{*token};
}

constexpr wif_provider k_provider = provider<fetch_token>("kubernetes");

}  // namespace

std::optional<Failure> problem_of(std::string_view token, const std::string& path,
                                  const std::string& audience, std::int64_t now) {
  const auto jwt = peek_jwt(token);
  if (!jwt) return {};
  const auto expiry = jwt->payload["exp"].number();
  if (jwt->text("iss") == k_legacy_issuer && !expiry) {
    Failure failure = legacy(path);
    failure.hint = mount_hint(audience.empty() ? "AUDIENCE" : audience);
    return failure;
  }
  // Unset where the profile's exchange isn't OpenAI's.
  if (audience.empty() && is_for_platform(*jwt, path)) return unsaid_audience(*jwt, path);
  if (!audience.empty() && !jwt->is_for(audience)) return not_for(*jwt, path, audience);
  if (expiry && *expiry <= static_cast<double>(now))
    return expired(*jwt, path, now - static_cast<std::int64_t>(std::max(*expiry, 0.0)));
  return {};
}

std::string volume_snippet(std::string_view audience) {
  std::string quoted;
  for (const char c : excerpt(audience, k_longest_word)) quoted += c == '\'' ? "''" : std::string(1, c);
  return "volumes: [{name: openai-token, projected: {sources: [{serviceAccountToken: {path: token, audience: '" +
         quoted +
         "', expirationSeconds: 3600}}]}}] and to the container volumeMounts: [{name: openai-token, mountPath: " +
         std::string(k_guides_folder) + ", readOnly: true}]";
}

}  // namespace wif::kubernetes

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) {
  return wif::kit::offer(wif::kubernetes::k_provider, host_abi);
}
