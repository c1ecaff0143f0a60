// SPDX-License-Identifier: Apache-2.0
#include "sts.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <pugixml.hpp>

#include "util/encode.hpp"
#include "util/secret.hpp"

namespace wif::aws {
using kit::AwsSignature;
using kit::excerpt;
using kit::Failure;
using kit::Host;
using kit::Request;
using kit::Result;
using kit::SubjectToken;
using kit::url_encode;

namespace {

constexpr const char* k_token_action = "GetWebIdentityToken";
constexpr const char* k_role_action = "AssumeRoleWithWebIdentity";
// STS answers within a second; one lost answer shouldn't cost the whole deadline.
constexpr std::int32_t k_try_ms = 10000;

struct Suffix {
  std::string_view prefix;
  std::string_view suffix;
};
constexpr std::array k_suffixes = {Suffix{"cn-", "amazonaws.com.cn"}, Suffix{"eusc-", "amazonaws.eu"},
                                   Suffix{"", "amazonaws.com"}};

struct Mend {
  std::string_view code;  // without "Exception" at its end
  std::string_view hint;  // CREDENTIALS stands for where they came from
  std::int32_t status = WIF_REFUSED;
};
constexpr std::array k_mends = {
    Mend{"OutboundWebIdentityFederationDisabled",
         "an administrator has to enable outbound identity federation in this account, once: "
         "`aws iam enable-outbound-web-identity-federation`"},
    Mend{
        "AccessDenied",
        "allow sts:GetWebIdentityToken to this role or user (with tags sts:TagGetWebIdentityToken too), and look at "
        "conditions on sts:IdentityTokenAudience, sts:DurationSeconds and sts:SigningAlgorithm"},
    Mend{
        "SessionDurationEscalation",
        "the token may not outlive the session of CREDENTIALS: set a shorter subject.duration, or renew the session"},
    Mend{"JWTPayloadSizeExceeded",
         "use fewer or shorter subject.tags (tags of the role's session count as well)"},
    Mend{"ExpiredToken", "the credentials from CREDENTIALS have expired: renew them"},
    Mend{"RequestExpired", "set this machine's clock: AWS allows five minutes"},
    Mend{
        "InvalidClientTokenId",
        "AWS does not know the key from CREDENTIALS: it was deleted, or belongs to another partition, or its "
        "AWS_SESSION_TOKEN is missing"},
    Mend{"SignatureDoesNotMatch",
         "set this machine's clock (AWS allows five minutes), and check the secret key from CREDENTIALS"},
    Mend{"RegionDisabled",
         "activate STS for this region in the account's settings, or set another subject.region"},
    Mend{
        "InvalidAction",
        "the global endpoint has no GetWebIdentityToken: leave subject.endpoint and AWS_ENDPOINT_URL unset, and name "
        "a region"},
    Mend{"Throttling", "AWS asks for patience: try again later", WIF_UNREACHABLE},
    Mend{"RequestLimitExceeded", "AWS asks for patience: try again later", WIF_UNREACHABLE},
    Mend{"IDPCommunicationError", "AWS could not reach the token's issuer: try again", WIF_UNREACHABLE},
    Mend{
        "InvalidIdentityToken",
        "IAM needs an OIDC provider of the token's issuer and audience (sts.amazonaws.com), and the role's trust "
        "policy has to name it"},
};
constexpr std::string_view k_role_denied =
    "the role's trust policy has to allow sts:AssumeRoleWithWebIdentity to this token's issuer, sub and aud";

bool is_retried(std::int32_t status) { return status == 429 || status >= 500; }

std::string with_source(std::string_view hint, const std::string& source) {
  constexpr std::string_view k_place = "CREDENTIALS";
  std::string out(hint);
  if (const std::size_t at = out.find(k_place); at != out.npos) out.replace(at, k_place.size(), source);
  return out;
}

Failure unusable(const std::string& what) {
  return {WIF_UNREACHABLE, what, "check subject.endpoint, and what lies between, such as a proxy"};
}

// A parsed answer of the action: <ActionResponse><ActionResult>.
class Answer {
 public:
  Answer(char* xml, std::size_t size) : m_whole(m_document.load_buffer_inplace(xml, size)) {}
  pugi::xml_node result(const std::string& action) const {
    if (!m_whole) return {};
    return m_document.child((action + "Response").c_str()).child((action + "Result").c_str());
  }
  // AWS's older services, and moto, have <Errors> around it.
  pugi::xml_node error() const {
    if (!m_whole) return {};
    const pugi::xml_node errors = root().child("Errors");
    return errors ? errors.child("Error") : root().child("Error");
  }
  std::string request_id() const { return excerpt(root().child_value("RequestId"), 60); }

