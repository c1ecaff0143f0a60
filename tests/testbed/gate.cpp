// SPDX-License-Identifier: Apache-2.0
#include "gate.hpp"

namespace testbed {

void Gate::pass(const std::string& path) {
  std::unique_lock lock(m_mutex);
  ++m_arrivals[path];
  m_changed.notify_all();
  m_changed.wait(lock, [&] { return m_stopping || !m_held.contains(path); });
}

void Gate::hold(const std::string& path) {
  const std::lock_guard lock(m_mutex);
  m_held.insert(path);
  m_arrivals[path] = 0;
}

void Gate::release(const std::string& path) {
  const std::lock_guard lock(m_mutex);
  if (path.empty()) {
    m_held.clear();
  }
  m_held.erase(path);
  m_changed.notify_all();
}

bool Gate::wait_for_arrivals(const std::string& path, std::int64_t count, std::chrono::milliseconds longest) {
  std::unique_lock lock(m_mutex);
  m_changed.wait_for(lock, longest, [&] { return m_stopping || m_arrivals[path] >= count; });
  return m_arrivals[path] >= count;
}

std::int64_t Gate::arrivals(const std::string& path) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_arrivals.find(path);
  return found == m_arrivals.end() ? 0 : found->second;
}

void Gate::sleep(std::chrono::milliseconds duration) {
  std::unique_lock lock(m_mutex);
  m_changed.wait_for(lock, duration, [&] { return m_stopping; });
}

void Gate::reset() {
  const std::lock_guard lock(m_mutex);
  m_held.clear();
  m_arrivals.clear();
  m_changed.notify_all();
}

void Gate::stop() {
  const std::lock_guard lock(m_mutex);
  m_stopping = true;
  m_changed.notify_all();
}

bool Gate::stopping() const {
  const std::lock_guard lock(m_mutex);
  return m_stopping;
}

}  // namespace testbed
