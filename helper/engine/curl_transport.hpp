// SPDX-License-Identifier: Apache-2.0
// HTTP by libcurl: TLS 1.2 or newer and always verified, no redirects, 256 KiB of headers and 1 MiB of body at most, nothing
// through a proxy that is loopback, link-local, a metadata server or a unix socket.
#pragma once

#include <memory>

#include "core/system.hpp"
#include "engine/http.hpp"
#include "engine/log.hpp"

namespace wif {

constexpr std::size_t k_body_limit = 1 << 20;

class CurlTransport : public Transport {
 public:
  // libcurl is set up at the first attempt, so that what fails earlier doesn't pay for it.
  CurlTransport(const System& system, const Log& log);
  ~CurlTransport() override;
  HttpResult attempt(const HttpRequest& request, std::int64_t timeout_ms) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace wif
