// SPDX-License-Identifier: Apache-2.0
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#include "standin_aws.hpp"
#include "standin_aws_keys.hpp"

#include <ctime>

namespace testbed {
namespace {

constexpr const char* k_session = "AQAEAtestbed-imds-session==";
constexpr const char* k_authorization = "testbed-container-authorization";
constexpr const char* k_role = "app-role";
constexpr std::int64_t k_longest_session = 21600;
constexpr std::int64_t k_life = 3600;

void refuse(httplib::Response& response, int status, const std::string& title) {
  reply(response, status, "<html><head><title>" + title + "</title></head></html>", "text/html");
}

Json credentials(const AwsKey& key, std::int64_t now) {
  return Json::object({{"AccessKeyId", key.id},
                       {"SecretAccessKey", key.secret},
                       {"Token", key.session},
                       {"Expiration", aws_time(now + k_life)}});
}

}  // namespace

std::string aws_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.123Z", &parts);
  return {text, size};
}

void aws_imds_session(State&, const httplib::Request& request, httplib::Response& response) {
  const std::string life = request.get_header_value("X-aws-ec2-metadata-token-ttl-seconds");
  if (request.has_header("X-Forwarded-For")) return refuse(response, 403, "403 - Forbidden");
  if (life.empty() || life.size() > 5 || life.find_first_not_of("0123456789") != std::string::npos ||
      std::stoll(life) < 1 || std::stoll(life) > k_longest_session)
    return refuse(response, 400, "400 - Bad Request");
  put_header(response, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", life);
  reply(response, 200, k_session, "text/plain");
}

void aws_imds(State& state, const httplib::Request& request, httplib::Response& response) {
  const std::string roles = "/latest/meta-data/iam/security-credentials/";
  if (request.get_header_value("X-aws-ec2-metadata-token") != k_session)
    return refuse(response, 401, "401 - Unauthorized");
  if (request.path == roles) return reply(response, 200, k_role, "text/plain");
  if (request.path == "/latest/meta-data/placement/region")
    return reply(response, 200, "eu-west-1", "text/plain");
  if (request.path != roles + k_role) return refuse(response, 404, "404 - Not Found");
  Json body = credentials(k_aws_instance, state.clock.now());
  body.set("Code", "Success");
  body.set("Type", "AWS-HMAC");
  body.set("LastUpdated", aws_time(state.clock.now()));
  reply(response, 200, body.dump(), "text/plain");
}

void aws_container(State& state, const httplib::Request& request, httplib::Response& response) {
  if (request.get_header_value("Authorization") != k_authorization) {
    reply(response, 403, Json::object({{"code", "AccessDeniedException"}, {"message", "not authorized"}}));
    return;
  }
  reply(response, 200, credentials(k_aws_task, state.clock.now()));
}

}  // namespace testbed
