// SPDX-License-Identifier: Apache-2.0
// azure: an access token of Microsoft Entra ID for a managed identity, which serves as the subject token. Three services
// hand it out, each by a GET with the wanted audience as `resource`, each answering with access_token and expires_on:
//
//   - the instance metadata service of a virtual machine, header `Metadata: true`:
//     https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
//   - App Service, Functions and Container Apps, at IDENTITY_ENDPOINT with IDENTITY_HEADER:
//     https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
//   - the agent of Azure Arc on a machine elsewhere, which answers 401 with the name of a file first:
//     https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication
//
// AKS's projected token (AZURE_FEDERATED_TOKEN_FILE) is a file, and so another provider's.
#include "azure.hpp"

#include <array>
#include <ctime>

#include <unistd.h>

namespace wif::azure {
namespace {

using namespace wif::kit;

constexpr const char* k_arc_agent = "/opt/azcmagent/bin/himds";

// The settings; below them the variable that Microsoft's own libraries read.
Result<Identity> identity_of(const Host& host) {
  Identity identity;
  for (const char* name : {"client_id", "object_id", "msi_res_id"}) {
    const auto value = host.setting(name);
    if (!value || value->empty()) continue;
    if (!identity.name.empty())
      return fail(WIF_CONFIGURATION,
                  "subject." + identity.name + " and subject." + name + " are both set, and choose twice",
                  "leave one of them: each names a managed identity by itself");
    identity = {name, std::string(*value)};
  }
  if (!identity.name.empty()) return identity;
  if (const auto value = host.environment("AZURE_CLIENT_ID"))
    return Identity{"client_id", std::string(*value)};
  return identity;
}

Result<Question> question_of(const Host& host) {
  auto audience = host.required_setting("audience");
  if (!audience) {
    audience.error().hint =
        "set it, or OPENAI_WIF_AUDIENCE, to the Application ID URI of the app registration that stands for OpenAI";
    return tl::unexpected<Failure>(audience.error());
  }
  if (audience->ends_with("/.default"))
    return fail(WIF_CONFIGURATION, "subject.audience is a scope, not an Application ID URI",
                "leave out the /.default at its end");
  const auto identity = identity_of(host);
  if (!identity) return tl::unexpected<Failure>(identity.error());
  return Question{*audience, *identity};
}

Surroundings surroundings_of(const Host& host) {
  const auto variable = [&](const char* name) { return host.environment(name).value_or(""); };
  return {host.setting("endpoint").value_or(""),
          variable("IDENTITY_ENDPOINT"),
          variable("IDENTITY_HEADER"),
          variable("IMDS_ENDPOINT"),
          variable("IDENTITY_SERVER_THUMBPRINT"),
          variable("AZURE_POD_IDENTITY_AUTHORITY_HOST"),
          access(k_arc_agent, F_OK) == 0};
}

// An answer, and the secret that was sent for it.
struct Asked {
  Response response;
  std::string_view secret;
};

Result<Asked> ask(const Host& host, const Place& place, const Question& question) {
  const std::string doing = std::string("asking ") + name_of(place.kind) + " for a token";
  const Request request = request_for(place, question);
  const auto response =
      place.kind == Kind::imds ? send(host, request, doing, imds_pause) : send(host, request, doing);
  if (!response) return tl::unexpected<Failure>(unanswered(place.kind, response.error()));
  if (place.kind != Kind::arc || response->status != 401) return Asked{*response, place.identity_header};

  const auto path = challenged_file(response->header("WWW-Authenticate").value_or(""),
                                    host.setting("arc_token_dir").value_or(""));
  if (!path) return tl::unexpected<Failure>(path.error());
  const auto key = read_key(host, *path);
  if (!key) return tl::unexpected<Failure>(key.error());
  constexpr std::string_view k_scheme = "Basic ";
  char* memory = host.secret_memory(k_scheme.size() + key->size());
  key->copy(memory + k_scheme.copy(memory, k_scheme.size()), key->size());
  const auto second =
      send(host, request_for(place, question, {memory, k_scheme.size() + key->size()}), doing);
  if (!second) return tl::unexpected<Failure>(unanswered(place.kind, second.error()));
  return Asked{*second, *key};
}

Result<SubjectToken> fetch_token(const Host& host) {
  const auto question = question_of(host);
  if (!question) return tl::unexpected<Failure>(question.error());
  const auto place = place_of(surroundings_of(host));
  if (!place) return tl::unexpected<Failure>(place.error());
  const auto asked = ask(host, *place, *question);
  if (!asked) return tl::unexpected<Failure>(asked.error());
  if (asked->response.status != 200)
    return tl::unexpected<Failure>(refusal(place->kind, *question, asked->response, asked->secret));
  const auto answer = read_answer(place->kind, asked->response, std::time(nullptr));
  if (!answer) return tl::unexpected<Failure>(answer.error());
  if (auto other = other_identity(place->kind, answer->json, question->identity))
    return tl::unexpected<Failure>(std::move(*other));
  // A warning only: whoever runs the other side may have entered what Entra writes.
  if (const auto warning = other_audience(answer->token, question->audience))
    host.log(WIF_LOG_WARNING, *warning);
  return SubjectToken{host.secret_copy(answer->token), nullptr, answer->expires_at};
}

constexpr wif_provider k_provider = provider<fetch_token>("azure");

}  // namespace
}  // namespace wif::azure

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) {
  return wif::kit::offer(wif::azure::k_provider, host_abi);
}
