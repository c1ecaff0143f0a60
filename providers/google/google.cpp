// SPDX-License-Identifier: Apache-2.0
// google: the identity token of an attached service account, from Google's metadata server: Compute Engine,
// Cloud Run and GKE's workload identity have it.
//
//   GET /computeMetadata/v1/instance/service-accounts/ACCOUNT/identity?audience=...&format=full
//   Metadata-Flavor: Google
//
//   200, Metadata-Flavor: Google, the token as the body
//
// https://cloud.google.com/compute/docs/instances/verifying-instance-identity
// https://cloud.google.com/compute/docs/troubleshooting/troubleshoot-metadata-server (statuses)
// https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity (not ready at a pod's start)
//
// The server keeps a token until its last five minutes, so the same one may come again; it is good all the same,
// and the cache looks at the life that is left of it.
#include "google.hpp"

#include <algorithm>
#include <array>

#include <unistd.h>

#include "kit/jwt.hpp"

namespace wif::google {
namespace {

using kit::fail;
using kit::Failure;
using kit::Host;
using kit::Request;
using kit::Response;
using kit::Result;
using kit::SubjectToken;
using kit::Try;

constexpr std::string_view k_google_host = "metadata.google.internal";
constexpr std::string_view k_flavor = "Metadata-Flavor";
constexpr std::string_view k_google = "Google";
constexpr std::int32_t k_try_timeout_ms = 5000;
constexpr std::int64_t k_first_pause_ms = 100;
constexpr std::int64_t k_longest_pause_ms = 2000;
constexpr int k_tries = 6;
constexpr int k_tries_of_404 = 4;
constexpr int k_tries_of_name = 5;
constexpr std::int64_t k_longest_for_name_ms = 2000;

constexpr const char* k_silence_hint =
    "is this Google Cloud? On GKE the server is not ready in a pod's first seconds (--timeout allows more), and "
    "a NetworkPolicy or a sidecar has to let 169.254.169.254 through; without DNS set "
    "subject.endpoint=169.254.169.254";
constexpr const char* k_plain_hint =
    "plain http is for loopback, link-local addresses and metadata.google.internal; GCE_METADATA_HOST may name "
    "another host";
constexpr const char* k_elsewhere_hint =
    "this machine is not on Google Cloud, or a proxy answered: check subject.endpoint and GCE_METADATA_HOST";
constexpr const char* k_forbidden_hint =
    "a proxy or sidecar on the way (Istio, Envoy) adds X-Forwarded-For or drops Metadata-Flavor: let "
    "metadata.google.internal and 169.254.169.254 past it; or the project has this endpoint switched off";
constexpr const char* k_binding_hint =
    "annotate the pod's Kubernetes service account with "
    "iam.gke.io/gcp-service-account=NAME@PROJECT.iam.gserviceaccount.com and give it "
    "roles/iam.workloadIdentityUser on that account; roles bound to it directly give no identity token";
constexpr const char* k_no_account_hint =
    "attach a service account to the VM, or set subject.service_account to one that is attached "
    "(/computeMetadata/v1/instance/service-accounts/ lists them)";

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(".-_:[]").find(c) != std::string_view::npos;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string said(const Response& answer) {
  const std::string body = kit::excerpt(answer.body);
  return "HTTP " + std::to_string(answer.status) + (body.empty() ? "" : ": " + body);
}

// Of "http://host:port".
std::string_view host_of(std::string_view server) {
  server.remove_prefix(server.find("://") + 3);
  return server.substr(0, server.find(':'));
}

// Whether an error's words are about a pod's Kubernetes service account and the Google one it stands for.
bool is_about_binding(std::string_view body) {
  return contains(body, "Kubernetes service account") || contains(body, "annotat") ||
         contains(body, "getOpenIdToken") || contains(body, "iam.serviceAccounts");
}

Failure not_googles(const Response& answer, const Question& question) {
  return {WIF_UNREACHABLE,
          "what answers at " + question.server + " is not Google's metadata server: HTTP " +
              std::to_string(answer.status) + " without Metadata-Flavor: Google",
          k_elsewhere_hint};
}

Failure refusal(const Response& answer, const Question& question) {
  const std::string server = "Google's metadata server at " + question.server;
  const bool binding = is_about_binding(answer.body);
  if (answer.status == 404)
    return {
        WIF_NO_IDENTITY,
        server + " has no identity for service account '" + question.service_account + "': " + said(answer),
        binding || question.in_kubernetes ? k_binding_hint : k_no_account_hint};
  if (answer.status == 400)
    return {WIF_REFUSED, server + " does not take the request: " + said(answer),
            "check subject.audience; it is " + kit::excerpt(question.audience, 100)};
  if (answer.status == 403)
    return {WIF_REFUSED, server + " refused: " + said(answer), binding ? k_binding_hint : k_forbidden_hint};
  if (answer.status == 429)
    return {WIF_UNREACHABLE, server + " is asked too often: " + said(answer),
            "something on this machine asks it without a cache; try again later"};
  if (answer.status >= 500)
    return {WIF_UNREACHABLE, server + " failed: " + said(answer),
            binding ? k_binding_hint : "try again later; on GKE look at the gke-metadata-server pods"};
  if (answer.status >= 400) return {WIF_REFUSED, server + " refused: " + said(answer), {}};
  return {WIF_UNREACHABLE, server + " answered HTTP " + std::to_string(answer.status) + " where 200 is due",
          k_elsewhere_hint};
}

// A body of 200 may be half a token, so it isn't shown unless it is a page.
Failure unusable(const Question& question, std::string_view body, const std::string& what) {
  const bool page = body.starts_with('<');
  return {WIF_UNREACHABLE,
          "Google's metadata server at " + question.server + " answered 200, but " + what +
              (page ? ": " + kit::excerpt(body) : ""),
          k_elsewhere_hint};
}

}  // namespace

Result<std::string> server_url(std::string_view address, const std::string& name) {
  std::string scheme = "http://";
  if (const std::size_t mark = address.find("://"); mark != std::string_view::npos) {
    scheme = to_lower(address.substr(0, mark)) + "://";
    address.remove_prefix(mark + 3);
  }
  if (address.ends_with('/')) address.remove_suffix(1);
  const bool good = (scheme == "http://" || scheme == "https://") && !address.empty() &&
                    std::all_of(address.begin(), address.end(), is_host_character);
  if (!good)
    return fail(
        WIF_CONFIGURATION, name + " is not a metadata server's address",
        "write host or host:port, as in metadata.google.internal or 169.254.169.254:80, without a path");
  return scheme + std::string(address);
}

bool is_service_account(std::string_view name) {
  constexpr std::size_t k_longest = 256;
  const auto fits = [](char c) { return c == '@' || (is_host_character(c) && c != '[' && c != ']'); };
  return !name.empty() && name.size() <= k_longest && name.find_first_not_of('.') != std::string_view::npos &&
         std::all_of(name.begin(), name.end(), fits);
}

Request build_request(const Question& question) {
  Request request;
  request.url = kit::with_query(question.server + "/computeMetadata/v1/instance/service-accounts/" +
                                    question.service_account + "/identity",
                                {{"audience", question.audience}, {"format", "full"}});
  if (question.licenses) request.url = kit::with_query(request.url, {{"licenses", "TRUE"}});
  request.headers = {{std::string(k_flavor), k_google}};
  // The flag also keeps the request from a proxy, which over https nothing else would.
  if (question.documented_host || question.server.starts_with("https:")) request.flags = WIF_HTTP_LINK_LOCAL;
  request.try_timeout_ms = k_try_timeout_ms;
  return request;
}

// Google's libraries ask again after a failed connection, a time-out, 408, 429 and 5xx, five or six times from
// 0.1 s on (googleapis/google-cloud-go compute/metadata, google-auth-library-python). That is too short for a new
// pod on GKE (google-cloud-go#14349), so no answer and 503, which the reference calls 'still booting', are asked
// again until the deadline; and a 404 is believed only when it stays, since a new pod may not be known yet.
// A name without an address is what every machine outside of Google Cloud has. Go's library doesn't ask again for one that
// DNS denies, but does where DNS itself fails for the moment (net.DNSError.Temporary), as it may while a machine starts
// (GoogleCloudPlatform/slurm-gcp#52). libcurl doesn't tell the two apart, so the name gets a second or two, and the whole
// deadline where something else says that this may be Google Cloud.
std::optional<std::int64_t> pause_before_next(const Try& made, bool starting) {
  const std::int64_t pause = std::min(k_first_pause_ms << std::min(made.number - 1, 10), k_longest_pause_ms);
  if (made.status == 0 && made.failure == WIF_HTTP_NO_ADDRESS && !starting) {
    const bool enough = made.number >= k_tries_of_name || made.elapsed_ms >= k_longest_for_name_ms;
    return enough ? std::nullopt : std::optional(pause);
  }
  if (made.status == 0 || made.status == 503) return pause;
  const bool transient = made.status == 408 || made.status == 429 || made.status >= 500;
  const int tries = transient ? k_tries : made.status == 404 ? k_tries_of_404 : 1;
  if (made.number >= tries) return {};
  return pause;
}

Result<std::string_view> read_answer(const Response& answer, const Question& question) {
  if (answer.header(k_flavor) != k_google) return tl::unexpected(not_googles(answer, question));
  if (answer.status != 200) return tl::unexpected(refusal(answer, question));
  const std::string_view token = trim(answer.body);
  if (token.empty()) return tl::unexpected(unusable(question, token, "with an empty body"));
  const auto jwt = kit::peek_jwt(token);
  if (!jwt) return tl::unexpected(unusable(question, token, "what it sent is not a token"));
  if (!jwt->is_for(question.audience))
    return kit::refuse(
        unusable(question, {}, "the token is not for the audience " + kit::excerpt(question.audience, 100)),
        token);
  return token;
}

namespace {

Result<Question> read_settings(const Host& host) {
  Question question;
  const auto audience = host.audience();
  if (!audience) return tl::unexpected(audience.error());
  question.audience = *audience;
  question.service_account = host.setting("service_account").value_or("default");
  if (!is_service_account(question.service_account))
    return fail(WIF_CONFIGURATION, "subject.service_account is not a service account's name",
                "write its e-mail address, NAME@PROJECT.iam.gserviceaccount.com, or default");
  question.licenses = host.setting("licenses") == "true";
  question.in_kubernetes = host.environment("KUBERNETES_SERVICE_HOST").has_value();
  const auto endpoint = host.setting("endpoint");
  const auto variable = host.environment("GCE_METADATA_HOST");
  const auto server = server_url(endpoint.value_or(variable.value_or(k_google_host)),
                                 endpoint ? "subject.endpoint" : "GCE_METADATA_HOST");
  if (!server) return tl::unexpected(server.error());
  question.server = *server;
  question.documented_host = !endpoint || to_lower(host_of(question.server)) == k_google_host;
  return question;
}

// The product of Google's machines, which its pods see too (google.module has why not the vendor).
bool is_googles_machine() {
  const Fd file = kit::open_file("/sys/class/dmi/id/product_name");
  std::array<char, 6> name{};
  return file && read(file.get(), name.data(), name.size()) == ssize_t{name.size()} &&
         std::string_view(name.data(), name.size()) == "Google";
}

bool may_be_starting(const Host& host, const Question& question) {
  const bool on_cloud_run = host.environment("K_REVISION") || host.environment("CLOUD_RUN_EXECUTION") ||
                            host.environment("CLOUD_RUN_WORKER_POOL");
  return question.in_kubernetes || on_cloud_run || is_googles_machine();
}

Result<SubjectToken> fetch_token(const Host& host) {
  const auto question = read_settings(host);
  if (!question) return tl::unexpected(question.error());
  const bool starting = may_be_starting(host, *question);
  const auto answer =
      kit::send(host, build_request(*question), "asking Google's metadata server at " + question->server,
                [starting](const Try& made) { return pause_before_next(made, starting); });
  if (!answer) {
    Failure failure = answer.error();
    failure.hint = failure.status == WIF_UNREACHABLE ? k_silence_hint : k_plain_hint;
    return tl::unexpected(std::move(failure));
  }
  const auto token = read_answer(*answer, *question);
  if (!token) return tl::unexpected(token.error());
  return SubjectToken{*token};
}

constexpr wif_provider k_provider = kit::provider<fetch_token>("google");

}  // namespace
}  // namespace wif::google

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) {
  return wif::kit::offer(wif::google::k_provider, host_abi);
}
