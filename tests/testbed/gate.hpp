// SPDX-License-Identifier: Apache-2.0
// Where requests can be held, so that a concurrency test waits for events and never sleeps. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace testbed {

class Gate {
 public:
  // Counts the request, then waits while its path is held.
  void pass(const std::string& path);
  // Holding a path starts its count of arrivals again.
  void hold(const std::string& path);
  // An empty path releases all.
  void release(const std::string& path);
  // False when time ran out first.
  bool wait_for_arrivals(const std::string& path, std::int64_t count, std::chrono::milliseconds longest);
  std::int64_t arrivals(const std::string& path) const;
  // Ends early when the server stops.
  void sleep(std::chrono::milliseconds duration);
  void reset();
  void stop();
  bool stopping() const;

 private:
  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::map<std::string, std::int64_t> m_arrivals;
  std::set<std::string> m_held;
  bool m_stopping = false;
};

}  // namespace testbed
