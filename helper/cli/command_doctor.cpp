// SPDX-License-Identifier: Apache-2.0
// wif doctor: the whole way to a credential, step by step, and what is most probably wrong with it.
#include <algorithm>
#include <array>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/command.hpp"
#include "cli/doctor_local.hpp"
#include "cli/doctor_report.hpp"
#include "core/lock.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_default_api = "https://api.openai.com/v1";
constexpr std::size_t k_narrowest = 40;
constexpr std::size_t k_widest = 100;
// What the engine looks at: where it can't, each is said to be not reached.
constexpr std::array<std::string_view, 17> k_engine_steps = {
    "subject", "token",     "kid",  "alg", "iss",       "aud",     "sub",      "exp",   "iat",
    "clock",   "discovery", "jwks", "key", "signature", "mapping", "exchange", "scopes"};

bool is_openai(const Profile& profile) { return profile.exchange.name == exchange_kinds().front().name; }

std::string api_url() {
  std::string url = real_system().variable("OPENAI_BASE_URL").value_or(std::string(k_default_api));
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool has_step(const std::vector<DoctorStep>& steps, std::string_view id) {
  return std::any_of(steps.begin(), steps.end(), [&](const auto& step) { return step.id == id; });
}

const DoctorStep* find_step(const std::vector<DoctorStep>& steps, std::string_view id) {
  const auto found =
      std::find_if(steps.begin(), steps.end(), [&](const auto& step) { return step.id == id; });
  return found == steps.end() ? nullptr : &*found;
}

// The engine's part. One that crashed, or whose time was up, has said what it knew until then.
void run_engine(const Profile& profile, const SessionOptions& options, bool call_api,
                std::vector<DoctorStep>& steps) {
  auto request = diagnosis_request(real_system(), profile, options);
  if (!request) return steps.push_back(failed_step("subject", "subject token", request.error()));
  if (call_api) request->api_url = api_url();
  EngineProcess engine(real_system());
  EngineAnswer answer = engine.run(*request, -1);
  for (auto& step : answer.steps) steps.push_back(std::move(step));
  if (answer.diagnosed) return;
  const Error& error = answer.outcome.error().error;
  // What it was at when it ended is the first that it didn't finish.
  const char* id = has_step(steps, "subject") ? "exchange" : "subject";
  if (!has_step(steps, id)) steps.push_back(failed_step(id, id, error));
}

void add_unreached(std::vector<DoctorStep>& steps) {
  for (const auto id : k_engine_steps)
    if (!has_step(steps, id))
      steps.push_back(skipped_step(std::string(id), std::string(id), "what it needs failed"));
}

// What the profile doesn't say, and so could not be compared.
std::string not_compared(const Profile& profile) {
  std::string out;
  const auto add = [&](const char* what) { out += (out.empty() ? "" : ", ") + std::string(what); };
  if (profile.get("expect.issuer").empty()) add("expect.issuer");
  if (profile.get("expect.audience").empty()) add("expect.audience");
  const auto rows = profile.settings.lower_bound("expect.claims.");
  if (rows == profile.settings.end() || !rows->first.starts_with("expect.claims.")) add("expect.claims");
  return out;
}

// OpenAI answers most mistakes with a bare 500. Where all else is right, what is left is on its side.
void explain_bare_failure(const Profile& profile, std::vector<DoctorStep>& steps) {
  for (auto& step : steps) {
    if (step.id != "exchange" || step.status != StepStatus::failed || step.certain || !is_openai(profile))
      continue;
    if (step.cause.find("HTTP 500") == std::string::npos) continue;
    const std::string open = not_compared(profile);
    step.cause = "OpenAI doesn't match this token to provider " +
                 printable(profile.get("exchange.identity_provider_id"), 60) + " and service account " +
                 printable(profile.get("exchange.service_account_id"), 60) +
                 ": a wrong or disabled id, or no enabled mapping that fits";
    step.mend =
        "compare both ids and the mapping with OpenAI's settings (`wif setup` prints what belongs there)";
    if (!open.empty())
      step.mend += "; and write " + open + " into the profile, so that they can be compared here";
    if (const DoctorStep* sub = find_step(steps, "sub"); sub != nullptr && !open.empty())
      step.mend += "; the token's sub is '" + sub->found + "'";
    step.mend += "; if all of that is right, it may be OpenAI's own trouble: see status.openai.com";
    step.category = Category::refused;
    blame_guesses(steps);
    // OpenAI was reached, and refused: an issuer that isn't is why, and no trouble of this machine's network.
    for (auto& other : steps)
      if (other.id.starts_with("issuer_") || other.id == "discovery" || other.id == "jwks")
        other.category = Category::refused;
    return;
  }
}

// What was only odd explains a refusal by a server of whose checks nothing else is known here.
void explain_refusal(const Profile& profile, std::vector<DoctorStep>& steps) {
  const DoctorStep* exchange = find_step(steps, "exchange");
  if (exchange != nullptr && exchange->status == StepStatus::failed &&
      exchange->category == Category::refused && !is_openai(profile))
    blame_guesses(steps);
}

// Who failed was chosen by something that may be a leftover.
void explain_source(const Profile& profile, std::vector<DoctorStep>& steps) {
  constexpr std::string_view k_set = " is set";
  if (!std::string_view(profile.provider_why).ends_with(k_set)) return;
  for (auto& step : steps)
    if (step.id == "subject" && step.status == StepStatus::failed)
      step.mend += (step.mend.empty() ? "" : "; ") + std::string("this source was taken because ") +
                   profile.provider_why;
}

// What differs may be what the source itself warned of: an identity that is one of several, another audience.
void explain_difference(std::vector<DoctorStep>& steps) {
  const auto warning = std::find_if(steps.begin(), steps.end(), [](const DoctorStep& step) {
    return step.id == "source" && step.status == StepStatus::warning;
  });
  if (warning == steps.end()) return;
  for (auto& step : steps)
    if ((step.id == "mapping" || step.id == "aud") && step.status == StepStatus::failed)
      step.mend = "look at what the source warns of first: " + warning->cause + ". Else: " + step.mend;
}

Diagnosis diagnose_all(const GlobalOptions& global, const SessionOptions& options, bool call_api) {
  Diagnosis diagnosis;
  auto& steps = diagnosis.steps;
  const auto profile = diagnose_configuration(global, steps);
  diagnosis.profile = profile ? profile->name : global.choice.profile.value_or("");
  diagnose_cache(profile ? &*profile : nullptr, steps);
  steps.push_back(diagnose_environment(real_system()));
  ConfigChoice consumers = global.choice;
  consumers.profile.reset();  // theirs are their own
  const auto config = Config::load(real_system(), consumers);
  steps.push_back(diagnose_integrations(real_system(), config ? &*config : nullptr));
  if (profile) run_engine(*profile, options, call_api, steps);
  add_unreached(steps);
  const DoctorStep* exchange = find_step(steps, "exchange");
  if (exchange != nullptr && exchange->status == StepStatus::ok) relax_after_success(steps);
  if (profile) explain_bare_failure(*profile, steps);
  if (profile) explain_refusal(*profile, steps);
  if (profile) explain_source(*profile, steps);
  explain_difference(steps);
  sort_steps(steps);
  diagnosis.cause = probable_cause(steps);
  if (!diagnosis.cause) diagnosis.notice = worth_a_look(steps);
  return diagnosis;
}

ReportStyle style_of_terminal() {
  ReportStyle style;
  if (isatty(STDOUT_FILENO) == 0) return style;
  // https://no-color.org: set to anything but nothing.
  const char* no_colour = getenv("NO_COLOR");
  style.colour = no_colour == nullptr || *no_colour == '\0';
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.width = std::clamp<std::size_t>(size.ws_col, k_narrowest, k_widest);
  return style;
}

int exit_code(const std::optional<DoctorStep>& cause) {
  if (!cause) return 0;
  return static_cast<int>(cause->category == Category::unreachable ? Category::unreachable
                                                                   : Category::refused);
}

}  // namespace

Result<int> run_doctor(const Invocation& invocation) {
  Arguments arguments("wif doctor [OPTIONS]",
                      "Looks at the whole way to a credential and names what is most probably wrong.");
  arguments.examples(
      "  wif doctor -p prod\n"
      "  wif doctor --json | jq .cause\n"
      "  wif doctor --call-api            also GET /v1/models (OPENAI_BASE_URL moves it)\n");
  bool json = false;
  bool call_api = false;
  bool redact = false;
  bool no_redact = false;
  arguments.flag("--json", json, "print JSON");
  arguments.flag("--call-api", call_api, "make one call of the API with the credential");
  arguments.flag("--redact", redact, "mask what names people, for a ticket (the default)");
  arguments.flag("--no-redact", no_redact, "show it");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  if (redact && no_redact) return fail(Category::usage, "--redact and --no-redact don't go together");
  TRY_ASSIGN(const SessionOptions options, global.session_options());
  Diagnosis diagnosis = diagnose_all(global, options, call_api);
  if (!no_redact) mask_people(diagnosis);
  TRY(print(json ? doctor_json(diagnosis) : doctor_text(diagnosis, style_of_terminal())));
  return exit_code(diagnosis.cause);
}

}  // namespace wif
