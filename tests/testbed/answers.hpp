// SPDX-License-Identifier: Apache-2.0
// Answers given word for word instead of ours: on any path, so also for metadata servers and other token services.
#pragma once

#include "http.hpp"
#include "json.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace testbed {

// Thread-safe.
class Answers {
 public:
  // In place of all former ones, whatever their path: {"path", "status", "headers", "body", "content_type", "times"};
  // without times, for ever.
  void replace(const std::vector<Json>& answers);
  // False when there is none for that path.
  bool give(const std::string& path, httplib::Response& response);
  void reset();

 private:
  struct Ordered {
    Json answer;
    std::int64_t left;
  };

  std::mutex m_mutex;
  std::map<std::string, std::deque<Ordered>> m_ordered;
};

}  // namespace testbed
