// SPDX-License-Identifier: Apache-2.0
// file: a subject token that something else keeps fresh in a file: the kubelet's projected service account token
// (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection),
// spiffe-helper, Nomad, a CI runner. The writer swaps the file, or a link above it, at any time, so each call opens the
// path anew. What is in it need not be a JWT.
#include "kit/kit.hpp"

namespace {

using namespace wif::kit;

Result<SubjectToken> fetch_token(const Host& host) {
  const auto path = host.required_setting("path");
  if (!path) return tl::unexpected<Failure>(path.error());
  const auto token = read_token_file(host, *path);
  if (!token) return tl::unexpected<Failure>(token.error());
  return SubjectToken{*token};
}

constexpr wif_provider k_provider = provider<fetch_token>("file");

}  // namespace

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) { return offer(k_provider, host_abi); }
