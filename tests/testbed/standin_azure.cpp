// SPDX-License-Identifier: Apache-2.0
#include "standin_azure.hpp"

#include "digest.hpp"
#include "tokens.hpp"

#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

namespace testbed {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_identity_header = "testbed-identity-header";
constexpr std::int64_t k_life = 86'400;

// A managed identity, by the three names it has.
struct Identity {
  const char* client_id;
  const char* object_id;
  const char* resource_id;
};
// The machine's own, then one that a user assigned.
constexpr std::array k_identities = {
    Identity{"9f1c2f0a-5d0e-4c55-8c0b-6f3a1d2e7b40", "9f1c2f0a-5d0e-4c55-8c0b-6f3a1d2e7b41",
             "/subscriptions/s/resourcegroups/g/providers/Microsoft.Compute/virtualMachines/vm-1"},
    Identity{
        "5e29463d-71da-4fe0-8e69-999b57db23b0", "5e29463d-71da-4fe0-8e69-999b57db23b1",
        "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app"}};

// The parameters that choose an identity, in a service's own spelling.
struct Selectors {
  const char* client_id = "client_id";
  const char* object_id = "object_id";
  const char* resource_id = "msi_res_id";
};

// Nothing if there is no such identity; the machine's own if none is chosen.
const Identity* chosen(const httplib::Request& request, const Selectors& names) {
  const auto is = [&](const char* name, const char* value) { return request.get_param_value(name) == value; };
  bool any = false;
  for (const char* name : {names.client_id, names.object_id, names.resource_id}) {
    any = any || request.has_param(name);
  }
  for (const Identity& identity : k_identities) {
    if (!any || is(names.client_id, identity.client_id) || is(names.object_id, identity.object_id) ||
        is(names.resource_id, identity.resource_id)) {
      return &identity;
    }
  }
  return nullptr;
}

void refuse(httplib::Response& response, int status, const std::string& error,
            const std::string& description) {
  reply(response, status, Json::object({{"error", error}, {"error_description", description}}));
}

bool knows_resource(const std::string& resource) { return resource.starts_with("api://"); }

std::string no_resource(const std::string& resource) {
  return "AADSTS500011: The resource principal named " + resource +
         " was not found in the tenant named Testbed. This can happen if the application has not been installed by "
         "the administrator of the tenant or consented to by any user in the tenant. You might have sent your "
         "authentication request to the wrong tenant. Trace ID: 11111111-2222-3333-4444-555555555555";
}

// All numbers are text, as the services write them.
Json token_for(State& state, const Identity& identity, const std::string& resource) {
  const std::int64_t now = state.clock.now();
  const Json claims = Json::object({{"appid", identity.client_id},
                                    {"oid", identity.object_id},
                                    {"sub", identity.object_id},
                                    {"xms_mirid", identity.resource_id}});
  const Json options =
      Json::object({{"shape", "azure"}, {"audience", resource}, {"claims", claims}, {"ttl", k_life}});
  return Json::object({{"access_token", mint({state.keys, state.issuer, now}, options)},
                       {"client_id", identity.client_id},
                       {"expires_on", std::to_string(now + k_life)},
                       {"not_before", std::to_string(now)},
                       {"resource", resource},
                       {"token_type", "Bearer"}});
}

// What instance metadata and Arc's agent demand alike. True if it was answered.
bool refused_metadata(const httplib::Request& request, httplib::Response& response, const char* version) {
  if (request.get_header_value("Metadata") != "true" || request.has_header("X-Forwarded-For")) {
    refuse(response, 400, "bad_request_102", "Required metadata header not specified");
  } else if (request.get_param_value("api-version") != version) {
    refuse(response, 400, "bad_request",
           "Bad request. api-version is invalid or was not specified in the request.");
  } else if (!request.has_param("resource")) {
    refuse(response, 400, "invalid_request", "Required query variable 'resource' is missing");
  } else {
    return false;
  }
  return true;
}

// A file of its own for each challenge, which only its first answer may use.
void challenge(const State& state, httplib::Response& response) {
  const fs::path folder = state.folder / "arc";
  fs::create_directories(folder);
  const fs::path file = folder / (random_text(16) + ".key");
  std::ofstream(file) << random_text(43);
  fs::permissions(file, fs::perms::owner_read | fs::perms::group_read);
  put_header(response, "WWW-Authenticate", "Basic realm=" + file.string());
  refuse(response, 401, "unauthorized_client", "Missing Basic Authorization header");
}

bool took_key(const State& state, const std::string& authorization) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(state.folder / "arc", ignored)) {
    std::string key;
    std::ifstream(entry.path()) >> key;
    if (!key.empty() && authorization == "Basic " + key) {
      return fs::remove(entry.path(), ignored);
    }
  }
  return false;
}

}  // namespace

void azure_imds(State& state, const httplib::Request& request, httplib::Response& response) {
  if (refused_metadata(request, response, "2018-02-01")) {
    return;
  }
  const std::string resource = request.get_param_value("resource");
  const Identity* identity = chosen(request, {});
  if (identity == nullptr) {
    refuse(response, 400, "invalid_request", "Identity not found");
  } else if (!knows_resource(resource)) {
    refuse(response, 400, "invalid_resource", no_resource(resource));
  } else {
    Json token = token_for(state, *identity, resource);
    token.set("expires_in", std::to_string(k_life));
    token.set("refresh_token", "");
    reply(response, 200, token);
  }
}

void azure_app_service(State& state, const httplib::Request& request, httplib::Response& response) {
  const auto say = [&](int status, const std::string& message) {
    reply(response, status,
          Json::object({{"statusCode", status},
                        {"message", message},
                        {"correlationId", "6f8a1f2c-0000-4000-8000-000000000000"}}));
  };
  const std::string resource = request.get_param_value("resource");
  if (request.get_header_value("X-IDENTITY-HEADER") != k_identity_header) {
    say(401, "Invalid X-IDENTITY-HEADER: " + request.get_header_value("X-IDENTITY-HEADER"));
  } else if (request.get_param_value("api-version") != "2019-08-01") {
    say(400, "Unsupported api-version");
  } else if (const Identity* identity = chosen(request, {"client_id", "object_id", "mi_res_id"});
             identity == nullptr) {
    say(400,
        "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.");
  } else if (!knows_resource(resource)) {
    say(400, no_resource(resource));
  } else {
    reply(response, 200, token_for(state, *identity, resource));
  }
}

void azure_arc(State& state, const httplib::Request& request, httplib::Response& response) {
  if (refused_metadata(request, response, "2020-06-01")) {
    return;
  }
  if (!took_key(state, request.get_header_value("Authorization"))) {
    challenge(state, response);
    return;
  }
  const Identity* identity = chosen(request, {});
  if (identity == nullptr) {
    refuse(response, 404, "not_found", "The identity is not assigned to this machine");
    return;
  }
  Json token = token_for(state, *identity, request.get_param_value("resource"));
  token.set("object_id", identity->object_id);
  token.set("msi_res_id", identity->resource_id);
  reply(response, 200, token);
}

}  // namespace testbed
