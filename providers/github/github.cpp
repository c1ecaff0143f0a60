// SPDX-License-Identifier: Apache-2.0
// github: the OIDC token of a GitHub Actions job, from the endpoint and with the request token that the runner
// puts into the environment of a job with `permissions: id-token: write`.
//
//   GET $ACTIONS_ID_TOKEN_REQUEST_URL&audience=...   Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN
//   200 {"count": 1, "value": "TOKEN"}
//
// https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
//
// A token lives for five minutes, so each exchange asks for a new one. Forgejo's runners speak the same
// protocol.
#include "github.hpp"

#include <algorithm>
#include <cstring>

#include "kit/jwt.hpp"

namespace wif::github {
namespace {

using kit::fail;
using kit::Failure;
using kit::Host;
using kit::Request;
using kit::Response;
using kit::Result;
using kit::SubjectToken;
using kit::Try;

constexpr const char* k_url = "ACTIONS_ID_TOKEN_REQUEST_URL";
constexpr const char* k_token = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
constexpr std::string_view k_scheme = "bearer ";
constexpr std::int32_t k_try_timeout_ms = 5000;
constexpr std::int64_t k_first_pause_ms = 250;
constexpr std::int64_t k_longest_pause_ms = 4000;
constexpr int k_tries = 6;

constexpr const char* k_permission_hint =
    "add `permissions: id-token: write` (and `contents: read`) to the job or workflow; a reusable workflow "
    "needs it from its caller too, and a pull request from a fork never gets it. In a container or with sudo "
    "pass both ACTIONS_ID_TOKEN_REQUEST variables on";
constexpr const char* k_silence_hint =
    "a self-hosted runner has to reach *.actions.githubusercontent.com: check its network and https_proxy; "
    "www.githubstatus.com tells of outages";
constexpr const char* k_elsewhere_hint =
    "check ACTIONS_ID_TOKEN_REQUEST_URL, subject.endpoint and any proxy on the way";

// GitHub's errors are {"message": "..."}, among other members.
std::string words_of(const Response& answer) {
  if (const auto json = Json::parse(std::string(answer.body)))
    if (const auto message = (*json)["message"].string()) return kit::excerpt(*message);
  return kit::excerpt(answer.body);
}

// "Can't issue ID_TOKEN for job in 'Pending' state.", also 'Delayed': the job's start has not got round yet
// (aws-actions/configure-aws-credentials#469).
bool says_not_started(std::string_view words) {
  return words.find("'Pending'") != std::string_view::npos ||
         words.find("'Delayed'") != std::string_view::npos;
}

Failure refusal(const Response& answer) {
  const std::string words = words_of(answer);
  const std::string said =
      "HTTP " + std::to_string(answer.status) + (words.empty() ? std::string() : ": " + words);
  if (answer.status == 401)
    return {WIF_REFUSED, "GitHub does not take the job's request token: " + said,
            "it is good while its own job runs: don't carry it over to another one"};
  if (answer.status == 403 && says_not_started(words))
    return {WIF_UNREACHABLE, "GitHub does not see the job as running yet: " + said,
            "GitHub is late; try again, or allow more with --timeout"};
  if (answer.status == 429 || answer.status == 408 || answer.status >= 500)
    return {WIF_UNREACHABLE, "GitHub's token endpoint failed: " + said,
            "try again later; www.githubstatus.com tells of outages"};
  if (answer.status >= 400)
    return {WIF_REFUSED, "GitHub refused to issue a token for this job: " + said, k_permission_hint};
  return {WIF_UNREACHABLE,
          "GitHub's token endpoint answered HTTP " + std::to_string(answer.status) +
              " where 200 is due; redirects aren't followed, as the request token would go elsewhere",
          k_elsewhere_hint};
}

// A body of 200 may be half a token, so it isn't shown unless it is a page.
Failure unusable(const Response& answer, const std::string& what) {
  const bool page = trim(answer.body).starts_with('<');
  return {
      WIF_UNREACHABLE,
      "GitHub's token endpoint answered 200, but " + what + (page ? ": " + kit::excerpt(answer.body) : ""),
      k_elsewhere_hint};
}

std::size_t end_of_authority(std::string_view url) {
  const std::size_t mark = url.find("://");
  if (mark == std::string_view::npos) return mark;
  return std::min(url.find_first_of("/?#", mark + 3), url.size());
}

}  // namespace

Result<std::string> at_endpoint(std::string_view url, std::string_view endpoint) {
  if (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  if (end_of_authority(endpoint) != endpoint.size())
    return fail(WIF_CONFIGURATION, "subject.endpoint is not scheme, host and port",
                "write it as https://HOST:PORT, without a path; it is rarely needed here");
  const std::size_t rest = end_of_authority(url);
  if (rest == std::string_view::npos)
    return fail(WIF_CONFIGURATION, std::string(k_url) + " is not a URL", "leave it as the runner set it");
  return std::string(endpoint) + std::string(url.substr(rest));
}

Request build_request(const std::string& url, std::string_view authorization, std::string_view audience) {
  Request request;
  request.url = kit::with_query(url, {{"audience", audience}});
  request.headers = {{"Authorization", authorization}, {"Accept", "application/json"}};
  request.try_timeout_ms = k_try_timeout_ms;
  return request;
}

// The endpoint is slow or silent now and then, which is over within seconds (grafana/shared-workflows#2249): short
// tries and several. It says 403 for a job that it doesn't see as running yet; without the permission there is no
// request token to come here with, so every 403 is asked again.
std::optional<std::int64_t> pause_before_next(const Try& made) {
  const bool transient = made.status == 0 || made.status == 403 || made.status == 408 || made.status == 429 ||
                         made.status >= 500;
  if (!transient || made.number >= k_tries) return {};
  return std::min(k_first_pause_ms << (made.number - 1), k_longest_pause_ms);
}

Result<Json> read_answer(const Response& answer, std::string_view audience) {
  if (answer.status != 200) return tl::unexpected(refusal(answer));
  auto json = Json::parse(std::string(answer.body));
  if (!json || !json->root().is_object())
    return tl::unexpected(unusable(answer, "what it sent is not a JSON object"));
  const auto token = (*json)["value"].string();
  if (!token || token->empty()) return tl::unexpected(unusable(answer, "without a token in \"value\""));
  const auto jwt = kit::peek_jwt(*token);
  if (!jwt) return tl::unexpected(unusable(answer, "\"value\" is not a token"));
  if (!jwt->is_for(audience))
    return tl::unexpected(
        unusable(answer, "the token is not for the audience " + kit::excerpt(audience, 100)));
  return std::move(*json);
}

namespace {

Failure not_in_a_job(const Host& host, const char* missing) {
  if (host.environment("GITHUB_ACTIONS") && (host.environment(k_url) || host.environment(k_token)))
    return {WIF_NO_IDENTITY,
            "only one of this GitHub Actions job's two variables came through: " + std::string(missing) +
                " is not set",
            "in a container or with sudo pass both ACTIONS_ID_TOKEN_REQUEST_URL and "
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN on"};
  if (host.environment("GITHUB_ACTIONS"))
    return {WIF_NO_IDENTITY,
            "this GitHub Actions job may not ask for an OIDC token: " + std::string(missing) + " is not set",
            k_permission_hint};
  return {WIF_NO_IDENTITY, "this is no GitHub Actions job: " + std::string(missing) + " is not set",
          "elsewhere name another provider; `wif providers` shows what was found here"};
}

// A line break in a header would be another header.
bool fits_header(std::string_view token) {
  return std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// In the host's memory, which is wiped.
std::string_view authorization_header(const Host& host, std::string_view request_token) {
  char* value = host.secret_memory(k_scheme.size() + request_token.size() + 1);
  std::memcpy(value, k_scheme.data(), k_scheme.size());
  std::memcpy(value + k_scheme.size(), request_token.data(), request_token.size());
  return {value, k_scheme.size() + request_token.size()};
}

Result<SubjectToken> fetch_token(const Host& host) {
  const auto audience = host.audience();
  if (!audience) return tl::unexpected(audience.error());
  const auto request_url = host.environment(k_url);
  if (!request_url) return tl::unexpected(not_in_a_job(host, k_url));
  const auto request_token = host.environment(k_token);
  if (!request_token) return tl::unexpected(not_in_a_job(host, k_token));
  if (!fits_header(trim(*request_token)))
    return fail(WIF_NO_IDENTITY, std::string(k_token) + " has characters that no token has",
                "leave it as the runner set it");
  std::string url(*request_url);
  if (const auto endpoint = host.setting("endpoint")) {
    const auto moved = at_endpoint(url, *endpoint);
    if (!moved) return tl::unexpected(moved.error());
    url = *moved;
  }
  const auto answer =
      kit::send(host, build_request(url, authorization_header(host, trim(*request_token)), *audience),
                "asking GitHub for this job's token", pause_before_next);
  if (!answer) {
    Failure failure = answer.error();
    failure.hint = failure.status == WIF_UNREACHABLE ? k_silence_hint : k_elsewhere_hint;
    return tl::unexpected(std::move(failure));
  }
  const auto json = read_answer(*answer, *audience);
  if (!json) return tl::unexpected(json.error());
  return SubjectToken{host.secret_copy(*(*json)["value"].string())};
}

constexpr wif_provider k_provider = kit::provider<fetch_token>("github");

}  // namespace
}  // namespace wif::github

extern "C" const wif_provider* wif_provider_init(uint32_t host_abi) {
  return wif::kit::offer(wif::github::k_provider, host_abi);
}
