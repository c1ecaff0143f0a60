// SPDX-License-Identifier: Apache-2.0
#include "core/integration.hpp"

namespace wif {
namespace {

class BareToken final : public Protocol {
 public:
  Result<ConsumerRequest> read(const System&, std::string_view) override { return ConsumerRequest{}; }
  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    return Reply{Secret(grant.credential.access_token.reveal() + "\n"), 0};
  }
};

}  // namespace

Status one_token(const Profile& profile, const Credential& credential) {
  if (!credential.is_aws()) return {};
  return fail(Category::usage,
              "the credential of profile '" + profile.name + "' is a pair of AWS keys, not one token",
              "`wif get` prints it as JSON, `wif exec` puts it into a command's environment");
}

Secret line_of(JsonWriter& writer) {
  std::string text = writer.take();
  append_wiping(text, "\n");
  return Secret(std::move(text));
}

std::string one_line(const Error& error) {
  return error.hint.empty() ? error.message : error.message + "; " + error.hint;
}

std::unique_ptr<Protocol> bare_token_protocol() { return std::make_unique<BareToken>(); }

}  // namespace wif
