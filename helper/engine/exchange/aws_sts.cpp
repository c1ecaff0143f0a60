// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/aws_sts.hpp"

#include <array>

#include <pugixml.hpp>

#include "engine/exchange/failure.hpp"
#include "engine/url.hpp"
#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_words = 300;
constexpr std::int64_t k_shortest = 900, k_longest = 43200;

struct Suffix {
  std::string_view prefix;  // of a region
  std::string_view domain;
};
constexpr std::array k_suffixes = {Suffix{"cn-", "amazonaws.com.cn"}, Suffix{"eusc-", "amazonaws.eu"},
                                   Suffix{"", "amazonaws.com"}};

struct Mend {
  std::string_view code;  // without "Exception" at its end
  std::string_view hint;
  Category category = Category::refused;
};
constexpr std::array k_mends = {
    Mend{
        "AccessDenied",
        "the role's trust policy doesn't let this token in: it has to name the OIDC provider as Federated principal, "
        "and its conditions on aud and sub have to match what the token says"},
    Mend{
        "InvalidIdentityToken",
        "IAM needs an OIDC provider whose URL is the token's iss and whose audiences hold its aud, and AWS has to "
        "reach the issuer's keys"},
    Mend{"ExpiredToken", "the source has not rotated the token, or this machine's clock is wrong"},
    Mend{"IDPRejectedClaim", "the issuer refused the token, or it has expired"},
    Mend{"IDPCommunicationError", "AWS could not reach the token's issuer to get its keys: try again",
         Category::unreachable},
    Mend{"MalformedPolicyDocument", "mend the JSON in exchange.policy"},
    Mend{"PackedPolicyTooLarge", "shorten exchange.policy, or name fewer in exchange.policy_arns"},
    Mend{"RegionDisabled",
         "activate STS for this region in the account's settings, or set another exchange.region"},
    Mend{
        "ValidationError",
        "check exchange.role_arn, exchange.session_name, and exchange.duration against the role's longest session"},
    Mend{"Throttling", "AWS asks for patience: try again later", Category::unreachable},
    Mend{"RequestLimitExceeded", "AWS asks for patience: try again later", Category::unreachable},
};

// Parses in place: nothing of a secret is copied into a document's own memory. The text is wiped when this goes away.
class Xml {
 public:
  explicit Xml(std::string_view text) : m_text(text), m_ok(parse()) {}
  ~Xml() { wipe(m_text); }
  Xml(const Xml&) = delete;
  Xml& operator=(const Xml&) = delete;
  explicit operator bool() const { return m_ok; }
  // The first element of that name, wherever it is: STS has had more than one shape around it.
  pugi::xml_node find(const char* name) const {
    return m_document.find_node(
        [name](const pugi::xml_node& node) { return std::string_view(node.name()) == name; });
  }
  std::string_view text(const char* name) const { return trim(find(name).text().get()); }

 private:
  bool parse() {
    return static_cast<bool>(m_document.load_buffer_inplace(m_text.data(), m_text.size(), pugi::parse_default,
                                                            pugi::encoding_utf8));
  }
  std::string m_text;
  pugi::xml_document m_document;
  bool m_ok;
};

std::string_view without_exception(std::string_view code) {
  constexpr std::string_view k_end = "Exception";
  if (code.ends_with(k_end)) code.remove_suffix(k_end.size());
  return code;
}

}  // namespace

std::string aws_sts_url(const NamedValues& settings) {
  if (const auto url = setting_of(settings, "url"); !url.empty()) return std::string(url);
  const auto region = setting_of(settings, "region");
  if (region.empty()) return "https://sts.amazonaws.com/";
  for (const auto& suffix : k_suffixes)
    if (region.starts_with(suffix.prefix))
      return "https://sts." + std::string(region) + "." + std::string(suffix.domain) + "/";
  return {};
}

