// SPDX-License-Identifier: Apache-2.0
// What AWS STS and the places that hand out credentials may answer, and AWS's shared files: the first byte chooses which.
#include "aws/sts.hpp"

#include "fuzz/must.hpp"
#include "unit/fake_host.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wif::fuzz;
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  wif::FakeCall call;
  const wif::kit::Host host(&wif::FakeCall::host(), call.handle());
  switch (data[0] % 5) {
    case 0: {
      const auto token = wif::aws::read_token(text.data(), text.size());
      must_explain(token);
      must(!token || !token->token.empty());
      break;
    }
    case 1: {
      const auto credentials = wif::aws::read_credentials(text.data(), text.size(), "source");
      must_explain(credentials);
      must(!credentials || !credentials->secret_access_key.empty());
      break;
    }
    case 2:
      must_explain(wif::aws::read_error(403, text.data(), text.size(), "Action", "source"));
      break;
    case 3:
      must_explain(wif::aws::read_json_credentials(host, text, "source"));
      break;
    default:
      for (const auto& [key, value] : wif::aws::read_section(text, "default", true))
        must(key.find('\n') == key.npos && value.find('\n') == value.npos);
  }
  return 0;
}
