// SPDX-License-Identifier: Apache-2.0
// What was served, for tests to assert on. Keeps no token: each is replaced by its SHA-256. Thread-safe.
#pragma once

#include "http.hpp"
#include "json.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace testbed {

class Journal {
 public:
  // As it arrives, before any gate or fault.
  void request(const httplib::Request& request);
  void served(const std::string& path, int status);
  // outcome: "ok", or the check that failed.
  void exchange(const std::string& outcome);
  Json counts() const;
  // Null when nothing came to that path.
  Json last(const std::string& path) const;
  void reset();

 private:
  mutable std::mutex m_mutex;
  std::map<std::string, Json> m_last;
  std::map<std::string, std::int64_t> m_served;
  std::map<std::string, std::int64_t> m_statuses;
  std::map<std::string, std::map<std::string, std::int64_t>> m_path_statuses;
  std::map<std::string, std::int64_t> m_outcomes;
  std::string m_outcome;
};

}  // namespace testbed