Result<PostFields> aws_sts_fields(const ExchangeInput& input) {
  PostFields fields;
  add_field(fields, "Action", "AssumeRoleWithWebIdentity");
  add_field(fields, "Version", "2011-06-15");
  add_field(fields, "RoleArn", input.setting("role_arn"));
  add_field(fields, "RoleSessionName", input.setting("session_name"));
  if (const auto text = input.setting("duration"); !text.empty()) {
    const auto duration = parse_duration(text);
    if (!duration || *duration < k_shortest || *duration > k_longest)
      return fail(Category::configuration,
                  "exchange.duration is " + printable(text, 40) + ", which AWS doesn't give",
                  "it is between 15m and 12h, and at most the role's own longest session");
    add_field(fields, "DurationSeconds", std::to_string(*duration));
  }
  add_if_set(fields, "Policy", input.setting("policy"));
  int number = 0;
  for (const auto& arn : input.list("policy_arns"))
    add_field(fields, "PolicyArns.member." + std::to_string(++number) + ".arn", arn);
  add_field(fields, "WebIdentityToken", input.subject.token.view());
  return fields;
}

Result<Credential> read_aws_sts_answer(const HttpResponse& response, const std::string& host,
                                       const Now& now) {
  const Xml xml(response.body.view());
  if (!xml) return unusable(host, "what it sent is not the XML that AWS STS answers with");
  Credential credential;
  credential.access_key_id = Secret(xml.text("AccessKeyId"));
  credential.secret_access_key = Secret(xml.text("SecretAccessKey"));
  credential.access_token = Secret(xml.text("SessionToken"));
  if (credential.access_key_id.empty() || credential.secret_access_key.empty())
    return unusable(host, "without AccessKeyId and SecretAccessKey");
  if (!is_header_safe_token(credential.access_token.view()))
    return unusable(host, "without a SessionToken that fits into a header");
  const auto expiry = parse_rfc3339(xml.text("Expiration"));
  if (!expiry) return unusable(host, "its Expiration is not a time");
  if (*expiry <= now.wall)
    return unusable(host, "the credential had expired when it came; check this machine's clock");
  credential.token_type = "AWS";
  credential.expires_at = *expiry;
  credential.issued_at = now.wall;
  credential.issued_boot = now.boot();
  return credential;
}

EngineError aws_sts_error(const HttpResponse& response, const std::string& host,
                          const SubjectToken& subject) {
  const Xml xml(response.body.view());
  const std::string code = printable(redact(xml.text("Code")), k_longest_words);
  if (!xml || code.empty())
    return http_error(response, {host, "https://" + host + "/", "AWS STS names no cause", {}}, subject);
  EngineError failure;
  failure.request_id = printable(redact(xml.text("RequestId")), 100);
  failure.retry_after = response.retry_after;
  const bool transient = response.status == 429 || response.status >= 500;
  failure.error.category = transient ? Category::unreachable : Category::refused;
  failure.error.cause = code;
  failure.error.message = "AWS STS (" + host +
                          (transient ? ") failed: HTTP " : ") refused the exchange: HTTP ") +
                          std::to_string(response.status) + " " + code + ": " +
                          printable(redact(xml.text("Message")), k_longest_words);
  if (!failure.request_id.empty()) failure.error.message += " (request id " + failure.request_id + ")";
  for (const auto& mend : k_mends) {
    if (mend.code != without_exception(code)) continue;
    failure.error.hint = mend.hint;
    failure.error.category = mend.category;
  }
  if (failure.error.hint.empty())
    failure.error.hint = transient ? "try again later" : "compare that with the role and its trust policy";
  if (!subject.claims.empty() && failure.error.category == Category::refused)
    failure.error.hint = "the token says " + subject.claims + "; " + failure.error.hint;
  return failure;
}

ExchangeResult exchange_aws_sts(const ExchangeInput& input, Http& http) {
  const auto fields = aws_sts_fields(input);
  if (!fields) return tl::unexpected(engine_error(fields.error()));
  HttpRequest request =
      post_request(input, aws_sts_url(input.settings), "application/x-www-form-urlencoded; charset=utf-8");
  request.body = form_body(*fields);
  auto response = post(http, request);
  if (!response) return tl::unexpected(std::move(response.error()));
  const auto url = check_url(request.url, {true, true});
  const std::string host = url ? url->authority : request.url;
  if (response->status != 200) return tl::unexpected(aws_sts_error(*response, host, input.subject));
  return with_request_id(read_aws_sts_answer(*response, host, input.system.now()), *response);
}

}  // namespace wif
