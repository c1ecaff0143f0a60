// SPDX-License-Identifier: Apache-2.0
// kubectl and everything on client-go: an exec plugin of a kubeconfig's user. The request is the variable KUBERNETES_EXEC_INFO, the answer
// an ExecCredential of the same version.
//
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
// https://kubernetes.io/docs/reference/config-api/client-authentication.v1/
#include <array>

#include "core/integration.hpp"
#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_request = "KUBERNETES_EXEC_INFO";
constexpr std::string_view k_v1 = "client.authentication.k8s.io/v1";
constexpr std::string_view k_v1beta1 = "client.authentication.k8s.io/v1beta1";

tl::unexpected<Error> refused(const std::string& what) {
  return fail(Category::usage, std::string(k_request) + " " + what,
              "it is what kubectl says to its plugins: an ExecCredential of " + std::string(k_v1) +
                  " or v1beta1; nothing has to set it by hand");
}

class Kubernetes final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.option("--token", "WHICH", m_token,
                     "exchange: the profile's credential; subject: the subject token itself (exchange)");
  }

  Result<ConsumerRequest> read(const System& system, std::string_view) override {
    ConsumerRequest request;
    if (m_token != "exchange" && m_token != "subject")
      return fail(Category::usage, "--token " + printable(*m_token, 40) + ": not exchange or subject");
    if (m_token == "subject") request.want = ConsumerRequest::Want::subject;
    // kubectl before 1.20 sets it only for versions that are gone, so without it v1beta1 is meant.
    const auto text = system.variable(k_request);
    if (!text) return request;
    TRY_ASSIGN(request.target, read_request(*text));
    return request;
  }

  // One that is past its expiry would make client-go run us again for each request (kubernetes#106768).
  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    if (grant.credential.expires_at <= grant.now.wall)
      return fail(Category::unreachable,
                  "the token of profile '" + grant.profile.name + "' has expired already",
                  "compare this machine's clock with what issued it");
    JsonWriter writer;
    writer.object().member("kind", "ExecCredential").member("apiVersion", m_version);
    writer.key("status").object();
    writer.member("expirationTimestamp", std::string_view(rfc3339(grant.credential.expires_at)));
    writer.member("token", grant.credential.access_token.view());
    writer.end().end();
    return Reply{line_of(writer), 0};
  }

 private:
  // The version to answer in, and the cluster where kubectl was told to name it (provideClusterInfo).
  Result<std::optional<Target>> read_request(const std::string& text) {
    const auto json = Json::parse(text);
    if (!json || !json->root().is_object()) return refused("is not a JSON object");
    if ((*json)["kind"].string() != "ExecCredential")
      return refused("is no ExecCredential, but of kind \"" +
                     printable((*json)["kind"].string().value_or(""), 40) + "\"");
    const auto version = (*json)["apiVersion"].string().value_or("");
    if (version != k_v1 && version != k_v1beta1)
      return refused("has apiVersion \"" + printable(version, 60) + "\", which isn't known here");
    m_version = version == k_v1 ? k_v1 : k_v1beta1;
    const JsonValue cluster = (*json)["spec"]["cluster"];
    if (!cluster || cluster.is_null()) return std::optional<Target>();
    TRY_ASSIGN(Target target, parse_target(cluster["server"].string().value_or("")));
    return std::optional<Target>(std::move(target));
  }

  std::optional<std::string> m_token = "exchange";
  std::string_view m_version = k_v1beta1;
};

constexpr std::array k_files = {ConsumerFile{"KUBECONFIG", "~/.kube/config"}};

}  // namespace

extern constinit const Integration integration_kubernetes;
constinit const Integration integration_kubernetes = {
    .name = "kubernetes",
    .program = nullptr,
    .usage = "wif kubernetes [OPTIONS]",
    .summary = "answer kubectl and client-go (exec credential plugin)",
    .examples =
        "  kubectl config set-credentials wif --exec-command=wif --exec-arg=kubernetes \\\n"
        "    --exec-api-version=client.authentication.k8s.io/v1 --exec-interactive-mode=Never\n",
    // client-go asks again at the expiry; a request that is on its way then has to arrive.
    .min_remaining = 120,
    .repeats_after_rejection = true,
    .protocol = make_protocol<Kubernetes>,
    .formats = {},
    .files = k_files,
};

}  // namespace wif
