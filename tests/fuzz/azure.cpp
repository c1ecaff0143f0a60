// SPDX-License-Identifier: Apache-2.0
// What Azure's three services may answer, and the header of Arc's challenge: the first byte chooses which.
#include "azure/azure.hpp"

#include <array>

#include "fuzz/must.hpp"

namespace {

using namespace wif::fuzz;
using namespace wif::azure;

constexpr std::int64_t k_now = 1'800'000'000;
constexpr std::string_view k_secret = "the-identity-header-of-the-fuzzer";
constexpr std::array k_names = {"", "client_id", "object_id", "msi_res_id"};

void read_token(Kind kind, const wif::kit::Response& response, const Question& question) {
  const auto answer = read_answer(kind, response, k_now);
  if (!answer) return must_explain(answer);
  must(!answer->token.empty() && answer->expires_at >= 0);
  if (const auto other = other_identity(kind, answer->json, question.identity)) must_explain(*other);
  if (const auto warning = other_audience(answer->token, question.audience)) must_be_one_line(*warning);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::array k_status = {400, 401, 403, 404, 410, 429, 500, 302};
  constexpr std::array k_kinds = {Kind::imds, Kind::app_service, Kind::arc};
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned choice = data[0];
  const Kind kind = k_kinds[choice / 8 % k_kinds.size()];
  const Question question{"api://openai", {k_names[choice / 32 % k_names.size()], "machine"}};
  const wif_http_header type = {"Content-Type", "application/json"};
  switch (choice % 3) {
    case 0:
      read_token(kind, {200, &type, 1, text}, question);
      break;
    case 1: {
      const std::int32_t status = k_status[choice / 3 % k_status.size()];
      const auto failure = refusal(kind, question, {status, &type, 1, text}, k_secret);
      must_explain(failure);
      must((failure.message + failure.hint).find(k_secret) == std::string::npos);
      break;
    }
    default: {
      const auto path = challenged_file(text, "/var/opt/azcmagent/tokens");
      must_explain(path);
      // Right in the folder.
      must(!path || (path->starts_with("/var/opt/azcmagent/tokens/") && path->ends_with(".key") &&
                     path->rfind('/') == 25 && path->find('\0') == path->npos));
    }
  }
  return 0;
}
