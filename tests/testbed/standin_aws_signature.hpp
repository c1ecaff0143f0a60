// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4, computed anew by whoever has to verify one: written from AWS's public description
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html), with OpenSSL.
#pragma once

#include <map>
#include <string>

namespace testbed {

struct SignedRequest {
  std::string method;
  std::string path;                            // as sent
  std::string query;                           // as sent, without the question mark
  std::map<std::string, std::string> headers;  // the signed ones, names in lower case
  std::string body;
};

struct CredentialScope {
  std::string date;  // 20150830
  std::string region;
  std::string service;
};

// 64 hexadecimal digits. The request has the header x-amz-date.
std::string aws_signature(const SignedRequest& request, const CredentialScope& scope,
                          const std::string& secret);

}  // namespace testbed
