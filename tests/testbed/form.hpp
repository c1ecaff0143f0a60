// SPDX-License-Identifier: Apache-2.0
// Bodies of type application/x-www-form-urlencoded. Not cpp-httplib's reading, which loses what stands before a second '='.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace testbed {

// In the body's order; a name may come more than once.
using Form = std::vector<std::pair<std::string, std::string>>;

Form read_form(const std::string& body);
std::string form_decoded(const std::string& text);
// Of the first of that name; empty if there is none.
std::string form_value(const Form& form, const std::string& name);

}  // namespace testbed
