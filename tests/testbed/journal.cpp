// SPDX-License-Identifier: Apache-2.0
#include "journal.hpp"

#include "digest.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace testbed {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// cpp-httplib slips these in among the request's own headers.
bool is_made_up(const std::string& name) { return name.starts_with("REMOTE_") || name.starts_with("LOCAL_"); }

Json headers_of(const httplib::Request& request) {
  Json headers = Json::object();
  for (const auto& [name, value] : request.headers) {
    if (!is_made_up(name)) {
      const std::string before = headers[lower(name)].text();
      headers.set(lower(name), (before.empty() ? "" : before + ", ") + redacted(value));
    }
  }
  return headers;
}

Json body_of(const std::string& text) {
  auto json = Json::parse(text);
  if (!json || !json->is_object()) {
    return redacted(text);
  }
  // Whatever it is, also when it looks like no token.
  for (const char* name : {"subject_token", "assertion"}) {
    if (json->has(name)) {
      json->set(name, "sha256:" + sha256_hex((*json)[name].text()));
    }
  }
  return *json;
}

Json to_json(const std::map<std::string, std::int64_t>& map) {
  Json object = Json::object();
  for (const auto& [key, value] : map) {
    object.set(key, value);
  }
  return object;
}

}  // namespace

void Journal::request(const httplib::Request& request) {
  Json record = Json::object({{"method", request.method},
                              {"target", redacted(request.target)},
                              {"version", request.version},
                              {"headers", headers_of(request)},
                              {"body", body_of(request.body)}});
  const std::lock_guard lock(m_mutex);
  m_last[request.path] = std::move(record);
}

void Journal::served(const std::string& path, int status) {
  const std::lock_guard lock(m_mutex);
  ++m_served[path];
  ++m_statuses[std::to_string(status)];
  ++m_path_statuses[path][std::to_string(status)];
}

void Journal::exchange(const std::string& outcome) {
  const std::lock_guard lock(m_mutex);
  ++m_outcomes[outcome];
  m_outcome = outcome;
}

Json Journal::counts() const {
  const std::lock_guard lock(m_mutex);
  std::int64_t failed = 0;
  for (const auto& [outcome, count] : m_outcomes) {
    failed += outcome == "ok" ? 0 : count;
  }
  const auto ok = m_outcomes.find("ok");
  const Json exchanges = Json::object({{"ok", ok == m_outcomes.end() ? 0 : ok->second},
                                       {"failed", failed},
                                       {"outcomes", to_json(m_outcomes)}});
  Json path_statuses = Json::object();
  for (const auto& [path, statuses] : m_path_statuses) {
    path_statuses.set(path, to_json(statuses));
  }
  return Json::object({{"paths", to_json(m_served)},
                       {"statuses", to_json(m_statuses)},
                       {"path_statuses", path_statuses},
                       {"exchanges", exchanges}});
}

Json Journal::last(const std::string& path) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_last.find(path);
  if (found == m_last.end()) {
    return {};
  }
  Json answer = found->second.clone();
  answer.set("outcome", m_outcome);
  return answer;
}

void Journal::reset() {
  const std::lock_guard lock(m_mutex);
  m_last.clear();
  m_served.clear();
  m_statuses.clear();
  m_path_statuses.clear();
  m_outcomes.clear();
  m_outcome.clear();
}

}  // namespace testbed
