// SPDX-License-Identifier: Apache-2.0
// AWS's SDKs and command line: `credential_process`, a command that prints one JSON object and is run again for each refresh.
//
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
#include <array>

#include "core/integration.hpp"
#include "util/encode.hpp"

namespace wif {
namespace {

class Aws final : public Protocol {
 public:
  Result<ConsumerRequest> read(const System&, std::string_view) override { return ConsumerRequest{}; }

  // Compact: early readers gave up near 1 KB (aws-sdk-go#2334), and a session token is nearly that. The time is UTC with its Z:
  // one without a zone crashed botocore (botocore#1980).
  Result<Reply> answer(const Grant& grant) override {
    const Credential& credential = grant.credential;
    if (!credential.is_aws())
      return fail(Category::usage,
                  "the credential of profile '" + grant.profile.name +
                      "' is one token, and AWS's tools want a pair of keys",
                  "use a profile with exchange = { kind = \"aws-sts\", role_arn = \"...\" }");
    JsonWriter writer;
    writer.object().member("Version", 1);
    writer.member("AccessKeyId", credential.access_key_id.view());
    writer.member("SecretAccessKey", credential.secret_access_key.view());
    writer.member("SessionToken", credential.access_token.view());
    writer.member("Expiration", std::string_view(rfc3339(credential.expires_at)));
    writer.end();
    return Reply{line_of(writer), 0};
  }
};

constexpr std::array k_files = {ConsumerFile{"AWS_CONFIG_FILE", "~/.aws/config"},
                                ConsumerFile{"AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"}};

}  // namespace

extern constinit const Integration integration_aws;
constinit const Integration integration_aws = {
    .name = "aws",
    .program = nullptr,
    .usage = "wif aws [OPTIONS]",
    .summary = "answer AWS's SDKs and command line (credential_process)",
    .examples =
        "  aws configure set credential_process 'wif aws -p aws' --profile wif\n"
        "  AWS_PROFILE=wif aws sts get-caller-identity\n",
    // botocore asks again from 15 minutes before the end, at each request: a minute more, so that it is given what ends that.
    .min_remaining = 960,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Aws>,
    .formats = {},
    .files = k_files,
};

}  // namespace wif
