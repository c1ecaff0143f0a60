// SPDX-License-Identifier: Apache-2.0
#include "core/diagnosis.hpp"

#include <algorithm>
#include <array>

#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::array k_statuses = {std::pair(StepStatus::ok, "ok"), std::pair(StepStatus::warning, "warn"),
                                   std::pair(StepStatus::failed, "fail"),
                                   std::pair(StepStatus::skipped, "skipped")};

// What OpenAI checks of a token: a credential that was issued all the same proves them wrong.
constexpr std::array<std::string_view, 18> k_token_steps = {
    "kid",  "alg",   "iss",        "aud",           "sub",        "exp",
    "iat",  "clock", "issuer_dns", "issuer_tcp",    "issuer_tls", "discovery",
    "jwks", "key",   "signature",  "uploaded_jwks", "mapping",    "proxy"};

bool is_token_step(std::string_view id) {
  return std::find(k_token_steps.begin(), k_token_steps.end(), id) != k_token_steps.end();
}

// Without these there is no credential, whatever else is right.
constexpr std::array<std::string_view, 11> k_decisive = {"kid", "alg", "iss",   "aud", "sub", "exp",
                                                         "iat", "dns", "proxy", "tcp", "tls"};

bool is_decisive(std::string_view id) {
  return std::find(k_decisive.begin(), k_decisive.end(), id) != k_decisive.end();
}

std::size_t rank_of(std::string_view id) {
  const auto& ids = step_ids();
  return static_cast<std::size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
}

std::string text_of(JsonValue value) { return std::string(value.string().value_or("")); }

// Words by which a server's refusal means the same as a step.
struct Topic {
  std::string_view step;
  std::vector<std::string_view> words;
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// As a word of its own: "permission" says nothing of iss.
bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    std::string_view rest = text.substr(at + word.size());
    if (rest.starts_with('s')) rest.remove_prefix(1);
    if ((at == 0 || !is_letter(text[at - 1])) && (rest.empty() || !is_letter(rest.front()))) return true;
  }
  return false;
}

bool speaks_of(std::string_view refusal, std::string_view step) {
  static const std::vector<Topic> topics = {
      {"clock", {"expired", "not yet", "iat"}},
      {"aud", {"audience", "aud"}},
      {"iss", {"issuer", "iss"}},
      {"kid", {"kid", "key"}},
      {"alg", {"alg"}},
      {"key", {"kid", "key", "jwks"}},
      {"signature", {"signature"}},
      {"mapping", {"mapping", "claim"}},
      {"exp", {"expired"}},
      {"iat", {"iat", "not yet valid"}},
  };
  const std::string text = to_lower(refusal);
  return std::any_of(topics.begin(), topics.end(), [&](const Topic& topic) {
    return topic.step == step && std::any_of(topic.words.begin(), topic.words.end(),
                                             [&](std::string_view word) { return has_word(text, word); });
  });
}

const DoctorStep* find_failed(const std::vector<DoctorStep>& steps, std::string_view id) {
  for (const auto& step : steps)
    if (step.id == id && step.status == StepStatus::failed) return &step;
  return nullptr;
}

}  // namespace

const std::vector<std::string_view>& step_ids() {
  static const std::vector<std::string_view> ids = {
      "configuration", "provider",   "source",     "subject",      "token",       "clock",       "kid",
      "alg",           "iss",        "aud",        "sub",          "exp",         "iat",         "issuer_dns",
      "issuer_proxy",  "issuer_tcp", "issuer_tls", "discovery",    "jwks",        "key",         "signature",
      "uploaded_jwks", "mapping",    "dns",        "proxy",        "tcp",         "tls",         "exchange",
      "scopes",        "api",        "cache",      "last_failure", "environment", "integrations"};
  return ids;
}

DoctorStep ok_step(std::string id, std::string checked, std::string found) {
  DoctorStep step;
  step.id = std::move(id);
  step.checked = std::move(checked);
  step.found = std::move(found);
  return step;
}

DoctorStep skipped_step(std::string id, std::string checked, std::string why) {
  DoctorStep step = ok_step(std::move(id), std::move(checked), std::move(why));
  step.status = StepStatus::skipped;
  return step;
}

DoctorStep failed_step(std::string id, std::string checked, const Error& error) {
  DoctorStep step = ok_step(std::move(id), std::move(checked), error.message);
  step.status = StepStatus::failed;
  step.cause = error.message;
  step.mend = error.hint;
  step.certain = true;
  step.category = error.category;
  return step;
}

