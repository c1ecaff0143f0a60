// SPDX-License-Identifier: Apache-2.0
// env: a subject token that the platform put into an environment variable: GitLab CI `id_tokens`
// (https://docs.gitlab.com/ci/secrets/id_token_authentication/), CircleCI
// (https://circleci.com/docs/openid-connect-tokens/), Vercel (https://vercel.com/docs/oidc), Bitbucket
// (https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/), Terraform
// (https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/manual-generation).
#include "kit/kit.hpp"

namespace {

using namespace wif::kit;

Result<SubjectToken> fetch_token(const Host& host) {
  const auto name = host.required_setting("variable");
  if (!name) return tl::unexpected<Failure>(name.error());
  if (name->find('=') != std::string::npos || name->starts_with('$'))
    return fail(WIF_CONFIGURATION, "subject.variable is not the name of an environment variable",
                "write the bare name, as in variable = \"CIRCLE_OIDC_TOKEN_V2\"");
  const std::string_view token = trim(host.environment(name->c_str()).value_or(std::string_view()));
  if (token.empty())
    return fail(
        WIF_NO_IDENTITY, "the environment variable " + *name + " is unset or empty",
        host.environment("GITLAB_CI")
            ? "name it under id_tokens in this job of .gitlab-ci.yml, or set subject.variable to the name "
              "that it has there"
            : "let the platform issue an OIDC token to this job, and pass the variable on to wif");
  return SubjectToken{token};
}

constexpr wif_provider k_provider = provider<fetch_token>("env");

}  // namespace

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) { return offer(k_provider, host_abi); }
