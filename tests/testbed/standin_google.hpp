// SPDX-License-Identifier: Apache-2.0
// Google's metadata server, as far as identity tokens go:
// https://cloud.google.com/compute/docs/instances/verifying-instance-identity, and what Google's own libraries ask of it before
// they ask for one (tests/clients/vendors_test.py). As seen on the real one: errors carry Metadata-Flavor too, a missing request header or any X-Forwarded-For is a 403, no audience a 400, the token comes as
// text/html, and it stays the same until its last five minutes.
#pragma once

#include "clock.hpp"
#include "http.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace testbed {

struct State;

// The tokens that were handed out. Thread-safe.
class GoogleTokens {
 public:
  // The one for that key if it has more than five minutes left, else a new one that lives for an hour.
  std::string get(const std::string& key, const Clock& clock, const std::function<std::string()>& mint);
  void forget();

 private:
  struct Kept {
    std::string token;
    std::int64_t expires;
  };

  std::mutex m_mutex;
  std::map<std::string, Kept> m_kept;
};

// GET / and /computeMetadata/v1/*
void google_metadata(State& state, const httplib::Request& request, httplib::Response& response);

}  // namespace testbed
