// SPDX-License-Identifier: Apache-2.0
#include "engine/diagnosis/token_checks.hpp"

#include <algorithm>

#include "engine/diagnosis/comparison.hpp"
#include "engine/diagnosis/jwks.hpp"
#include "engine/exchange/exchange.hpp"
#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_clock_tolerance = 60;
constexpr std::int64_t k_soon = 120;
constexpr std::size_t k_longest = 200;
constexpr std::string_view k_claims = "claims.";
constexpr std::string_view k_attributes = "attributes.";
constexpr std::string_view k_derived = "openai.";
constexpr std::string_view k_usual_audience = "https://api.openai.com/v1";

std::string shown(std::string_view text) { return printable(text, k_longest); }
std::string quoted_value(std::string_view text) { return "'" + shown(text) + "'"; }

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (const auto& value : values) out += (out.empty() ? "" : ", ") + shown(value);
  return out;
}

// What OpenAI would mind is no failure of another exchange.
DoctorStep minded(DoctorStep step, const TokenExpectation& expectation, std::string cause, std::string mend,
                  bool certain) {
  step.certain = certain;
  return told(std::move(step), expectation.openai ? StepStatus::failed : StepStatus::warning,
              std::move(cause), std::move(mend));
}

// What the profile itself expects counts whatever the exchange is.
DoctorStep unexpected(DoctorStep step, std::string cause, std::string mend) {
  return told(std::move(step), StepStatus::failed, std::move(cause), std::move(mend));
}

DoctorStep check_key_id(const Jwt& jwt, const TokenExpectation& expectation) {
  DoctorStep step =
      ok_step("kid", "key id in the token's header", jwt.key_id.empty() ? "none" : shown(jwt.key_id));
  if (!jwt.key_id.empty()) return step;
  if (to_lower(jwt.algorithm) == "none")
    return minded(std::move(step), expectation,
                  "the token is not signed (alg is " + quoted_value(jwt.algorithm) + "), and so names no key",
                  "have the issuer sign with RS256 or ES256", true);
  return minded(
      std::move(step), expectation, "the token's header has no kid, and OpenAI refuses such a token",
      "have the issuer name its signing key in the header (SPIRE: a key manager's default does)", true);
}

DoctorStep check_algorithm(const Jwt& jwt, const TokenExpectation& expectation) {
  DoctorStep step =
      ok_step("alg", "signature algorithm", jwt.algorithm.empty() ? "none" : shown(jwt.algorithm));
  if (is_public_key_algorithm(jwt.algorithm)) return step;
  return minded(
      std::move(step), expectation,
      "the token is signed with " + quoted_value(jwt.algorithm) + ", which no issuer's public key can verify",
      "have the issuer sign with RS256 or ES256", true);
}

std::string expected(const TokenExpectation& expectation, std::string_view name) {
  return std::string(setting_of(expectation.expect, name));
}

DoctorStep check_issuer(const Jwt& jwt, const TokenExpectation& expectation) {
  DoctorStep step = ok_step("iss", "issuer (iss)", jwt.issuer.empty() ? "none" : shown(jwt.issuer));
  if (jwt.issuer.empty())
    return minded(std::move(step), expectation, "the token has no iss",
                  jwt.subject.starts_with("spiffe://")
                      ? "set jwt_issuer in SPIRE's server to the address of its discovery provider"
                      : "have its source issue an OIDC token",
                  true);
  const std::string wanted = expected(expectation, "issuer");
  if (wanted.empty()) {
    step.found += " (no expect.issuer to compare it with)";
    return step;
  }
  if (wanted == jwt.issuer) {
    step.found += ", as expected";
    return step;
  }
  return unexpected(std::move(step),
                    "the issuers differ: token " + quoted_value(jwt.issuer) + ", expected " +
                        quoted_value(wanted) + apart(jwt.issuer, wanted),
                    expectation.openai
                        ? "enter the token's iss at OpenAI to the letter, and in expect.issuer"
                        : "enter the token's iss at the relying party to the letter, and in expect.issuer");
}

std::string audience_found(const Jwt& jwt) {
  if (jwt.audience.empty()) return "none";
  return joined(jwt.audience) +
         (jwt.audience_is_array ? " (a list of " + std::to_string(jwt.audience.size()) + ")" : "");
}

// What nothing that was written down speaks for: a warning, until a refusal makes it likely.
DoctorStep guessed(DoctorStep step, std::string cause, std::string mend) {
  step.guessed = true;
  return told(std::move(step), StepStatus::warning, std::move(cause), std::move(mend));
}

