// SPDX-License-Identifier: Apache-2.0
// The issuer behind a token: its discovery document (OpenID Connect Discovery 1.0, section 4), its key set, and whether the
// token's signature verifies with what is found there or in the set that was uploaded to OpenAI.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/diagnosis.hpp"
#include "core/jwt.hpp"
#include "engine/http.hpp"

namespace wif {

struct IssuerQuestion {
  const Jwt& jwt;
  std::string_view token;
  std::string jwks_file;  // the uploaded set; empty: the issuer is discovered
  std::string ca_file;    // of the issuer: expect's, else the exchange's
  std::string ca_dir;
  std::int64_t try_timeout_ms = 0;
  std::string proxy;  // on the way to the issuer, as proxy_of (route.hpp) says it
};

using StepSink = std::function<void(DoctorStep)>;
// What a server's Date header says, for the step `clock`.
using DateSink = std::function<void(const HttpResponse&, const std::string& host)>;

// issuer_dns, issuer_proxy, issuer_tcp, issuer_tls, discovery, jwks, key, signature, uploaded_jwks: each once.
void check_issuer_keys(const IssuerQuestion& question, Http& http, const StepSink& step,
                       const DateSink& date);

// "https://host/.well-known/openid-configuration" of an issuer.
std::string discovery_url(std::string_view issuer);

}  // namespace wif
