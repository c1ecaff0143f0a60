// SPDX-License-Identifier: Apache-2.0
// What `wif doctor` finds, step by step, and which of it is the most probable cause. wif looks at what is on this machine,
// wif-engine at what is behind it; both say it in these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/error.hpp"
#include "util/json.hpp"

namespace wif {

enum class StepStatus { ok, warning, failed, skipped };

struct DoctorStep {
  std::string id;  // stable: a row of step_ids()
  StepStatus status = StepStatus::ok;
  std::string checked;  // what was looked at
  std::string found;    // what came back; of a skipped one, why
  std::int64_t ms = 0;  // how long it took
  // Of a failed step and of a warning:
  std::string cause;     // in one sentence, with the values side by side
  std::string mend;      // what to do
  bool certain = false;  // it can't be otherwise; else it is a likelihood
  bool guessed =
      false;  // a warning that nothing written down speaks for: a refusal without words makes it a cause
  Category category = Category::configuration;  // of a failed one
};

// Every step's id, in the order in which things are needed and shown.
const std::vector<std::string_view>& step_ids();

DoctorStep ok_step(std::string id, std::string checked, std::string found);
DoctorStep skipped_step(std::string id, std::string checked, std::string why);
// The error's message is what was found, its hint the mend.
DoctorStep failed_step(std::string id, std::string checked, const Error& error);

// The same step as a failure or a warning. The category is a failed one's.
DoctorStep told(DoctorStep step, StepStatus status, std::string cause, std::string mend,
                Category category = Category::refused);

// Sorts them as step_ids() does, keeping the order among equals.
void sort_steps(std::vector<DoctorStep>& steps);

// A credential was issued, so what differs from `expect` or from the rules differs from what was written down only: such
// failures become warnings. A step that only says so of others goes with it, and what was guessed is refuted.
void relax_after_success(std::vector<DoctorStep>& steps);

// The exchange was refused without a word: what was guessed is as good as what failed.
void blame_guesses(std::vector<DoctorStep>& steps);

// The step that explains the others, as a rule the first that failed; nothing if none did. A clock that is wrong comes before the
// times that it makes look wrong; what is certain of the token or of the way comes before what is supposed, as does why the token
// wasn't sent (a skipped step with a cause); and what the exchange itself said in words comes before what could only be supposed.
std::optional<DoctorStep> probable_cause(const std::vector<DoctorStep>& steps);

// Where there is no cause: the first warning of what is as it is, the last failure left out; nothing if there is none.
std::optional<DoctorStep> worth_a_look(const std::vector<DoctorStep>& steps);

void write_step(JsonWriter& writer, const DoctorStep& step);  // a whole object
DoctorStep read_step(JsonValue value);
const char* to_string(StepStatus status);

}  // namespace wif
