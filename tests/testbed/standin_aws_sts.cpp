// SPDX-License-Identifier: Apache-2.0
// https://docs.aws.amazon.com/STS/latest/APIReference/, and for what has to be signed
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
#include "digest.hpp"
#include "form.hpp"
#include "standin_aws.hpp"
#include "standin_aws_keys.hpp"
#include "standin_aws_signature.hpp"
#include "tokens.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <ctime>
#include <map>
#include <optional>

namespace testbed {
namespace {

constexpr std::int64_t k_longest_skew = 300;
constexpr std::int64_t k_role_life = 3600;
constexpr const char* k_namespace = "https://sts.amazonaws.com/doc/2011-06-15/";

struct Refusal {
  int status;
  std::string code;
  std::string message;
};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

std::string element(const std::string& name, const std::string& text) {
  return "<" + name + ">" + escaped(text) + "</" + name + ">";
}

std::string request_id() { return sha256_hex(random_text(16)).substr(0, 32); }

void answer(httplib::Response& response, const std::string& action, const std::string& result) {
  reply(response, 200,
        "<" + action + "Response xmlns=\"" + k_namespace + "\">\n  <" + action + "Result>" + result + "</" +
            action + "Result>\n  <ResponseMetadata>" + element("RequestId", request_id()) +
            "</ResponseMetadata>\n</" + action + "Response>\n",
        "text/xml");
}

void answer(httplib::Response& response, const Refusal& refusal) {
  reply(response, refusal.status,
        std::string("<ErrorResponse xmlns=\"") + k_namespace + "\">\n  <Error>" + element("Type", "Sender") +
            element("Code", refusal.code) + element("Message", refusal.message) + "</Error>\n  " +
            element("RequestId", request_id()) + "\n</ErrorResponse>\n",
        "text/xml");
}

std::string get(const Form& form, const std::string& name) { return form_value(form, name); }

// "20150830T123600Z"
std::int64_t time_of(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &parts);
  return end != nullptr && *end == '\0' ? timegm(&parts) : 0;
}

// One request's signature, verified as AWS describes it.
class Verifier {
 public:
  Verifier(const httplib::Request& request, std::int64_t now) : m_request(request), m_now(now) {}

  // Whose it is, in key().
  std::optional<Refusal> run() {
    if (!m_request.has_header("Authorization"))
      return Refusal{403, "MissingAuthenticationToken", "Request is missing Authentication Token"};
    if (auto refusal = read_authorization()) return refusal;
    if (auto refusal = check_key()) return refusal;
    if (auto refusal = check_time()) return refusal;
    if (auto refusal = collect_headers()) return refusal;
    if (aws_signature(m_signed, m_scope, m_key->secret) != m_signature)
      return Refusal{403, "SignatureDoesNotMatch",
                     "The request signature we calculated does not match the signature you provided."};
    return {};
  }
  const AwsKey& key() const { return *m_key; }
  const std::string& region() const { return m_scope.region; }

 private:
  static Refusal incomplete(const std::string& what) { return {400, "IncompleteSignature", what}; }

  std::string part(const std::string& name) const {
    const std::string value = m_request.get_header_value("Authorization");
    const std::size_t at = value.find(name + "=");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 1;
    return value.substr(begin, value.find_first_of(", ", begin) - begin);
  }

