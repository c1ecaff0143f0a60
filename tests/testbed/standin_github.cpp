// SPDX-License-Identifier: Apache-2.0
#include "standin_github.hpp"

#include "tokens.hpp"

namespace testbed {
namespace {

constexpr std::int64_t k_life = 300;
constexpr const char* k_request_token = "wif-canary-at-job-";
constexpr const char* k_owner = "https://github.com/octo-org";

void refuse(httplib::Response& response, int status, const std::string& message) {
  reply(response, status, Json::object({{"$id", "1"}, {"innerException", Json()}, {"message", message}}));
}

// The scheme's name has no case (RFC 9110 section 11.1).
bool is_authorized(const std::string& value) {
  const std::size_t space = value.find(' ');
  if (space == std::string::npos || !value.substr(space + 1).starts_with(k_request_token)) {
    return false;
  }
  return value.starts_with("bearer ") || value.starts_with("Bearer ");
}

}  // namespace

void github_id_token(State& state, const httplib::Request& request, httplib::Response& response) {
  if (!is_authorized(request.get_header_value("Authorization"))) {
    return refuse(response, 401, "The request token is missing or not valid.");
  }
  if (request.get_param_value("api-version") != "2.0") {
    return refuse(response, 400, "No api-version was supplied for the request.");
  }
  if (request.get_param_value_count("audience") > 1) {
    return refuse(response, 400, "There is more than one audience.");
  }
  const std::string audience = request.get_param_value("audience");
  const Json options = Json::object(
      {{"shape", "github"}, {"audience", audience.empty() ? k_owner : audience}, {"ttl", k_life}});
  const std::string token = mint({state.keys, state.issuer, state.clock.now()}, options);
  reply(response, 200, Json::object({{"count", token.size()}, {"value", token}}));
}

}  // namespace testbed
