// SPDX-License-Identifier: Apache-2.0
// curl: a configuration file for -K, or a header line for -H @FILE, so that no token stands in an argument list.
//
// https://curl.se/docs/manpage.html#-K
#include <array>

#include "core/integration.hpp"

namespace wif {
namespace {

// Without a token curl would send its request all the same: this way it sends none.
constexpr const char* k_send_nothing = "proto = \"-all\"\n";

// A token is safe in a header, so it holds nothing that would have to be quoted.
std::string header(const Credential& credential) {
  return "Authorization: Bearer " + credential.access_token.reveal();
}

Result<Secret> render(const Grant& grant) {
  TRY(one_token(grant.profile, grant.credential));
  const Secret line(header(grant.credential));
  return Secret("header = \"" + line.reveal() + "\"\n");
}

class Curl final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.flag("--header", m_header, "print the header alone, for -H @FILE");
  }

  Result<ConsumerRequest> read(const System&, std::string_view) override { return ConsumerRequest{}; }

  Result<Reply> answer(const Grant& grant) override {
    TRY_ASSIGN(Secret text, render(grant));
    if (m_header) text = Secret(header(grant.credential) + "\n");
    return Reply{std::move(text), 0};
  }

  Reply failure(const Error& error) override {
    return Reply{Secret(m_header ? "" : k_send_nothing), static_cast<int>(error.category)};
  }

 private:
  bool m_header = false;
};

constexpr std::array k_formats = {FileFormat{"curl", "a file for curl -K", render}};

}  // namespace

extern constinit const Integration integration_curl;
constinit const Integration integration_curl = {
    .name = "curl",
    .program = nullptr,
    .usage = "wif curl [OPTIONS]",
    .summary = "print a configuration file for curl -K",
    .examples =
        "  curl -K <(wif curl) https://api.openai.com/v1/models\n"
        "  wif curl | curl -K - https://api.openai.com/v1/models\n"
        "  curl -H @<(wif curl --header) https://api.openai.com/v1/models\n",
    .min_remaining = 60,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Curl>,
    .formats = k_formats,
};

}  // namespace wif
