// SPDX-License-Identifier: Apache-2.0
// AWS Security Token Service: a form in, XML out (https://docs.aws.amazon.com/STS/latest/APIReference/). Two actions:
// GetWebIdentityToken, which signs a token for the caller's identity, and AssumeRoleWithWebIdentity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "credentials.hpp"
#include "kit/http.hpp"

namespace wif::aws {

struct TokenRequest {
  std::string audience;
  std::string algorithm;
  std::int64_t duration = 0;  // seconds
  std::vector<std::pair<std::string, std::string>> tags;
};

// Where and for whom requests are signed.
struct Sts {
  std::string endpoint;  // without a slash at its end
  std::string region;
};

// The regional endpoint; the global one has no GetWebIdentityToken.
std::string regional_endpoint(const std::string& region);

kit::Result<kit::SubjectToken> get_web_identity_token(const kit::Host& host, const Sts& sts,
                                                      const Credentials& credentials,
                                                      const TokenRequest& request);
kit::Result<Credentials> assume_role(const kit::Host& host, const Sts& sts, const WebIdentity& identity);

// The pure parts. An answer is parsed in place: the views that come out point into it, and it is no XML afterwards.
std::string token_form(const TokenRequest& request);
std::string role_form(const WebIdentity& identity, std::string_view token);
kit::Result<kit::SubjectToken> read_token(char* xml, std::size_t size);
kit::Result<Credentials> read_credentials(char* xml, std::size_t size, const std::string& source);
kit::Failure read_error(std::int32_t status, char* xml, std::size_t size, const std::string& action,
                        const std::string& source);

}  // namespace wif::aws
