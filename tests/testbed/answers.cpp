// SPDX-License-Identifier: Apache-2.0
#include "answers.hpp"

namespace testbed {

void Answers::replace(const std::vector<Json>& answers) {
  const std::lock_guard lock(m_mutex);
  m_ordered.clear();
  for (const Json& answer : answers) {
    m_ordered[answer["path"].text("/oauth/token")].push_back({answer.clone(), answer["times"].number(-1)});
  }
}

bool Answers::give(const std::string& path, httplib::Response& response) {
  const std::lock_guard lock(m_mutex);
  auto& waiting = m_ordered[path];
  if (waiting.empty()) {
    return false;
  }
  Ordered& first = waiting.front();
  const Json& answer = first.answer;
  const Json body = answer["body"];
  const std::string text = body.is_text() ? body.text() : body.is_null() ? "" : body.dump();
  const auto status = static_cast<int>(answer["status"].number(200));
  reply(response, status, text, answer["content_type"].text("application/json"));
  for (const auto& [name, value] : answer["headers"].members()) {
    put_header(response, name, value.text());
  }
  if (first.left > 0 && --first.left == 0) {
    waiting.pop_front();
  }
  return true;
}

void Answers::reset() { replace({}); }

}  // namespace testbed