// Nothing says which audience is meant: one that is nearly the guides' is a slip of the pen, and any other has to be OpenAI's.
DoctorStep guess_audience(DoctorStep step, const Jwt& jwt, const TokenExpectation& expectation) {
  step.found += " (no expect.audience to compare it with)";
  const std::string& found = jwt.audience.front();
  const auto bare = [](std::string_view text) {
    const std::size_t scheme = text.find("://");
    if (scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
    while (text.ends_with('/')) text.remove_suffix(1);
    return to_lower(text);
  };
  if (!expectation.openai ||
      std::find(jwt.audience.begin(), jwt.audience.end(), k_usual_audience) != jwt.audience.end())
    return step;
  const std::string mend =
      "one text in three places: the token's source, OpenAI's provider, and expect.audience";
  if (bare(found) != bare(k_usual_audience))
    return guessed(
        std::move(step),
        "the token is for the audience " + quoted_value(joined(jwt.audience)) + ", and not for the guides' " +
            quoted_value(k_usual_audience) +
            ": OpenAI's provider has to have the very same (if it has: the ids or the mapping don't fit)",
        mend);
  return guessed(std::move(step),
                 "the audience is nearly the guides': token " + quoted_value(found) + ", guides " +
                     quoted_value(k_usual_audience) + apart(found, k_usual_audience),
                 mend);
}

DoctorStep check_audience(const Jwt& jwt, const TokenExpectation& expectation) {
  DoctorStep step = ok_step("aud", "audience (aud)", audience_found(jwt));
  if (jwt.audience.empty())
    return minded(
        std::move(step), expectation, "the token has no aud",
        "have its source issue it for an audience: a legacy or default token isn't meant for OpenAI", true);
  std::string wanted = expected(expectation, "audience");
  const bool said = !wanted.empty();
  if (!said) wanted = expectation.requested_audience;
  if (wanted.empty()) return guess_audience(std::move(step), jwt, expectation);
  if (std::find(jwt.audience.begin(), jwt.audience.end(), wanted) != jwt.audience.end()) {
    step.found += said ? ", as expected" : ", as asked for";
    return step;
  }
  const std::string cause = "the audiences differ: token " + quoted_value(joined(jwt.audience)) + ", " +
                            (said ? "expected " : "asked for ") + quoted_value(wanted) +
                            apart(jwt.audience.front(), wanted);
  const std::string mend = std::string("one text in three places: the token's source, ") +
                           (expectation.openai ? "OpenAI's provider" : "the relying party") +
                           ", and expect.audience";
  return said ? unexpected(std::move(step), cause, mend)
              : minded(std::move(step), expectation, cause, mend, false);
}

DoctorStep check_subject_claim(const Jwt& jwt, const TokenExpectation& expectation) {
  DoctorStep step = ok_step("sub", "subject (sub)", jwt.subject.empty() ? "none" : shown(jwt.subject));
  if (!jwt.subject.empty()) return step;
  return minded(std::move(step), expectation, "the token has no sub", "have its source issue an OIDC token",
                true);
}

DoctorStep check_expiry(const Jwt& jwt, const TokenExpectation& expectation) {
  DoctorStep step = ok_step("exp", "expiry (exp)", "none");
  if (!jwt.expires_at)
    return minded(std::move(step), expectation,
                  "the token has no exp: it never expires, and OpenAI refuses such a token",
                  "use a projected or freshly issued token in place of a legacy one", true);
  const std::int64_t left = *jwt.expires_at - expectation.now;
  step.found = left > 0 ? "in " + duration_words(left) : duration_words(-left) + " ago";
  if (left > k_soon) return step;
  step.cause = left > 0 ? "the token expires in " + duration_words(left)
                        : "the token expired " + duration_words(-left) + " ago";
  step.mend = "its source has to renew it: a kubelet or agent that stopped, or a file that nobody refreshes";
  step.category = Category::no_identity;
  step.certain = left <= 0;
  step.status = left <= 0 ? StepStatus::failed : StepStatus::warning;
  return step;
}

DoctorStep check_issue_time(const Jwt& jwt, const TokenExpectation& expectation) {
  DoctorStep step = ok_step("iat", "time of issue (iat)", "none");
  if (!jwt.issued_at)
    return minded(std::move(step), expectation, "the token has no iat, and OpenAI refuses such a token",
                  "have the issuer add it", true);
  const std::int64_t age = expectation.now - *jwt.issued_at;
  step.found = age >= 0 ? duration_words(age) + " ago" : duration_words(-age) + " in the future";
  const bool ahead = age < -k_clock_tolerance;
  if (!ahead && !(jwt.not_before && *jwt.not_before > expectation.now + k_clock_tolerance)) return step;
  return minded(std::move(step), expectation,
                ahead ? "the token was issued " + duration_words(-age) + " in the future"
                      : "the token isn't valid before " + rfc3339(*jwt.not_before),
                "this machine's clock is behind, or the issuer's is ahead: set them by NTP", false);
}

struct Row {
  std::string key;
  std::string pattern;
};

// What a row finds in the token: nothing where the attribute's expression isn't a plain path.
std::optional<JsonValue> claim_of(const Row& row, const Jwt& jwt, const NamedValues& expect) {
  if (!row.key.starts_with(k_derived)) return jwt.payload[row.key];
  const std::string name = std::string(k_attributes) + row.key.substr(k_derived.size());
  return evaluate_path(setting_of(expect, name), jwt);
}

struct Mismatch {
  std::string why;
  std::string mend = {};  // empty: which of the two is right is for whoever reads it
};

// A row named as if it reached into an object.
std::optional<Mismatch> nested(const Row& row, const Jwt& jwt) {
  const auto path = path_to(jwt.payload.root(), row.key);
  if (!path || row.key.starts_with(k_derived)) return {};
  const std::string name = row.key.substr(row.key.find_last_of("./") + 1);
  return Mismatch{"the claim is inside another one, where no row reaches",
                  "add the attribute transformation " + shown(name) + " = assertion" + shown(*path) +
                      " to the provider at OpenAI, and have the row say openai." + shown(name) +
                      " (here: expect.attributes and expect.claims)"};
}

// Why the row doesn't match; nothing if it does.
std::optional<Mismatch> row_mismatch(const Row& row, JsonValue value, const Jwt& jwt) {
  if (const auto problem = row_problem(row.pattern)) return Mismatch{*problem};
  if (!value)
    if (auto inside = nested(row, jwt)) return inside;
  if (!value || value.is_null()) return Mismatch{"the token has no such claim"};
  const auto text = scalar_text(value);
  if (!text)
    return Mismatch{"the claim is a list or an object, which no row can match",
                    "take one value out of it by an attribute transformation at OpenAI, and map that"};
  if (row_matches(row.pattern, *text)) return {};
  const std::string_view plain = std::string_view(row.pattern).substr(0, row.pattern.find('*'));
  return Mismatch{"token " + quoted_value(*text) + ", expected " + quoted_value(row.pattern) +
                  apart(*text, plain)};
}

}  // namespace

