// SPDX-License-Identifier: Apache-2.0
#include "thread_pool.hpp"

namespace testbed {
namespace {

constexpr std::size_t k_most_threads = 4096;

}  // namespace

GrowingPool::Enqueued GrowingPool::enqueue(std::function<void()> task) {
  const std::lock_guard lock(m_mutex);
  m_tasks.push_back(std::move(task));
  if (m_idle < m_tasks.size() && m_threads.size() < k_most_threads) {
    m_threads.emplace_back([this] { work(); });
  }
  m_changed.notify_one();
  return Enqueued(true);
}

void GrowingPool::work() {
  std::unique_lock lock(m_mutex);
  for (;;) {
    ++m_idle;
    m_changed.wait(lock, [this] { return m_stopping || !m_tasks.empty(); });
    --m_idle;
    if (m_tasks.empty()) {
      return;
    }
    const auto task = std::move(m_tasks.front());
    m_tasks.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

void GrowingPool::shutdown() {
  {
    const std::lock_guard lock(m_mutex);
    m_stopping = true;
    m_changed.notify_all();
  }
  for (std::thread& thread : m_threads) {
    thread.join();
  }
}

}  // namespace testbed
