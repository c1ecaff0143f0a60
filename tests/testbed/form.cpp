// SPDX-License-Identifier: Apache-2.0
#include "form.hpp"

#include <algorithm>

namespace testbed {

std::string form_decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Form read_form(const std::string& body) {
  Form form;
  for (std::size_t begin = 0; begin < body.size();) {
    const std::size_t end = std::min(body.find('&', begin), body.size());
    const std::string pair = body.substr(begin, end - begin);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    form.emplace_back(form_decoded(pair.substr(0, equals)),
                      equals < pair.size() ? form_decoded(pair.substr(equals + 1)) : std::string());
    begin = end + 1;
  }
  return form;
}

std::string form_value(const Form& form, const std::string& name) {
  for (const auto& [key, value] : form)
    if (key == name) return value;
  return "";
}

}  // namespace testbed