 private:
  pugi::xml_node root() const { return m_document.document_element(); }
  pugi::xml_document m_document;
  bool m_whole;
};

std::string_view text_of(const pugi::xml_node& node, const char* name) {
  return trim(node.child_value(name));
}

std::string_view short_code(std::string_view code) {
  constexpr std::string_view k_tail = "Exception";
  if (code.ends_with(k_tail) && code.size() > k_tail.size()) code.remove_suffix(k_tail.size());
  return code;
}

// Signed if there are credentials. The answer is in memory that is the host's and may be written to.
struct Received {
  std::int32_t status = 0;
  char* body = nullptr;
  std::size_t size = 0;
};

Result<Received> post(const Host& host, const Sts& sts, std::string form, const Credentials* credentials,
                      const std::string& action) {
  Request request;
  request.method = "POST";
  request.url = sts.endpoint + "/";
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = std::move(form);
  request.try_timeout_ms = k_try_ms;
  if (credentials != nullptr) {
    request.aws = AwsSignature{"aws:amz:" + sts.region + ":sts", credentials->access_key_id,
                               credentials->secret_access_key};
    if (!credentials->session_token.empty())
      request.headers.push_back({"X-Amz-Security-Token", credentials->session_token});
  }
  const auto response = send(host, request, "asking AWS STS for " + action);
  wipe(*request.body);  // it may hold a token
  if (!response) return tl::unexpected<Failure>(response.error());
  char* body = host.secret_memory(response->body.size() + 1);
  std::copy(response->body.begin(), response->body.end(), body);
  return Received{response->status, body, response->body.size()};
}

}  // namespace

std::string regional_endpoint(const std::string& region) {
  const auto* fitting = std::find_if(k_suffixes.begin(), k_suffixes.end(),
                                     [&](const Suffix& suffix) { return region.starts_with(suffix.prefix); });
  return "https://sts." + region + "." + std::string(fitting->suffix);
}

std::string token_form(const TokenRequest& request) {
  std::string form = std::string("Action=") + k_token_action + "&Version=2011-06-15";
  form += "&Audience.member.1=" + url_encode(request.audience);
  form += "&SigningAlgorithm=" + url_encode(request.algorithm);
  form += "&DurationSeconds=" + std::to_string(request.duration);
  int number = 0;
  for (const auto& [key, value] : request.tags) {
    const std::string tag = "&Tags.member." + std::to_string(++number);
    form += tag + ".Key=" + url_encode(key) + tag + ".Value=" + url_encode(value);
  }
  return form;
}

std::string role_form(const WebIdentity& identity, std::string_view token) {
  return std::string("Action=") + k_role_action +
         "&Version=2011-06-15&RoleArn=" + url_encode(identity.role_arn) +
         "&RoleSessionName=" + url_encode(identity.session_name) + "&WebIdentityToken=" + url_encode(token);
}

Result<SubjectToken> read_token(char* xml, std::size_t size) {
  const Answer answer(xml, size);
  const pugi::xml_node result = answer.result(k_token_action);
  SubjectToken token;
  token.token = text_of(result, "WebIdentityToken");
  if (token.token.empty())
    return tl::unexpected<Failure>(unusable(
        "AWS STS answered with " + std::string(result ? "an empty token" : "something other than a token")));
  token.expires_at = parse_rfc3339(text_of(result, "Expiration")).value_or(0);
  return token;
}

Result<Credentials> read_credentials(char* xml, std::size_t size, const std::string& source) {
  const Answer answer(xml, size);
  const pugi::xml_node result = answer.result(k_role_action).child("Credentials");
  Credentials credentials{std::string(text_of(result, "AccessKeyId")), text_of(result, "SecretAccessKey"),
                          text_of(result, "SessionToken"), source};
  if (credentials.access_key_id.empty() || credentials.secret_access_key.empty() ||
      credentials.session_token.empty())
    return tl::unexpected<Failure>(unusable("AWS STS answered with something other than credentials"));
  return credentials;
}

Failure read_error(std::int32_t status, char* xml, std::size_t size, const std::string& action,
                   const std::string& source) {
  const std::string plain = shown({xml, size});  // before it is parsed in place
  const std::string tried = std::string("AWS STS ") + (is_retried(status) ? "failed at " : "refused ") +
                            action + " (HTTP " + std::to_string(status);
  const Answer answer(xml, size);
  const std::string_view code = short_code(text_of(answer.error(), "Code"));
  if (code.empty() && status < 400)
    return unusable("AWS STS answered " + action + " with HTTP " + std::to_string(status) +
                    (status >= 300 ? ", a redirect, which isn't followed" : ""));
  Failure failure{is_retried(status) ? WIF_UNREACHABLE : WIF_REFUSED, tried, {}};
  if (code.empty()) {
    failure.message += "): " + plain;
    failure.hint = is_retried(status) ? "try again later"
                                      : "check subject.endpoint, and what lies between, such as a proxy";
    return failure;
  }
  failure.message += " " + excerpt(code, 60) + "): " + excerpt(text_of(answer.error(), "Message"), 250);
  if (!answer.request_id().empty()) failure.message += " [request " + answer.request_id() + "]";
  const auto* mend =
      std::find_if(k_mends.begin(), k_mends.end(), [&](const Mend& one) { return one.code == code; });
  if (mend == k_mends.end()) {
    if (is_retried(status)) failure.hint = "try again later";
    return failure;
  }
  failure.hint = with_source(mend->hint, source);
  if (code == "AccessDenied" && action == k_role_action) failure.hint = k_role_denied;
  if (mend->status != WIF_REFUSED) failure.status = mend->status;
  return failure;
}

Result<SubjectToken> get_web_identity_token(const Host& host, const Sts& sts, const Credentials& credentials,
                                            const TokenRequest& request) {
  const auto received = post(host, sts, token_form(request), &credentials, k_token_action);
  if (!received) return tl::unexpected<Failure>(received.error());
  if (received->status == 200) return read_token(received->body, received->size);
  return tl::unexpected<Failure>(
      read_error(received->status, received->body, received->size, k_token_action, credentials.source));
}

Result<Credentials> assume_role(const Host& host, const Sts& sts, const WebIdentity& identity) {
  auto token = read_token_file(host, identity.token_file);
  if (!token) {
    token.error().hint =
        "AWS_WEB_IDENTITY_TOKEN_FILE or the profile's web_identity_token_file names it; EKS mounts it "
        "into pods whose service account names a role (eks.amazonaws.com/role-arn)";
    return tl::unexpected<Failure>(std::move(token.error()));
  }
  const auto received = post(host, sts, role_form(identity, *token), nullptr, k_role_action);
  if (!received) return tl::unexpected<Failure>(received.error());
  const std::string source = "the web identity in " + identity.token_file;
  if (received->status == 200) return read_credentials(received->body, received->size, source);
  return tl::unexpected<Failure>(
      read_error(received->status, received->body, received->size, k_role_action, source));
}

}  // namespace wif::aws
