// SPDX-License-Identifier: Apache-2.0
// A diagnosis for people (text) and for programs (JSON). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/diagnosis.hpp"

namespace wif {

struct Diagnosis {
  std::string profile;
  std::vector<DoctorStep> steps;  // sorted
  std::optional<DoctorStep> cause;
  std::optional<DoctorStep> notice;  // worth_a_look(), where there is no cause
};

struct ReportStyle {
  bool colour = false;
  std::size_t width = 80;
};

std::string doctor_text(const Diagnosis& diagnosis, const ReportStyle& style);
std::string doctor_json(const Diagnosis& diagnosis);

// Masks what names people: the local part of e-mail addresses.
std::string mask_people(std::string text);
void mask_people(Diagnosis& diagnosis);

}  // namespace wif
