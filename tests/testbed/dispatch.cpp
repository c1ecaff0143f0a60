// SPDX-License-Identifier: Apache-2.0
#include "dispatch.hpp"

#include "api.hpp"
#include "control.hpp"
#include "digest.hpp"
#include "fault_effects.hpp"
#include "standin_aws.hpp"
#include "standin_azure.hpp"
#include "standin_github.hpp"
#include "standin_google.hpp"
#include "standin_oauth.hpp"
#include "token_endpoint.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <stdexcept>

namespace testbed {
namespace {

using Handler = void (*)(State&, const httplib::Request&, httplib::Response&);

void discovery(State& state, const httplib::Request&, httplib::Response& response) {
  const Json algorithms = Json::array({"RS256", "ES256", "ES384"});
  reply(response, 200,
        Json::object({{"issuer", state.issuer},
                      {"jwks_uri", state.issuer + "/openid/v1/jwks"},
                      {"response_types_supported", Json::array({"id_token"})},
                      {"subject_types_supported", Json::array({"public"})},
                      {"id_token_signing_alg_values_supported", algorithms}}));
}

// Kubernetes' API server has it in this form only, and refuses who asks for another.
void jwks(State& state, const httplib::Request& request, httplib::Response& response) {
  constexpr const char* k_form = "application/jwk-set+json";
  const std::string accept = request.get_header_value("Accept");
  if (!accept.empty() && accept.find("*/*") == std::string::npos && accept.find(k_form) == std::string::npos)
    return reply(response, 406, "406: Not Acceptable", "text/plain");
  reply(response, 200, state.keys.jwks().dump(), k_form);
}

void token(State& state, const httplib::Request& request, httplib::Response& response) {
  const TokenServices services{state.keys, state.clock, state.tokens};
  const TokenAnswer answer =
      exchange(services, state.config.get(), request.get_header_value("Content-Type"), request.body);
  state.journal.exchange(answer.outcome);
  reply(response, answer.status, answer.body);
}

// Add an endpoint here. A path that ends in * is that of all that begin so; a whole one comes first.
const std::map<std::string, Handler>& endpoints() {
  static const std::map<std::string, Handler> k_endpoints{
      {"GET /.well-known/openid-configuration", discovery},
      {"GET /openid/v1/jwks", jwks},
      {"POST /oauth/token", token},
      {"POST /oauth2/token", oauth_token},
      {"POST /v1/oauth/token", anthropic_token},
      {"GET /222//idtoken/*", github_id_token},
      {"GET /", google_metadata},
      {"GET /computeMetadata/v1/*", google_metadata},
      {"POST /", aws_sts},
      {"PUT /latest/api/token", aws_imds_session},
      {"GET /latest/meta-data/*", aws_imds},
      {"GET /v1/credentials", aws_container},
      {"GET /v1/models", list_models},
      {"POST /v1/responses", create_response},
      {"GET /metadata/identity/oauth2/token", azure_imds},
      {"GET /msi/token", azure_app_service},
      {"GET /arc/metadata/identity/oauth2/token", azure_arc}};
  return k_endpoints;
}

Handler find_handler(const std::string& asked) {
  const auto whole = endpoints().find(asked);
  if (whole != endpoints().end()) return whole->second;
  for (const auto& [key, handler] : endpoints())
    if (key.ends_with('*') && asked.starts_with(key.substr(0, key.size() - 1))) return handler;
  return nullptr;
}

void route(State& state, const httplib::Request& request, httplib::Response& response) {
  if (state.answers.give(request.path, response)) {
    return;
  }
  const Handler handler = find_handler(request.method + " " + request.path);
  if (handler == nullptr) {
    reply(response, 404, Json::object({{"error", "not_found"}}));
    return;
  }
  handler(state, request, response);
}

std::string percent_decoded(const std::string& text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// From the raw target: cpp-httplib 0.11 loses all but the last piece of a value that holds '='.
std::string own_fault(const httplib::Request& request) {
  if (request.has_header("X-Testbed-Fault")) {
    return request.get_header_value("X-Testbed-Fault");
  }
  const std::size_t question = request.target.find('?');
  const std::string query = question == std::string::npos ? "" : "&" + request.target.substr(question + 1);
  const std::size_t start = query.find("&fault=");
  if (start == std::string::npos) {
    return "";
  }
  const std::size_t end = std::min(query.find('&', start + 1), query.size());
  return percent_decoded(query.substr(start + 7, end - start - 7));
}

void serve(State& state, const httplib::Request& request, httplib::Response& response) {
  state.journal.request(request);
  state.gate.pass(request.path);
  const FaultContext context{state.gate, state.clock};
  const Fault fault = state.faults.take(request.path, own_fault(request));
  if (!apply_before(context, fault, request, response)) {
    route(state, request, response);
  }
  put_header(response, "x-request-id", "req_" + random_text(24));
  apply_after(context, fault, response);
  state.journal.served(request.path, response.status);
}

}  // namespace

void dispatch(State& state, const httplib::Request& request, httplib::Response& response) {
  try {
    if (request.path.starts_with("/control/")) {
      control(state, request, response);
    } else {
      serve(state, request, response);
    }
  } catch (const std::exception& error) {
    reply(response, 422, Json::object({{"error", "testbed"}, {"error_description", error.what()}}));
  }
  if (state.verbose) {
    const std::string what = request.method + " " + redacted(request.path);
    std::fprintf(stderr, "wif-testbed: %s %d\n", what.c_str(), response.status);
  }
}

}  // namespace testbed
