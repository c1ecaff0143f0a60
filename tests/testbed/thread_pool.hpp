// SPDX-License-Identifier: Apache-2.0
// A pool that grows by a thread whenever none is idle: held and hanging requests must never keep others waiting.
#pragma once

#include "http.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace testbed {

class GrowingPool : public httplib::TaskQueue {
 public:
  // void in cpp-httplib 0.11, bool later.
  using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue(nullptr));

  Enqueued enqueue(std::function<void()> task) override;
  void shutdown() override;

 private:
  void work();

  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::deque<std::function<void()>> m_tasks;
  std::vector<std::thread> m_threads;
  std::size_t m_idle = 0;
  bool m_stopping = false;
};

}  // namespace testbed
