// SPDX-License-Identifier: Apache-2.0
// What a token endpoint may answer: the first byte chooses the status.
#include "engine/exchange/openai.hpp"

#include <array>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array k_status = {200, 400, 401, 403, 429, 500, 302};
  if (size == 0) return 0;
  wif::HttpResponse response;
  response.status = k_status[data[0] % k_status.size()];
  response.body = wif::Secret(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  wif::SubjectToken subject;
  subject.token = wif::Secret("the-subject-token-of-the-fuzzer-which-nobody-may-see");
  if (response.status != 200) {
    const auto failure = wif::openai_error(response, "host", "https://host/oauth/token", subject);
    if (failure.error.message.empty()) std::abort();
    if ((failure.error.message + failure.error.hint).find(subject.token.view()) != std::string::npos)
      std::abort();
    return 0;
  }
  const auto credential = wif::read_openai_answer(response, "host", 2000, wif::Now{1000, 5000});
  if (credential &&
      (credential->access_token.empty() || credential->expires_at <= 1000 || credential->expires_at > 2000))
    std::abort();
  return 0;
}
