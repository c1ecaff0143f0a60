// SPDX-License-Identifier: Apache-2.0
// EC2's instance metadata service, version 2: a PUT for a session token, then GETs that carry it
// (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).
#pragma once

#include <string>
#include <string_view>

#include "kit/http.hpp"

namespace wif::aws {

struct Credentials;

class Imds {
 public:
  explicit Imds(const kit::Host& host) : m_host(host) {}

  bool disabled() const;                   // AWS_EC2_METADATA_DISABLED
  kit::Result<Credentials> credentials();  // the instance profile's
  kit::Result<std::string> region();

 private:
  kit::Result<kit::Response> send(kit::Request request, const std::string& doing) const;
  kit::Result<std::string_view> session();
  kit::Result<kit::Response> get(const std::string& path, const std::string& doing);

  const kit::Host& m_host;
  std::string_view m_session;
};

}  // namespace wif::aws
