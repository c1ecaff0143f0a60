// SPDX-License-Identifier: Apache-2.0
#include "cli/setup_advice.hpp"

#include <array>

#include "core/hosts.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_service_account = "system:serviceaccount:";

struct ClaimAdvice {
  const char* claim = nullptr;
  const char* reason = nullptr;
  bool recommended = false;
};

// By issuer, the first whose beginning fits; of an alternative claim the one that is there. Claims that identify the workload
// and can't be taken over by another come first.
struct IssuerAdvice {
  std::string_view issuer_begins;
  std::array<ClaimAdvice, 5> claims;
};
constexpr const char* k_azure_app = "the application (or managed identity) that the token was issued to";
constexpr const char* k_azure_tenant = "the tenant: application ids alone don't say whose they are";
constexpr const char* k_azure_object = "the one principal, where an application has several";
constexpr const char* k_azure_resource = "the very resource that the managed identity belongs to";
constexpr std::array k_issuers = {
    IssuerAdvice{"https://accounts.google.com",
                 {{{"sub", "the service account's number, which is never given to another", true},
                   {"email", "easier to read, but the address can be given anew", false}}}},
    IssuerAdvice{"https://login.microsoftonline.com/",
                 {{{"appid", k_azure_app, true},
                   {"azp", k_azure_app, true},
                   {"tid", k_azure_tenant, true},
                   {"oid", k_azure_object, false},
                   {"xms_mirid", k_azure_resource, false}}}},
    IssuerAdvice{"https://sts.windows.net/",
                 {{{"appid", k_azure_app, true},
                   {"azp", k_azure_app, true},
                   {"tid", k_azure_tenant, true},
                   {"oid", k_azure_object, false},
                   {"xms_mirid", k_azure_resource, false}}}},
    IssuerAdvice{
        "https://token.actions.githubusercontent.com",
        {{{"repository", "every repository of GitHub has this issuer", true},
          {"environment", "its protection rules say who may deploy", true},
          {"ref", "without it any branch, and so any pull request of the repository, would do", true},
          {"workflow_ref", "one workflow file only", false},
          {"repository_id", "stays the repository's own if its name is given to another", false}}}},
    IssuerAdvice{"https://gitlab.com",
                 {{{"project_path", "every project of this GitLab has this issuer", true},
                   {"ref", "without it any branch would do", true},
                   {"environment", "one deployment environment only", false},
                   {"project_id", "stays the project's own if its path is given to another", false}}}},
};

struct SubjectForm {
  std::string_view begins;
  const char* reason;
};
constexpr std::array k_subjects = {
    SubjectForm{k_service_account,
                "namespace and name of the service account: one of the same name elsewhere has another"},
    SubjectForm{"spiffe://", "the SPIFFE ID, which the agent gives to this workload only"},
    SubjectForm{"arn:", "the AWS principal, its account included"},
};
constexpr const char* k_any_subject = "what the issuer says this workload is";

std::optional<std::string> scalar(JsonValue value) {
  if (const auto text = value.string()) return std::string(*text);
  if (!value || value.is_object() || value.is_array() || value.is_null()) return {};
  return value.text();
}

void add_row(std::vector<MappingRow>& rows, const Jwt& jwt, const ClaimAdvice& advice) {
  auto value = advice.claim == nullptr ? std::nullopt : scalar(jwt.payload[advice.claim]);
  if (value) rows.push_back({advice.claim, std::move(*value), advice.reason, advice.recommended});
}

const char* reason_of_subject(std::string_view subject) {
  for (const auto& form : k_subjects)
    if (subject.starts_with(form.begins)) return form.reason;
  return k_any_subject;
}

std::vector<MappingRow> rows_of(const Jwt& jwt) {
  std::vector<MappingRow> rows;
  for (const auto& issuer : k_issuers) {
    if (!jwt.issuer.starts_with(issuer.issuer_begins)) continue;
    for (const auto& claim : issuer.claims) add_row(rows, jwt, claim);
    break;
  }
  if (rows.empty() && !jwt.subject.empty())
    rows.push_back({"sub", jwt.subject, reason_of_subject(jwt.subject), true});
  return rows;
}

// AWS nests what it knows of the account; a row takes only top-level claims.
void add_aws_account(const Jwt& jwt, Advice& advice) {
  constexpr const char* k_nest = "https://sts.amazonaws.com/";
  for (const char* claim : {"aws_account", "org_id"}) {
    const auto value = scalar(jwt.payload[k_nest][claim]);
    if (!value) continue;
    advice.transformations.push_back({claim, std::string("assertion['") + k_nest + "']." + claim,
                                      "the claim is nested, and a row names only top-level ones"});
    advice.rows.push_back({std::string("openai.") + claim, *value, "narrows further than sub does", false});
  }
}

std::optional<ServiceAccount> service_account_of(const Jwt& jwt) {
  const std::string_view subject = jwt.subject;
  if (!subject.starts_with(k_service_account)) return {};
  const auto parts = split(subject.substr(k_service_account.size()), ':');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return {};
  return ServiceAccount{std::string(parts[0]), std::string(parts[1])};
}

// Names and addresses that exist in one network only.
bool is_private(std::string_view host) {
  // Of IPv6 only 2000::/3 is routed everywhere (RFC 4291, section 2.4).
  if (const std::size_t colon = host.find(':'); colon != std::string_view::npos)
    return colon != 4 || (host.front() != '2' && host.front() != '3');
  constexpr std::array<std::string_view, 7> k_endings = {".local",         ".internal",  ".svc", ".lan",
                                                         ".cluster.local", ".localhost", ".test"};
  constexpr std::array<std::string_view, 4> k_beginnings = {"10.", "192.168.", "169.254.", "127."};
  for (const auto ending : k_endings)
    if (host.ends_with(ending)) return true;
  for (const auto beginning : k_beginnings)
    if (host.starts_with(beginning)) return true;
  for (int second = 16; second < 32; ++second)  // 172.16.0.0/12
    if (host.starts_with("172." + std::to_string(second) + ".")) return true;
  return is_loopback(host) || host.find('.') == std::string_view::npos;
}

}  // namespace

std::optional<std::string> why_upload(std::string_view issuer) {
  if (!issuer.starts_with("https://")) return "the issuer is no https address";
  const auto target = parse_target(issuer);
  if (!target) return "the issuer names no host";
  if (is_private(target->host)) return "the name " + target->host + " exists in one network only";
  return {};
}

Advice advise(const Jwt& jwt) {
  Advice advice;
  advice.issuer = jwt.issuer;
  if (!jwt.audience.empty()) advice.audience = jwt.audience.front();
  advice.more_audiences = jwt.audience.size() > 1;
  advice.rows = rows_of(jwt);
  add_aws_account(jwt, advice);
  advice.service_account = service_account_of(jwt);
  return advice;
}

}  // namespace wif
