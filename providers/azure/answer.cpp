// SPDX-License-Identifier: Apache-2.0
// What came back: a token, or a no in words.
#include <array>
#include <charconv>

#include "azure.hpp"
#include "kit/jwt.hpp"
#include "util/text.hpp"

namespace wif::azure {
namespace {

using namespace wif::kit;

constexpr std::int64_t k_latest_time = 253'402'300'799;  // the end of the year 9999

tl::unexpected<Failure> unusable(Kind kind, const std::string& what, std::string hint = {}) {
  return fail(WIF_UNREACHABLE, std::string(name_of(kind)) + " answered 200 " + what, std::move(hint));
}

// The services write numbers as strings, and some day as numbers. Nothing if it is neither, or absurd.
std::optional<std::int64_t> positive(JsonValue value) {
  std::int64_t number = value.integer().value_or(0);
  if (const auto text = value.string()) {
    const char* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return {};
  }
  return number > 0 && number <= k_latest_time ? std::optional(number) : std::nullopt;
}

// expires_in counts from when the token was issued, which is earlier than now if it came from a cache; it is the later
// bound, and the token's own exp has the last word in the host.
Result<std::int64_t> expiry_of(Kind kind, const Json& json, std::int64_t now) {
  for (const char* name : {"expires_on", "expires_in"}) {
    const JsonValue value = json[name];
    if (!value || value.is_null()) continue;
    const auto number = positive(value);
    if (!number) return unusable(kind, std::string("with an unreadable ") + name);
    return std::string_view(name) == "expires_on" ? *number : now + *number;
  }
  return 0;
}

bool same(std::string_view one, std::string_view other) { return to_lower(one) == to_lower(other); }

// Empty if it isn't there, or if two names of one thing disagree.
std::string_view echo_of(const Json& json, const std::string& name) {
  const auto text = [&](const char* key) { return json[key].string().value_or(""); };
  if (name != "msi_res_id") return text(name.c_str());
  const std::string_view longer = text("msi_res_id");
  const std::string_view shorter = text("mi_res_id");
  if (longer.empty()) return shorter;
  return shorter.empty() || same(longer, shorter) ? longer : std::string_view();
}

// A body that isn't JSON stays out of the message: half a token would be in it.
tl::unexpected<Failure> not_json(Kind kind, const Response& response) {
  const auto type = response.header("Content-Type");
  return unusable(
      kind,
      "with " + std::to_string(response.body.size()) + " bytes of " +
          (type ? excerpt(*type, 60) : "no type") + " in place of a JSON object",
      kind == Kind::imds
          ? "something else answers there: check subject.endpoint, or whether this is Azure at all"
          : "something else answers there: check IDENTITY_ENDPOINT");
}

std::string without(std::string text, std::string_view secret) {
  if (secret.empty()) return text;
  for (std::size_t at = 0; (at = text.find(secret, at)) != text.npos;)
    text.replace(at, secret.size(), "[redacted]");
  return text;
}

// error and error_description of OAuth, the same inside an object, or message of App Service, whatever its case.
std::string words_in(JsonValue root) {
  const JsonValue inner = root["error"].is_object() ? root["error"] : root;
  std::string out;
  for (const char* name : {"error", "code", "error_description", "message", "Message"}) {
    const auto text = inner[name].string();
    if (!text || text->empty()) continue;
    if (!out.empty()) out += ": ";
    out += *text;
  }
  return out;
}

// Microsoft's support asks for the trace id, which stands at the end of many words.
std::string brief(const std::string& words) {
  constexpr std::size_t k_trace_size = 46;  // "Trace ID: " and a UUID
  const std::size_t trace = words.find("Trace ID: ");
  if (trace == words.npos) return excerpt(words);
  return excerpt(std::string_view(words).substr(0, trace), 160) + " " +
         excerpt(std::string_view(words).substr(trace, k_trace_size));
}

std::string words_of(const Response& response, std::string_view secret) {
  const auto json = Json::parse(std::string(response.body));
  std::string words = json ? words_in(json->root()) : std::string();
  if (words.empty()) words = response.body;
  return without(std::move(words), secret);
}

enum class Meaning { other, no_application, no_role, several, no_identity };

// "Do not write code that branches based on values in the error description", says the reference, and gives nothing else
// to tell these apart. So it only chooses the words, and which no it is; all are a no.
Meaning meaning_of(const std::string& words) {
  struct Row {
    std::string_view part;
    Meaning meaning;
  };
  constexpr std::array k_rows = {
      Row{"aadsts500011", Meaning::no_application},
      Row{"aadsts50001:", Meaning::no_application},
      Row{"invalid_resource", Meaning::no_application},
      Row{"aadsts501051", Meaning::no_role},
      Row{"multiple user assigned identities", Meaning::several},
      Row{"identity not found", Meaning::no_identity},
      Row{"identity found for", Meaning::no_identity},  // "No User Assigned or Delegated Managed ..."
      Row{"defaultidentitynotdefined", Meaning::no_identity},
  };
  const std::string lower = to_lower(words);
  for (const Row& row : k_rows)
    if (lower.find(row.part) != lower.npos) return row.meaning;
  return Meaning::other;
}

Failure no_identity(const Question& question, const std::string& said) {
  const std::string& name = question.identity.name;
  if (name.empty())
    return {
        WIF_NO_IDENTITY, "no managed identity is assigned here: " + said,
        "assign one (az vm|webapp|functionapp|containerapp identity assign); one that is user-assigned may have to "
        "be chosen with subject.client_id"};
  return {WIF_REFUSED, "the managed identity of subject." + name + " is not assigned here: " + said,
          "correct subject." + name + (name == "client_id" ? " (or AZURE_CLIENT_ID)" : "") +
              ", or assign it: az vm|webapp|functionapp|containerapp identity assign"};
}

Failure known(Meaning meaning, const Question& question, const std::string& said) {
  switch (meaning) {
    case Meaning::no_application:
      return {
          WIF_REFUSED,
          "the tenant has no application with the Application ID URI " + excerpt(question.audience, 100) +
              ": " + said,
          "set subject.audience (OPENAI_WIF_AUDIENCE) to what the app registration has under Expose an API; it "
          "needs an enterprise application in the identity's tenant (az ad sp create --id)"};
    case Meaning::no_role:
      return {
          WIF_REFUSED, "the application wants whoever asks for its tokens to be assigned to it: " + said,
          "assign the managed identity an app role of it, or turn 'Assignment required?' off in its enterprise "
          "application"};
    case Meaning::several:
      return {
          WIF_REFUSED, "several managed identities are assigned here, and none is chosen: " + said,
          "choose one with subject.client_id (or AZURE_CLIENT_ID), subject.object_id or subject.msi_res_id"};
    case Meaning::no_identity:
      return no_identity(question, said);
    case Meaning::other:
      break;
  }
  return {};
}

// Statuses that asking again may mend, which was done.
const char* later_hint(Kind kind, std::int32_t status) {
  if (status == 410) return "the service is being updated, for up to 70 s: allow it with --timeout 90s";
  if (status == 429)
    return "too many ask on this machine; let them share a cache (WIF_CACHE_DIR), and try later";
  if (status == 404 && kind == Kind::imds)
    return "outside of Azure something else answers there: `wif providers` shows what fits; subject.endpoint moves it";
  return "try again";
}

Failure by_status(Kind kind, std::int32_t status, const std::string& message) {
  if (status < 400)
    return {WIF_UNREACHABLE, message + ", which is neither a token nor an error",
            "something else answers there, such as a proxy or a portal; redirects aren't followed"};
  const bool transient = status == 404 || status == 408 || status == 410 || status == 429 || status >= 500;
  if (transient) return {WIF_UNREACHABLE, message, later_hint(kind, status)};
  if (kind == Kind::app_service && (status == 401 || status == 403))
    return {WIF_REFUSED, message,
            "IDENTITY_HEADER changes with each start of the app: take it from this process's environment"};
  if (kind == Kind::arc && status == 401)
    return {WIF_REFUSED, message,
            "the agent didn't take its own key: try again, and look at `azcmagent logs`"};
  return {WIF_REFUSED, message,
          "see whether that identity is assigned here, and may have tokens for this audience"};
}

}  // namespace

Result<Answer> read_answer(Kind kind, const Response& response, std::int64_t now) {
  auto json = Json::parse(std::string(response.body));
  if (!json || !json->root().is_object()) return not_json(kind, response);
  const std::string_view token = trim((*json)["access_token"].string().value_or(""));
  if (token.empty()) {
    const std::string words = words_in(json->root());
    return unusable(kind, "without an access_token" + (words.empty() ? "" : ": " + excerpt(words)));
  }
  const JsonValue type = (*json)["token_type"];
  if (type && !type.is_null() && !same(type.string().value_or(""), "Bearer"))
    return unusable(kind, "with a token of type " + excerpt(type.text(), 40) + ", not Bearer");
  const auto expires_at = expiry_of(kind, *json, now);
  if (!expires_at) return tl::unexpected<Failure>(expires_at.error());
  return Answer{std::move(*json), token, *expires_at};
}

std::optional<Failure> other_identity(Kind kind, const Json& json, const Identity& wanted) {
  if (wanted.name.empty()) return {};
  const std::string_view echo = echo_of(json, wanted.name);
  if (same(echo, wanted.value)) return {};
  if (!echo.empty())
    return Failure{WIF_REFUSED,
                   std::string(name_of(kind)) +
                       " answered for another managed identity than that of subject." + wanted.name,
                   "check that it is assigned here"};
  if (kind != Kind::arc) return {};
  return Failure{
      WIF_REFUSED, "the Azure Arc agent doesn't confirm that its token is for subject." + wanted.name,
      "update the agent: older ones know the machine's own identity only; or unset subject." + wanted.name +
          (wanted.name == "client_id" ? " and AZURE_CLIENT_ID" : "") + " to use that"};
}

std::optional<std::string> other_audience(std::string_view token, std::string_view audience) {
  const auto jwt = peek_jwt(token);
  if (!jwt || jwt->is_for(audience)) return {};
  std::string found;
  for (const auto& one : jwt->audience()) found += (found.empty() ? "" : ", ") + one;
  return "the token's audience is " + (found.empty() ? "missing" : excerpt(found, 100)) + ", not " +
         excerpt(audience, 100) +
         ": OpenAI has to have the token's, or the app registration api.requestedAccessTokenVersion 1";
}

Failure unanswered(Kind kind, Failure failure) {
  if (failure.status == WIF_CONFIGURATION) {
    failure.hint = "use https: plain http is for loopback, link-local and the platform's own addresses";
  } else if (kind == Kind::imds) {
    failure.hint =
        "only machines in Azure have it, and a container only if its network lets it through: `wif providers` shows "
        "what else fits";
  } else if (kind == Kind::arc) {
    failure.hint = "check that the agent runs: `azcmagent show`, `systemctl status himdsd`";
  } else {
    failure.hint =
        "the platform may still be starting it; if not, check that this process has the app's environment";
  }
  return failure;
}

Failure refusal(Kind kind, const Question& question, const Response& response, std::string_view secret) {
  const std::string words = words_of(response, secret);
  const std::string who = std::string(name_of(kind)) + " answered " + std::to_string(response.status);
  const bool refused = response.status >= 400;
  const Meaning meaning = refused ? meaning_of(words) : Meaning::other;
  if (meaning != Meaning::other) return known(meaning, question, brief(words));
  // Arc's agent has no such state as "is updating".
  if (kind == Kind::arc && response.status == 404 && !question.identity.name.empty())
    return no_identity(question, who);
  return by_status(kind, response.status, who + (words.empty() ? "" : ": " + brief(words)));
}

}  // namespace wif::azure
