// SPDX-License-Identifier: Apache-2.0
// The kubelet's image credential providers: a CredentialProviderRequest on standard input, a CredentialProviderResponse of the same version.
// In service account token mode the request brings the pod's token, which is the subject token then.
//
// https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider/
// https://kubernetes.io/docs/reference/config-api/kubelet-credentialprovider.v1/
#include <algorithm>
#include <array>

#include "core/integration.hpp"
#include "core/jwt.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::array<std::string_view, 3> k_versions = {"credentialprovider.kubelet.k8s.io/v1",
                                                        "credentialprovider.kubelet.k8s.io/v1beta1",
                                                        "credentialprovider.kubelet.k8s.io/v1alpha1"};
constexpr std::string_view k_default_user = "oauth2";
constexpr std::string_view k_hub = "docker.io";
// What the keyring looks for where an image names no registry.
constexpr std::string_view k_hub_key = "index.docker.io";
// A pull that begins at the end of what the kubelet keeps has to come to its own end.
constexpr std::int64_t k_longest_pull = 300;
// The kubelet has no word for a refused token: so long it goes on with one.
constexpr std::int64_t k_longest_kept = 600;

tl::unexpected<Error> refused(const std::string& what) {
  return fail(
      Category::usage, "the kubelet's request " + what,
      "a CredentialProviderRequest of " + std::string(k_versions.front()) + " is expected on standard input");
}

// As docker's reference grammar has it: the first part of a name is a registry if it can't be a folder.
std::string_view registry_of(std::string_view image) {
  const std::size_t slash = image.find('/');
  const std::string_view first = image.substr(0, slash);
  const bool is_host = first.find_first_of(".:") != std::string_view::npos || first == "localhost";
  return slash != std::string_view::npos && is_host ? first : std::string_view();
}

class Kubelet final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.option("--username", "NAME", m_username, "beside the token (oauth2)");
  }
  RequestInput input() const override { return RequestInput::whole; }

  Result<ConsumerRequest> read(const System& system, std::string_view input) override {
    ConsumerRequest request;
    TRY_ASSIGN(const Json json, parse(input));
    const auto image = json["image"].string();
    if (!image) return refused("names no image");
    const std::string_view registry = registry_of(*image);
    m_key = registry.empty() ? k_hub_key : registry;
    TRY_ASSIGN(request.target, parse_target(registry.empty() ? k_hub : registry));
    TRY_ASSIGN(request.subject_token, service_account_token(json, system.now()));
    return request;
  }

  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    const std::int64_t left = grant.credential.expires_at - grant.now.wall;
    return response(std::clamp<std::int64_t>(left - k_longest_pull, 0, k_longest_kept), &grant.credential);
  }

  std::optional<Reply> not_mine() override { return response(0, nullptr); }

 private:
  Result<Json> parse(std::string_view input) {
    auto json = Json::parse(std::string(input));
    if (!json || !json->root().is_object()) return refused("is not a JSON object");
    const auto kind = (*json)["kind"].string().value_or("");
    if (kind != "CredentialProviderRequest")
      return refused("is no CredentialProviderRequest, but of kind \"" + printable(kind, 40) + "\"");
    const auto version = (*json)["apiVersion"].string().value_or("");
    const auto* known = std::find(k_versions.begin(), k_versions.end(), version);
    if (known == k_versions.end())
      return refused("has apiVersion \"" + printable(version, 60) + "\", which isn't known here");
    m_version = *known;
    return json;
  }

  // Empty where there is none. One that has expired mustn't be answered out of the cache either.
  static Result<Secret> service_account_token(const Json& json, const Now& now) {
    const JsonValue value = json["serviceAccountToken"];
    if (!value || value.is_null()) return Secret();
    const auto token = value.string();
    if (!token) return refused("has a serviceAccountToken that is no text");
    if (token->empty()) return Secret();
    TRY_ASSIGN(const Jwt jwt, decode_jwt(*token));
    if (jwt.expires_at && *jwt.expires_at <= now.wall)
      return fail(Category::no_identity, "the service account token in the kubelet's request has expired",
                  "compare this node's clock with the API server's");
    return Secret(*token);
  }

  // The key names the one registry, so that nothing else is ever pulled with the token.
  Reply response(std::int64_t kept, const Credential* credential) const {
    JsonWriter writer;
    writer.object().member("kind", "CredentialProviderResponse").member("apiVersion", m_version);
    writer.member("cacheKeyType", "Registry");
    writer.member("cacheDuration", std::string_view(std::to_string(kept) + "s"));
    writer.key("auth").object();
    if (credential != nullptr) {
      writer.key(m_key).object();
      writer.member("username", std::string_view(m_username ? *m_username : std::string(k_default_user)));
      writer.member("password", credential->access_token.view());
      writer.end();
    }
    writer.end().end();
    return Reply{line_of(writer), 0};
  }

  std::optional<std::string> m_username;
  std::string_view m_version;
  std::string m_key;
};

}  // namespace

extern constinit const Integration integration_kubelet;
constinit const Integration integration_kubelet = {
    .name = "kubelet",
    .program = nullptr,
    .usage = "wif kubelet [OPTIONS]",
    .summary = "answer the kubelet as an image credential provider",
    .examples =
        "  kubelet --image-credential-provider-config=/etc/kubernetes/credential-providers.yaml \\\n"
        "    --image-credential-provider-bin-dir=/usr/bin\n",
    .min_remaining = k_longest_pull + k_longest_kept,
    // It asks for many images at once.
    .repeats_after_rejection = false,
    .protocol = make_protocol<Kubelet>,
    .formats = {},
};

}  // namespace wif
