// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/failure.hpp"

#include <algorithm>
#include <array>

#include "engine/url.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_words = 300;

struct Mend {
  std::string_view code;
  std::string_view hint;
};
// RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 8707 section 2; and what servers in the field say.
constexpr std::array k_mends = {
    Mend{
        "invalid_client",
        "the server doesn't know this client: check exchange.client_id, exchange.client_auth and the secret or key"},
    Mend{"unauthorized_client",
         "allow this client the grant, at the server; or set another exchange.client_id"},
    Mend{"unsupported_grant_type",
         "the server doesn't do this exchange at exchange.url, or not for this client"},
    Mend{"invalid_target", "the server issues nothing for exchange.audience or exchange.resource"},
    Mend{"invalid_scope", "the server doesn't grant exchange.scope here"},
    Mend{
        "request_not_supported",
        "the server takes another kind of token or request: see exchange.subject_token_type and requested_token_type"},
};

bool says_reused(const Complaint& complaint) {
  const std::string text = to_lower(complaint.code + " " + complaint.words);
  constexpr std::array k_signs = {"jti_reused", "jti reused", "already been used", "already used",
                                  "replay",     "was reused", "been reused"};
  return std::any_of(k_signs.begin(), k_signs.end(),
                     [&](const char* sign) { return text.find(sign) != std::string::npos; });
}

// In front of what to compare it with, if that is known.
std::string the_token_says(const SubjectToken& subject, std::string_view more) {
  if (subject.claims.empty()) return std::string(more);
  return "the token says " + subject.claims + (more.empty() ? "" : "; ") + std::string(more);
}

std::string describe(const HttpResponse& response, const Complaint& complaint,
                     const std::string& request_id) {
  std::string text = "HTTP " + std::to_string(response.status);
  if (!complaint.code.empty()) text += " " + complaint.code;
  if (!complaint.words.empty()) text += ": " + complaint.words;
  if (!request_id.empty()) text += " (request id " + request_id + ")";
  if (response.unanswered_tries > 0)
    text += "; an earlier try was not answered and may have used the subject token up";
  return text;
}

// What to do where the refusal itself tells; else nothing.
std::string_view known_mend(const HttpResponse& response, const Complaint& complaint, bool reused) {
  if (reused)
    return "this subject token was used before: it isn't sent again; the next one that the source issues will be";
  for (const auto& mend : k_mends)
    if (mend.code == complaint.code) return mend.hint;
  if (response.status == 404 || response.status == 405)
    return "check exchange.url: nothing takes tokens there, or only under another path";
  return {};
}

void refuse(EngineError& failure, const HttpResponse& response, const RelyingParty& party,
            const std::string& said, const Complaint& complaint, const SubjectToken& subject) {
  failure.reused_subject = says_reused(complaint);
  const auto mend = known_mend(response, complaint, failure.reused_subject);
  failure.misfit = mend.empty();
  failure.error = {Category::refused, party.host + " refused the exchange: " + said,
                   failure.misfit ? the_token_says(subject, party.refusal_hint) : std::string(mend),
                   complaint.code};
}

void fail_there(EngineError& failure, const HttpResponse& response, const RelyingParty& party,
                const std::string& said, const Complaint& complaint, const SubjectToken& subject) {
  const std::string later = response.retry_after > 0
                                ? "it asks for a pause of " + duration_words(response.retry_after)
                            : response.status >= 500 && !party.status_page.empty()
                                ? "it is the server's own trouble: try again later; " +
                                      std::string(party.status_page) + " tells of outages"
                                : "try again later";
  failure.misfit = response.status == 500 && !party.internal_error.empty();
  if (failure.misfit)
    failure.error = {Category::unreachable,
                     party.host + " failed twice: " + said + ", which here mostly means that " +
                         std::string(party.internal_error),
                     the_token_says(subject, {}), complaint.code};
  else
    failure.error = {Category::unreachable,
                     party.host + (response.status == 429 ? " is asked too often: " : " failed: ") + said,
                     later, complaint.code};
}

