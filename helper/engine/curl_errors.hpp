// SPDX-License-Identifier: Apache-2.0
// libcurl's error codes in words, with what to do, and whether another try may help.
#pragma once

#include <cstdint>
#include <string>

#include <curl/curl.h>

#include "engine/http.hpp"
#include "engine/trust.hpp"

namespace wif {

struct CurlTrouble {
  CURL* curl;
  CURLcode code;
  const char* words;      // CURLOPT_ERRORBUFFER's
  const char* too_large;  // what of the answer was cut off, in words; null if nothing was
  std::int64_t timeout_ms;
};

// `peer`: host and port, or the unix socket.
HttpFailure explain(const CurlTrouble& trouble, const std::string& peer, const TrustAnchors& anchors);

}  // namespace wif