DoctorStep check_mapping(const Jwt& jwt, const NamedValues& expect) {
  DoctorStep step = ok_step("mapping", "mapping rows", {});
  std::size_t rows = 0;
  std::string left_out;
  std::string underived;
  std::vector<Mismatch> mismatches;
  for (const auto& [name, pattern] : expect) {
    if (!name.starts_with(k_claims)) continue;
    const Row row{name.substr(k_claims.size()), pattern};
    ++rows;
    const auto value = claim_of(row, jwt, expect);
    if (!value) {
      left_out += (left_out.empty() ? "" : ", ") + row.key;
      if (setting_of(expect, std::string(k_attributes) + row.key.substr(k_derived.size())).empty())
        underived += (underived.empty() ? "" : ", ") + row.key;
    } else if (auto why = row_mismatch(row, *value, jwt)) {
      mismatches.push_back({row.key + ": " + why->why, why->mend});
    }
  }
  if (rows == 0) return skipped_step("mapping", step.checked, "expect.claims has no rows to compare with");
  step.found = std::to_string(rows - mismatches.size()) + " of " + std::to_string(rows) + " match";
  if (!left_out.empty()) step.found += "; not evaluated here: " + left_out;
  if (mismatches.empty() && !underived.empty())
    return guessed(
        std::move(step),
        "the mapping's row " + underived +
            " needs an attribute transformation at OpenAI, and expect.attributes has none of that name: a "
            "claim that the token itself calls so doesn't count",
        "add the transformation to the provider at OpenAI, and to expect.attributes");
  if (mismatches.empty()) return step;
  step.status = StepStatus::failed;
  step.cause = "the token doesn't match the mapping: " + mismatches.front().why;
  for (std::size_t i = 1; i < mismatches.size(); ++i) step.cause += "; " + mismatches[i].why;
  step.mend = mismatches.front().mend;
  if (step.mend.empty())
    step.mend =
        "if it is this workload that is to have access, enter what its token says in the mapping's row at "
        "OpenAI (and in expect.claims); else run it as the identity that the row names";
  step.category = Category::refused;
  return step;
}

std::vector<DoctorStep> check_token(const Jwt& jwt, const TokenExpectation& expectation) {
  return {check_key_id(jwt, expectation),        check_algorithm(jwt, expectation),
          check_issuer(jwt, expectation),        check_audience(jwt, expectation),
          check_subject_claim(jwt, expectation), check_expiry(jwt, expectation),
          check_issue_time(jwt, expectation),    check_mapping(jwt, expectation.expect)};
}

}  // namespace wif