// Not the server's own words: something on the way, or in front of it, answered for it.
Error page_instead(const RelyingParty& party, const std::string& title, const std::string& said, int status) {
  return {
      Category::unreachable,
      "what answered for " + party.host + " is a web page (" + title + "), not its token endpoint: " + said,
      (status >= 500 ? std::string("try again later; if it stays so, ") : std::string()) +
          "a proxy, a filter or a sign-in page on the way answered in its place: have it let " + party.host +
          " through (https_proxy, no_proxy), or check exchange.url",
      {}};
}

Error redirected(const HttpResponse& response, const RelyingParty& party) {
  const std::string location(response.header("location"));
  return {Category::unreachable,
          party.host + " answered HTTP " + std::to_string(response.status) +
              (location.empty() ? std::string() : ", a redirect to " + redirect_target(party.url, location)) +
              "; redirects aren't followed, as the subject token would be posted elsewhere",
          "set exchange.url to the token endpoint itself",
          {}};
}

}  // namespace

Complaint read_complaint(const HttpResponse& response, std::string_view secret) {
  Complaint complaint;
  const auto json = Json::parse(response.body.reveal());
  if (!json) return complaint;
  const auto clean = [&](JsonValue value) {
    std::string text(value.string().value_or(""));
    // A server that quotes the token back, whatever it looks like.
    for (auto at = text.find(secret); !secret.empty() && at != std::string::npos; at = text.find(secret))
      text.replace(at, secret.size(), "[redacted]");
    return printable(redact(text), k_longest_words);
  };
  const JsonValue error = (*json)["error"];
  complaint.code = clean(error.is_object() ? error["code"] : error);
  complaint.words = clean(error.is_object() ? error["message"] : (*json)["error_description"]);
  return complaint;
}

std::optional<std::string> page_title(const HttpResponse& response) {
  const std::string_view body = trim(response.body.view());
  if (!body.starts_with('<') || to_lower(response.header("content-type")).find("xml") != std::string::npos)
    return {};
  const std::string small = to_lower(body);
  const std::size_t tag = small.find("<title");
  const std::size_t begin = tag == std::string::npos ? tag : small.find('>', tag);
  const std::size_t end = begin == std::string::npos ? begin : small.find('<', begin);
  if (end == std::string::npos) return "without a title";
  const std::string title = printable(redact(body.substr(begin + 1, end - begin - 1)), 80);
  return title.empty() ? "without a title" : "'" + title + "'";
}

tl::unexpected<Error> unusable(const std::string& host, const std::string& what) {
  return fail(
      Category::unreachable, host + " answered 200, but " + what,
      "check exchange.url: it is the token endpoint itself; a proxy or a sign-in page may have answered instead");
}

std::string request_id(const HttpResponse& response) {
  for (const char* name : {"x-request-id", "request-id", "x-amzn-requestid"})
    if (const auto id = response.header(name); !id.empty()) return printable(redact(id), 100);
  return {};
}

EngineError http_error(const HttpResponse& response, const RelyingParty& party, const SubjectToken& subject) {
  const Complaint complaint = read_complaint(response, subject.token.view());
  EngineError failure;
  failure.request_id = request_id(response);
  failure.retry_after = response.retry_after;
  const std::string said = describe(response, complaint, failure.request_id);
  if (const auto title = page_title(response); title && response.status >= 400) {
    failure.error = page_instead(party, *title, said, response.status);
  } else if (response.status == 429 || response.status >= 500) {
    fail_there(failure, response, party, said, complaint, subject);
  } else if (response.status >= 400) {
    refuse(failure, response, party, said, complaint, subject);
  } else if (response.status >= 300) {
    failure.error = redirected(response, party);
  } else {
    failure.error = {Category::unreachable,
                     party.host + " answered " + said + " where 200 is due",
                     "check exchange.url",
                     {}};
  }
  return failure;
}

}  // namespace wif
