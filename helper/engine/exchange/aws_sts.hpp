// SPDX-License-Identifier: Apache-2.0
// AWS STS AssumeRoleWithWebIdentity: an OIDC token for a role's keys.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
//
//   POST https://sts.REGION.amazonaws.com/     unsigned
//   Action, Version, RoleArn, RoleSessionName, WebIdentityToken, DurationSeconds?, Policy?, PolicyArns.member.N.arn?
//   200 XML with AccessKeyId, SecretAccessKey, SessionToken, Expiration; else XML with Code, Message and RequestId
#pragma once

#include <string>

#include "engine/exchange/exchange.hpp"
#include "engine/exchange/post.hpp"

namespace wif {

ExchangeResult exchange_aws_sts(const ExchangeInput& input, Http& http);
std::string aws_sts_url(const NamedValues& settings);

// The parts, without a network.
Result<PostFields> aws_sts_fields(const ExchangeInput& input);
Result<Credential> read_aws_sts_answer(const HttpResponse& response, const std::string& host, const Now& now);
EngineError aws_sts_error(const HttpResponse& response, const std::string& host, const SubjectToken& subject);

}  // namespace wif
