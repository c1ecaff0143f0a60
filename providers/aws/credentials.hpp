// SPDX-License-Identifier: Apache-2.0
// AWS credentials, and where they are looked for, in the order of AWS's own tools
// (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html):
//
//   environment variables; web identity (AWS_WEB_IDENTITY_TOKEN_FILE); the shared profile; the container's endpoint;
//   the instance's metadata (IMDSv2)
//
// A profile chosen by the setting `profile` is the only place. What can't be used (half a key, a profile that only the
// aws command understands) is an error rather than passed over: the next place would be another identity.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "imds.hpp"
#include "kit/http.hpp"
#include "profile.hpp"

namespace wif::aws {

struct Credentials {
  std::string access_key_id;
  // In the host's memory, like the next one.
  std::string_view secret_access_key;
  std::string_view session_token;  // empty for a key that lasts
  std::string source;              // for messages: "the environment"
  bool on_aws = false;  // from a container's endpoint or an instance: there is a metadata service to ask
};

// A role to take on with a token from a file (AssumeRoleWithWebIdentity).
struct WebIdentity {
  std::string role_arn;
  std::string token_file;
  std::string session_name;
};
using AssumeRole = std::function<kit::Result<Credentials>(const WebIdentity&)>;

kit::Result<Credentials> find_credentials(const kit::Host& host, const Profile& profile, Imds& imds,
                                          const AssumeRole& assume_role);

// {"AccessKeyId", "SecretAccessKey", "Token"}, as a container's endpoint and IMDS give them.
kit::Result<Credentials> read_json_credentials(const kit::Host& host, std::string_view body,
                                               const std::string& source);

// The beginning of a body, for an error; but nothing of one that holds, or may hold, a key or a token: a secret key has
// slashes and pluses, so the host doesn't know it for what it is.
std::string shown(std::string_view body);

// What AWS_CONTAINER_CREDENTIALS_FULL_URI may be: https, or http to loopback and the addresses of ECS and EKS.
bool is_container_url(std::string_view url);

}  // namespace wif::aws
