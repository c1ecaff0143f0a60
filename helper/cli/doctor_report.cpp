// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_report.hpp"

#include <algorithm>
#include <cctype>

#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_id_width = 14;
constexpr std::size_t k_indent = 4;
constexpr char k_unbroken = '\x1f';  // a space that no line is broken at
constexpr const char* k_reset = "\033[0m";

struct Mark {
  const char* sign;
  const char* colour;
};

Mark mark_of(StepStatus status) {
  switch (status) {
    case StepStatus::ok:
      return {"✓", "\033[32m"};
    case StepStatus::warning:
      return {"!", "\033[33m"};
    case StepStatus::failed:
      return {"✗", "\033[31m"};
    case StepStatus::skipped:
      return {"–", "\033[2m"};
  }
  return {"–", ""};
}

// Columns that it takes on a terminal: characters, not bytes.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

// Words, broken into lines of `width`; what follows the first begins with `indent` spaces. `used`: columns taken already.
std::string wrapped(std::string_view text, std::size_t used, std::size_t indent, std::size_t width) {
  std::string out;
  bool line_has_word = false;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    const std::size_t size = columns(word);
    if (line_has_word && used + 1 + size > width) {
      out += "\n" + std::string(indent, ' ');
      used = indent;
      line_has_word = false;
    }
    if (line_has_word) out += ' ';
    out += word;
    used += size + (line_has_word ? 1 : 0);
    line_has_word = true;
  }
  return out;
}

std::string labelled(const char* label, const std::string& text, std::size_t width) {
  const std::string head = std::string(k_indent, ' ') + label;
  return head + wrapped(text, head.size(), head.size(), width) + "\n";
}

std::string step_text(const DoctorStep& step, const ReportStyle& style) {
  const Mark mark = mark_of(step.status);
  std::string id = step.id;
  id.resize(std::max(id.size() + 1, k_id_width), ' ');
  std::string line = style.colour ? std::string(mark.colour) + mark.sign + k_reset : std::string(mark.sign);
  const bool told = step.status == StepStatus::failed || step.status == StepStatus::warning;
  std::string words =
      step.checked + ": " +
      (told && step.found == step.cause ? (step.status == StepStatus::failed ? "failed" : "see below")
                                        : step.found);
  if (step.status == StepStatus::skipped) words = step.checked + ": not reached (" + step.found + ")";
  if (step.ms > 0) words += " [" + std::to_string(step.ms) + k_unbroken + "ms]";
  std::string wrapped_words = wrapped(words, 2 + id.size(), 2 + k_id_width, style.width);
  std::replace(wrapped_words.begin(), wrapped_words.end(), k_unbroken, ' ');
  line += " " + id + wrapped_words + "\n";
  if (!told) return line;
  if (!step.cause.empty()) line += labelled("cause: ", step.cause, style.width);
  if (!step.mend.empty()) line += labelled("mend:  ", step.mend, style.width);
  return line;
}

// What the report ends with: a head and what it says, below each other.
std::string paragraph(const std::string& head, const std::string& text, std::size_t width) {
  return head + wrapped(text, columns(head), k_indent, width) + "\n";
}

std::string closing(const Diagnosis& diagnosis, std::size_t width) {
  if (!diagnosis.cause && !diagnosis.notice) return "No problem found.\n";
  const DoctorStep& step = diagnosis.cause ? *diagnosis.cause : *diagnosis.notice;
  const char* head = !diagnosis.cause           ? "No problem found on the way to a credential, but: "
                     : diagnosis.cause->certain ? "The cause: "
                                                : "Most probable cause: ";
  std::string text = paragraph(head, step.cause, width);
  if (!step.mend.empty()) text += paragraph("What to do: ", step.mend, width);
  return text;
}

void write_finding(JsonWriter& writer, const std::optional<DoctorStep>& step) {
  if (!step) {
    writer.null();
    return;
  }
  writer.object();
  writer.member("step", std::string_view(step->id));
  writer.member("certain", step->certain);
  writer.member("summary", std::string_view(step->cause));
  writer.member("mend", std::string_view(step->mend));
  writer.end();
}

bool is_local_part(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view(".!#$%&*+-?^_`{|}~").find(c) != std::string_view::npos;
}

}  // namespace

std::string doctor_text(const Diagnosis& diagnosis, const ReportStyle& style) {
  std::string text;
  for (const auto& step : diagnosis.steps) text += step_text(step, style);
  return text + "\n" + closing(diagnosis, style.width);
}

std::string doctor_json(const Diagnosis& diagnosis) {
  JsonWriter writer;
  writer.object().member("version", 1).member("profile", std::string_view(diagnosis.profile)).key("cause");
  write_finding(writer, diagnosis.cause);
  writer.key("notice");
  write_finding(writer, diagnosis.notice);
  writer.key("steps").array();
  for (const auto& step : diagnosis.steps) write_step(writer, step);
  writer.end().end();
  return writer.take() + "\n";
}

std::string mask_people(std::string text) {
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1)) {
    std::size_t begin = at;
    while (begin > 0 && is_local_part(text[begin - 1])) --begin;
    const bool is_address =
        begin < at && at + 1 < text.size() && std::isalnum(static_cast<unsigned char>(text[at + 1])) != 0;
    if (!is_address) continue;
    const std::string masked = text.substr(begin, 1) + "…";
    text.replace(begin, at - begin, masked);
    at = begin + masked.size();
  }
  return text;
}

void mask_people(Diagnosis& diagnosis) {
  const auto mask = [](DoctorStep& step) {
    step.found = mask_people(std::move(step.found));
    step.cause = mask_people(std::move(step.cause));
    step.mend = mask_people(std::move(step.mend));
  };
  for (auto& step : diagnosis.steps) mask(step);
  if (diagnosis.cause) mask(*diagnosis.cause);
  if (diagnosis.notice) mask(*diagnosis.notice);
}

}  // namespace wif
