// SPDX-License-Identifier: Apache-2.0
#include "cli/token_report.hpp"

#include <array>

#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_value = 300;
constexpr std::int64_t k_clock_tolerance = 60;  // seconds that clocks may differ by

// What the guides tell people to match on. The first row whose issuer fits decides; claims that aren't there are left out.
struct IssuerKind {
  std::string_view issuer_begins;
  std::array<const char*, 5> claims;
};
constexpr std::array k_issuers = {
    IssuerKind{"https://accounts.google.com", {"sub", "email"}},
    IssuerKind{"https://login.microsoftonline.com/", {"appid", "azp", "tid", "oid", "xms_mirid"}},
    IssuerKind{"https://sts.windows.net/", {"appid", "azp", "tid", "oid", "xms_mirid"}},
    IssuerKind{"https://token.actions.githubusercontent.com",
               {"repository", "ref", "workflow_ref", "environment", "sub"}},
};

std::string value_words(JsonValue value) {
  const auto text = value.string();
  return printable(text ? *text : value.text(), k_longest_value);
}

std::string time_words(std::int64_t time, std::int64_t now) {
  const std::string distance = duration_words(now - time);
  return rfc3339(time) + (time > now ? " (in " + distance + ")" : " (" + distance + " ago)");
}

std::string line(std::string_view name, const std::string& value) {
  std::string out(name);
  out.resize(12, ' ');
  return out + value + "\n";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + printable(word, k_longest_value);
  return out;
}

std::string times_text(const Jwt& jwt, std::int64_t now) {
  std::string text;
  if (jwt.issued_at) text += line("issued", time_words(*jwt.issued_at, now));
  if (jwt.not_before) text += line("not before", time_words(*jwt.not_before, now));
  text += line("expires", jwt.expires_at ? time_words(*jwt.expires_at, now) : "never, as far as it says");
  if (jwt.issued_at && jwt.expires_at)
    text += line("lives", duration_words(*jwt.expires_at - *jwt.issued_at));
  return text;
}

std::string members_text(const char* title, JsonValue object) {
  std::string text = std::string("\n") + title + "\n";
  for (const auto& [name, value] : object.members())
    text += "  " + printable(name, 80) + " = " + value_words(value) + "\n";
  return text;
}

void write_time(JsonWriter& writer, const char* name, const std::optional<std::int64_t>& time) {
  if (time) writer.member(name, std::string_view(rfc3339(*time)));
}

}  // namespace

std::vector<MatchRow> match_rows(const Jwt& jwt) {
  std::vector<MatchRow> rows;
  for (const auto& kind : k_issuers) {
    if (!jwt.issuer.starts_with(kind.issuer_begins)) continue;
    for (const char* claim : kind.claims)
      if (const JsonValue value = claim == nullptr ? JsonValue() : jwt.payload[claim])
        rows.push_back({claim, value_words(value)});
    break;
  }
  if (rows.empty() && !jwt.subject.empty()) rows.push_back({"sub", printable(jwt.subject, k_longest_value)});
  return rows;
}

std::vector<std::string> concerns(const Jwt& jwt, std::int64_t now) {
  std::vector<std::string> out;
  if (jwt.key_id.empty()) out.emplace_back("the header has no kid: OpenAI refuses such a token");
  if (!jwt.issued_at) out.emplace_back("there is no iat: OpenAI refuses such a token");
  if (jwt.issuer.empty()) out.emplace_back("there is no iss: no provider can be found for it");
  if (jwt.subject.empty()) out.emplace_back("there is no sub");
  if (jwt.audience.empty()) out.emplace_back("there is no aud: it can't match the provider's audience");
  if (jwt.algorithm == "none" || jwt.algorithm.starts_with("HS"))
    out.emplace_back("it is signed with " + printable(jwt.algorithm, 20) +
                     ", which no key set of an issuer can verify");
  if (!jwt.expires_at)
    out.emplace_back("there is no exp: it never expires, as legacy tokens of Kubernetes do");
  if (jwt.expires_at && *jwt.expires_at <= now)
    out.emplace_back("it expired " + duration_words(now - *jwt.expires_at) + " ago");
  if (jwt.not_before && *jwt.not_before > now + k_clock_tolerance)
    out.emplace_back("it isn't valid yet: check this machine's clock");
  if (jwt.issued_at && *jwt.issued_at > now + k_clock_tolerance)
    out.emplace_back("it was issued in the future: check this machine's clock");
  return out;
}

std::string report_text(const TokenReport& report, const Jwt& jwt) {
  std::string text;
  if (!report.provider.empty()) text += line("provider", report.provider + " (" + report.why + ")");
  if (!report.token_type.empty()) text += line("type", report.token_type);
  text += line("signed", printable(jwt.algorithm, 20) + ", key " +
                             (jwt.key_id.empty() ? "not named" : printable(jwt.key_id, k_longest_value)) +
                             " (not verified here)");
  text += line("issuer", printable(jwt.issuer, k_longest_value));
  text += line("subject", printable(jwt.subject, k_longest_value));
  text += line("audience", joined(jwt.audience));
  text += times_text(jwt, report.now);
  text += line("sha256", report.sha256.substr(0, 8));
  text += members_text("Header", jwt.header.root()) + members_text("Claims", jwt.payload.root());
  text += "\nOpenAI would match\n";
  text += "  issuer and audience, as above, with the Workload Identity Provider's\n";
  for (const auto& row : match_rows(jwt)) text += "  " + row.claim + " = " + row.value + "\n";
  for (const auto& concern : concerns(jwt, report.now)) text += "\n! " + concern;
  return text + (text.back() == '\n' ? "" : "\n");
}

std::string report_json(const TokenReport& report, const Jwt& jwt) {
  JsonWriter writer;
  writer.object().member("version", 1);
  if (!report.provider.empty())
    writer.member("provider", std::string_view(report.provider)).member("why", std::string_view(report.why));
  writer.member("token_type", std::string_view(report.token_type));
  writer.member("sha256", std::string_view(report.sha256).substr(0, 8));
  writer.key("header").raw(jwt.header.root().text()).key("claims").raw(jwt.payload.root().text());
  write_time(writer, "issued_at", jwt.issued_at);
  write_time(writer, "not_before", jwt.not_before);
  write_time(writer, "expires_at", jwt.expires_at);
  writer.key("match").object();
  for (const auto& row : match_rows(jwt)) writer.member(row.claim, std::string_view(row.value));
  writer.end();
  if (!report.refusal.empty()) writer.member("refused", std::string_view(report.refusal));
  writer.key("concerns").array();
  for (const auto& concern : concerns(jwt, report.now)) writer.value(std::string_view(concern));
  writer.end().end();
  return writer.take() + "\n";
}

}  // namespace wif