  std::optional<Refusal> read_authorization() {
    const std::string credential = part("Credential");
    m_signature = part("Signature");
    m_names = part("SignedHeaders");
    std::string pieces[5];
    std::size_t begin = 0;
    for (std::string& piece : pieces) {
      const std::size_t end = std::min(credential.find('/', begin), credential.size());
      piece = credential.substr(std::min(begin, credential.size()), end - begin);
      begin = end + 1;
    }
    m_id = pieces[0];
    m_scope = {pieces[1], pieces[2], pieces[3]};
    if (!m_request.get_header_value("Authorization").starts_with("AWS4-HMAC-SHA256 ") || m_names.empty() ||
        m_signature.size() != 64 || pieces[4] != "aws4_request")
      return incomplete("Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'.");
    if (m_scope.service != "sts" || m_scope.region.empty())
      return Refusal{403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'."};
    return {};
  }

  std::optional<Refusal> check_key() {
    m_key = aws_key(m_id);
    if (m_key == nullptr || m_request.get_header_value("X-Amz-Security-Token") != m_key->session)
      return Refusal{403, "InvalidClientTokenId", "The security token included in the request is invalid."};
    return {};
  }

  std::optional<Refusal> check_time() const {
    const std::string date = m_request.get_header_value("X-Amz-Date");
    const std::int64_t when = time_of(date);
    if (when == 0) return incomplete("X-Amz-Date is missing or malformed");
    if (!date.starts_with(m_scope.date))
      return Refusal{403, "SignatureDoesNotMatch", "Date in Credential scope does not match X-Amz-Date."};
    if (std::llabs(when - m_now) > k_longest_skew)
      return Refusal{403, "SignatureDoesNotMatch",
                     "Signature expired: " + date + " is not near the server's time"};
    return {};
  }

  // Those that the request says it signed: in order, all there, and none of the obligatory ones left out.
  std::optional<Refusal> collect_headers() {
    std::string last;
    for (std::size_t begin = 0; begin <= m_names.size();) {
      const std::size_t end = std::min(m_names.find(';', begin), m_names.size());
      const std::string name = m_names.substr(begin, end - begin);
      if (name <= last) return incomplete("SignedHeaders is not sorted");
      if (!m_request.has_header(name))
        return incomplete("'" + name +
                          "' is named as a SignedHeader, but it does not exist in the HTTP request");
      m_signed.headers[name] = m_request.get_header_value(name);
      last = name;
      begin = end + 1;
    }
    for (const auto& header : m_request.headers) {
      std::string name = header.first;
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      const bool obligatory = name == "host" || name == "content-type" || name.starts_with("x-amz-");
      if (obligatory && m_signed.headers.count(name) == 0)
        return Refusal{403, "SignatureDoesNotMatch", "'" + name + "' must be a SignedHeader"};
    }
    m_signed.method = m_request.method;
    const std::size_t question = std::min(m_request.target.find('?'), m_request.target.size());
    m_signed.path = m_request.target.substr(0, question);
    m_signed.query = m_request.target.substr(std::min(question + 1, m_request.target.size()));
    m_signed.body = m_request.body;
    return {};
  }

  const httplib::Request& m_request;
  std::int64_t m_now;
  const AwsKey* m_key = nullptr;
  std::string m_id;
  std::string m_names;
  std::string m_signature;
  CredentialScope m_scope;
  SignedRequest m_signed;
};

Json request_tags(const Form& form) {
  Json tags = Json::object();
  for (int i = 1; !get(form, "Tags.member." + std::to_string(i) + ".Key").empty(); ++i) {
    const std::string name = "Tags.member." + std::to_string(i);
    tags.set(get(form, name + ".Key"), get(form, name + ".Value"));
  }
  return tags;
}

void web_identity_token(State& state, const Form& form, const Verifier& caller, httplib::Response& response) {
  const std::string audience = get(form, "Audience.member.1");
  const std::string algorithm = get(form, "SigningAlgorithm");
  const std::string duration = get(form, "DurationSeconds");
  const std::int64_t life = duration.empty() ? 300 : std::stoll(duration);
  if (audience.empty() || (algorithm != "RS256" && algorithm != "ES384") || life < 60 || life > 3600)
    return answer(response, Refusal{400, "ValidationError", "a parameter failed to satisfy a constraint"});
  Json session = Json::object({{"aws_account", "123456789012"},
                               {"source_region", caller.region()},
                               {"org_id", "o-testbed"},
                               {"principal_id", caller.key().arn}});
  const Json tags = request_tags(form);
  if (!tags.members().empty()) session.set("request_tags", tags);
  const Json claims = Json::object({{"sub", caller.key().arn}, {"https://sts.amazonaws.com/", session}});
  const Json options = Json::object(
      {{"shape", "aws"}, {"audience", audience}, {"alg", algorithm}, {"ttl", life}, {"claims", claims}});
  const std::int64_t now = state.clock.now();
  answer(response, "GetWebIdentityToken",
         element("WebIdentityToken", mint({state.keys, state.issuer, now}, options)) +
             element("Expiration", aws_time(now + life)));
}

// Unsigned: the token speaks for the caller.
void role_with_web_identity(State& state, const Form& form, httplib::Response& response) {
  if (get(form, "RoleArn").empty() || get(form, "RoleSessionName").empty())
    return answer(response, Refusal{400, "ValidationError", "RoleArn and RoleSessionName are required"});
  const std::string token = get(form, "WebIdentityToken");
  const auto parts = decode(token);
  const Key* key = parts ? state.keys.with_id(parts->header["kid"].text()) : nullptr;
  if (key == nullptr || !state.keys.verify(*key, token) || parts->claims["iss"].text() != state.issuer)
    return answer(response,
                  Refusal{400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account"});
  if (parts->claims["exp"].number() <= state.clock.now())
    return answer(response, Refusal{400, "ExpiredTokenException", "Token expired"});
  if (get(form, "RoleArn") != k_aws_web.arn)
    return answer(response,
                  Refusal{403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"});
  const std::string credentials = element("AccessKeyId", k_aws_web.id) +
                                  element("SecretAccessKey", k_aws_web.secret) +
                                  element("SessionToken", k_aws_web.session) +
                                  element("Expiration", aws_time(state.clock.now() + k_role_life));
  answer(response, "AssumeRoleWithWebIdentity",
         "<Credentials>" + credentials + "</Credentials>" +
             element("SubjectFromWebIdentityToken", parts->claims["sub"].text()));
}

}  // namespace

void aws_sts(State& state, const httplib::Request& request, httplib::Response& response) {
  const Form form = read_form(request.body);
  const std::string action = get(form, "Action");
  if (!request.get_header_value("Content-Type").starts_with("application/x-www-form-urlencoded") ||
      get(form, "Version") != "2011-06-15" ||
      (action != "GetWebIdentityToken" && action != "AssumeRoleWithWebIdentity"))
    return answer(response, Refusal{400, "InvalidAction", "Could not find operation " + action});
  if (action == "AssumeRoleWithWebIdentity") return role_with_web_identity(state, form, response);
  Verifier caller(request, state.clock.now());
  if (const auto refusal = caller.run()) return answer(response, *refusal);
  web_identity_token(state, form, caller, response);
}

}  // namespace testbed
