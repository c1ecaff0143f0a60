// SPDX-License-Identifier: Apache-2.0
// Envoy: a secret in a file, as its secret discovery service reads it; the credential injector puts it before requests, and follows
// the file.
//
// https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/credential_injector_filter
// https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret#static-and-file-based
#include <array>

#include "core/integration.hpp"

namespace wif {
namespace {

constexpr const char* k_secret_type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
// A file has one secret, so it needs no name of the user's.
constexpr const char* k_secret_name = "wif";

// The header's whole value: the injector adds nothing to it.
Result<Secret> render(const Grant& grant) {
  TRY(one_token(grant.profile, grant.credential));
  const Secret header("Bearer " + grant.credential.access_token.reveal());
  JsonWriter writer;
  writer.object().key("resources").array().object();
  writer.member("@type", k_secret_type).member("name", k_secret_name);
  writer.key("generic_secret").object().key("secret").object().member("inline_string", header.view());
  writer.end().end().end().end().end();
  return line_of(writer);
}

constexpr std::array k_formats = {
    FileFormat{"envoy-sds", "a secret for Envoy's credential injector", render}};

}  // namespace

extern constinit const Integration integration_envoy;
constinit const Integration integration_envoy = {
    .name = "envoy",
    .program = nullptr,
    .usage = "wif write --format envoy-sds --output FILE.json --watch",
    .summary = "a token that Envoy adds to requests",
    .examples = "  wif write --format envoy-sds --output /run/wif/token.json --watch\n",
    .min_remaining = 0,
    .repeats_after_rejection = false,
    .protocol = nullptr,
    .formats = k_formats,
};

}  // namespace wif
