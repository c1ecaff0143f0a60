// SPDX-License-Identifier: Apache-2.0
#include "access_tokens.hpp"

#include "digest.hpp"

namespace testbed {

std::string AccessTokens::issue(std::int64_t expires) {
  std::string token = k_canary + random_text(40);
  const std::lock_guard lock(m_mutex);
  m_expiry[token] = expires;
  return token;
}

std::int64_t AccessTokens::expiry(const std::string& token) const {
  const std::lock_guard lock(m_mutex);
  const auto found = m_expiry.find(token);
  return found == m_expiry.end() ? 0 : found->second;
}

bool AccessTokens::accepts(const std::string& token, std::int64_t now) const { return now < expiry(token); }

bool AccessTokens::first_use(const std::string& subject_token) {
  const std::lock_guard lock(m_mutex);
  return m_used.insert(sha256_hex(subject_token)).second;
}

void AccessTokens::revoke_all() {
  const std::lock_guard lock(m_mutex);
  m_expiry.clear();
  m_used.clear();
}

}  // namespace testbed
