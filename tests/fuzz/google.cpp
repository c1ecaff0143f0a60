// SPDX-License-Identifier: Apache-2.0
// What a metadata server, or whatever else is at its address, may answer: the first byte chooses status and flavour.
#include "google/google.hpp"

#include <array>

#include "fuzz/must.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wif::fuzz;
  constexpr std::array k_status = {200, 404, 400, 403, 429, 500, 401, 302};
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const wif_http_header flavor = {"metadata-flavor", (data[0] & 0x10U) == 0 ? "Google" : "google"};
  const wif::kit::Response answer{k_status[data[0] % k_status.size()], &flavor, 1, body};
  wif::google::Question question;
  question.server = "http://metadata.google.internal";
  question.audience = "https://api.openai.com/v1";
  question.in_kubernetes = (data[0] & 0x20U) != 0;
  const auto token = wif::google::read_answer(answer, question);
  if (token) {
    must(answer.status == 200 && (data[0] & 0x10U) == 0);
    must(!token->empty() && *token == wif::trim(body));
    return 0;
  }
  must_explain(token);
  if (answer.status == 200 && !wif::trim(body).starts_with('<')) must_hide_tokens(token.error());
  return 0;
}