DoctorStep told(DoctorStep step, StepStatus status, std::string cause, std::string mend, Category category) {
  step.status = status;
  step.cause = std::move(cause);
  step.mend = std::move(mend);
  step.category = category;
  return step;
}

void sort_steps(std::vector<DoctorStep>& steps) {
  std::stable_sort(steps.begin(), steps.end(),
                   [](const DoctorStep& a, const DoctorStep& b) { return rank_of(a.id) < rank_of(b.id); });
}

void relax_after_success(std::vector<DoctorStep>& steps) {
  for (auto& step : steps)
    if (step.guessed) {
      step.status = StepStatus::ok;
      step.guessed = false;
      step.cause.clear();
      step.mend.clear();
    } else if (step.status == StepStatus::failed && is_token_step(step.id)) {
      step.status = StepStatus::warning;
      step.cause += "; a credential was issued all the same";
    }
}

void blame_guesses(std::vector<DoctorStep>& steps) {
  for (auto& step : steps)
    if (step.guessed) step.status = StepStatus::failed;
}

std::optional<DoctorStep> probable_cause(const std::vector<DoctorStep>& steps) {
  std::vector<const DoctorStep*> failed;
  for (const auto& step : steps)
    if (step.status == StepStatus::failed) failed.push_back(&step);
  const DoctorStep* unsent = nullptr;
  for (const auto& step : steps)
    if (step.status == StepStatus::skipped && !step.cause.empty()) unsent = &step;
  if (failed.empty()) return unsent == nullptr ? std::nullopt : std::optional(*unsent);
  const DoctorStep* exchange = find_failed(steps, "exchange");
  DoctorStep cause = *failed.front();
  // Why it wasn't sent sums up what is missing in a token, unless it couldn't be read or its time is over.
  if (unsent != nullptr && (!cause.certain || is_decisive(cause.id)) && cause.id != "clock" &&
      cause.id != "exp")
    return *unsent;
  if (!cause.certain && cause.id != "clock") {
    const auto decisive = std::find_if(failed.begin(), failed.end(), [](const DoctorStep* step) {
      return step->certain && is_decisive(step->id);
    });
    if (decisive != failed.end()) cause = **decisive;
  }
  // The server said in words what it minds, and nothing that is certain stands before it. Where it speaks of what was found here,
  // that says more, and is certain now. A value that isn't written as its server writes such is what that minds, however it says it.
  if (exchange == nullptr || !exchange->certain || cause.certain || cause.id == "configuration") return cause;
  for (const DoctorStep* step : failed)
    if (step != exchange && speaks_of(exchange->found, step->id)) {
      cause = *step;
      cause.certain = true;
      return cause;
    }
  return *exchange;
}

std::optional<DoctorStep> worth_a_look(const std::vector<DoctorStep>& steps) {
  for (const auto& step : steps)
    if (step.status == StepStatus::warning && step.id != "last_failure") return step;
  return {};
}

const char* to_string(StepStatus status) {
  for (const auto& [known, name] : k_statuses)
    if (known == status) return name;
  return "skipped";
}

void write_step(JsonWriter& writer, const DoctorStep& step) {
  writer.object();
  writer.member("id", std::string_view(step.id));
  writer.member("status", to_string(step.status));
  writer.member("checked", std::string_view(step.checked));
  writer.member("found", std::string_view(step.found));
  writer.member("ms", step.ms);
  if (!step.cause.empty()) {
    writer.member("cause", std::string_view(step.cause));
    writer.member("mend", std::string_view(step.mend));
    writer.member("certain", step.certain);
    writer.member("category", to_string(step.category));
    if (step.guessed) writer.member("guessed", true);
  }
  writer.end();
}

DoctorStep read_step(JsonValue value) {
  DoctorStep step;
  step.id = text_of(value["id"]);
  for (const auto& [status, name] : k_statuses)
    if (text_of(value["status"]) == name) step.status = status;
  step.checked = text_of(value["checked"]);
  step.found = text_of(value["found"]);
  step.ms = value["ms"].integer().value_or(0);
  step.cause = text_of(value["cause"]);
  step.mend = text_of(value["mend"]);
  step.certain = value["certain"].boolean().value_or(false);
  step.guessed = value["guessed"].boolean().value_or(false);
  for (const Category category : {Category::usage, Category::configuration, Category::no_identity,
                                  Category::refused, Category::unreachable, Category::cache, Category::bug})
    if (text_of(value["category"]) == to_string(category)) step.category = category;
  return step;
}

}  // namespace wif
