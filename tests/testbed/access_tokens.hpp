// SPDX-License-Identifier: Apache-2.0
// The access tokens handed out, and the subject tokens they were traded for. Safe to use from several threads.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace testbed {

// Every access token begins so, which lets a test search any output for a leak.
inline constexpr const char* k_canary = "wif-canary-at-";

class AccessTokens {
 public:
  // Times are Unix seconds.
  std::string issue(std::int64_t expires);
  bool accepts(const std::string& token, std::int64_t now) const;
  // When it ends; 0 if it was never issued, or revoked.
  std::int64_t expiry(const std::string& token) const;
  // False when this subject token was seen before.
  bool first_use(const std::string& subject_token);
  void revoke_all();

 private:
  mutable std::mutex m_mutex;
  std::map<std::string, std::int64_t> m_expiry;
  std::set<std::string> m_used;
};

}  // namespace testbed
