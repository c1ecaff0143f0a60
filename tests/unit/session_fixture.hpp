// SPDX-License-Identifier: Apache-2.0
// A session over a cache of its own, a clock that stands still, and an engine that does what the real one promises.
#pragma once

#include "core/session.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fake_system.hpp"
#include "scratch_folder.hpp"

namespace wif {

class FakeEngine final : public EngineStarter {
 public:
  explicit FakeEngine(FakeSystem& system) : m_system(system) {}

  EngineAnswer run(const EngineRequest& request, int lock) override {
    ++runs;
    last = request;
    had_lock = lock >= 0;
    if (during) during();
    EngineAnswer answer;
    if (failure) {
      answer.outcome = tl::unexpected(*failure);
      if (request.store && failure->error.category != Category::bug) store_failure(request);
      return answer;
    }
    answer.outcome = issue();
    if (request.store) store_record(request);
    return answer;
  }
  Status detach(const EngineRequest& request, int) override {
    ++detached;
    last = request;
    return {};
  }

  int runs = 0;
  int detached = 0;
  bool had_lock = false;
  EngineRequest last;
  std::optional<EngineError> failure;
  std::int64_t life = 3600;
  std::function<void()> during;

 private:
  Credential issue() const {
    Credential credential;
    credential.access_token = Secret("token-" + std::to_string(runs));
    credential.issued_at = m_system.time.wall;
    credential.issued_boot = m_system.time.boot();
    credential.expires_at = credential.issued_at + life;
    return credential;
  }
  static Store store_of(const EngineRequest& request) {
    std::string why;
    return std::move(Store::open(request.cache_directory, true, why).value().value());
  }
  void store_record(const EngineRequest& request) const {
    ASSERT_TRUE(
        store_of(request).write_record(request.record_name, make_record(request.binding, "p", issue())));
  }
  void store_failure(const EngineRequest& request) const {
    const Store store = store_of(request);
    const auto before = store.read_failure(request.record_name, request.binding);
    ASSERT_TRUE(store.write_failure(request.record_name, next_failure(m_system, before ? &*before : nullptr,
                                                                      request.binding, "p", *failure)));
  }
  FakeSystem& m_system;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() : m_engine(m_system) {
    m_system.variables["WIF_CACHE_DIR"] = m_scratch / "cache";
    m_profile.name = "prod";
    m_profile.provider.name = "file";
    m_profile.exchange.name = "openai";
    m_profile.settings["cache.refresh"] = {"background", "default"};
    m_profile.settings["cache.min_ttl"] = {"2m", "default"};
  }

  // One call of wif: the token, or "CATEGORY: message".
  std::string call(SessionOptions options = {}) {
    Session session(m_system, m_engine, m_profile, options);
    const auto credential = session.get();
    m_warnings = session.warnings();
    if (!credential)
      return std::string(to_string(credential.error().category)) + ": " + credential.error().message;
    session.refresh_behind();
    return credential->access_token.reveal();
  }
  void pass(std::int64_t seconds) {
    m_system.time.wall += seconds;
    m_system.time.boot_ms += seconds * 1000;
  }
  void fail_with(Category category, std::string message = "it failed") {
    EngineError error;
    error.error = Error{category, std::move(message), {}, {}};
    m_engine.failure = error;
  }

  ScratchFolder m_scratch;
  FakeSystem m_system;
  FakeEngine m_engine;
  Profile m_profile;
  std::vector<std::string> m_warnings;
};

}  // namespace wif
