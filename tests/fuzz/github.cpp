// SPDX-License-Identifier: Apache-2.0
// What the token endpoint of a GitHub Actions job may answer: the first byte chooses the status.
#include "github/github.hpp"

#include <array>

#include "fuzz/must.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wif::fuzz;
  constexpr std::array k_status = {200, 403, 401, 404, 429, 500, 302};
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const wif::kit::Response answer{k_status[data[0] % k_status.size()], nullptr, 0, body};
  const auto json = wif::github::read_answer(answer, "https://api.openai.com/v1");
  if (json) {
    must(answer.status == 200);
    must(!(*json)["value"].string().value_or("").empty());
    return 0;
  }
  must_explain(json);
  if (answer.status == 200 && !wif::trim(body).starts_with('<')) must_hide_tokens(json.error());
  return 0;
}
