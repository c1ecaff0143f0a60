// SPDX-License-Identifier: Apache-2.0
// Terraform and OpenTofu: a credentials helper, `terraform-credentials-wif [ARGS] get|store|forget HOST`.
//
// https://developer.hashicorp.com/terraform/internals/credentials-helpers
#include <array>

#include "core/integration.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

class Terraform final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.positional("VERB", m_verb, "get, store or forget");
    arguments.positional("HOST", m_host, "as in app.terraform.io or registry.example.com:8443");
  }

  // A token that is to be stored is read, so that Terraform doesn't write into a closed pipe, and dropped.
  RequestInput input() const override { return m_verb == "store" ? RequestInput::whole : RequestInput::none; }

  Result<ConsumerRequest> read(const System&, std::string_view) override {
    ConsumerRequest request;
    if (!m_verb || !m_host)
      return fail(Category::usage, "no verb and host",
                  "Terraform adds them: get, store or forget, and a host");
    if (m_verb == "store")
      return fail(Category::usage,
                  "nothing can be stored: wif gets tokens for " + printable(*m_host, 100) + " by itself",
                  "no `terraform login` is needed for a host of a profile's `hosts`");
    if (m_verb != "get" && m_verb != "forget")
      return fail(Category::usage, "\"" + printable(*m_verb, 40) + "\": not get, store or forget");
    if (m_verb == "forget") request.want = ConsumerRequest::Want::forget;
    TRY_ASSIGN(request.target, parse_target(*m_host));
    if (request.target->authority() != to_lower(*m_host) || request.target->scheme != "https")
      return fail(Category::usage, "\"" + printable(*m_host, 100) + "\" is more than a host",
                  "Terraform gives one as HOST or HOST:PORT");
    return request;
  }

  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    JsonWriter writer;
    writer.object().member("token", grant.credential.access_token.view()).end();
    return Reply{line_of(writer), 0};
  }

  // Terraform goes on without a token: public registries need none (terraform#26244).
  std::optional<Reply> not_mine() override { return Reply{Secret("{}\n"), 0}; }

 private:
  std::optional<std::string> m_verb;
  std::optional<std::string> m_host;
};

constexpr std::array k_files = {ConsumerFile{"TF_CLI_CONFIG_FILE", "~/.terraformrc"}};
// The second is OpenTofu's.
constexpr std::array<const char*, 4> k_plugin_folders = {
    "~/.terraform.d/plugins", "~/.local/share/opentofu/plugins", "~/.terraform.d/plugins/linux_amd64",
    "~/.terraform.d/plugins/linux_arm64"};

}  // namespace

extern constinit const Integration integration_terraform;
constinit const Integration integration_terraform = {
    .name = "terraform",
    .program = "terraform-credentials-wif",
    .usage = "wif terraform [OPTIONS] get|store|forget HOST",
    .summary = "answer Terraform and OpenTofu as their credentials helper",
    .examples =
        "  ln -s \"$(command -v terraform-credentials-wif)\" ~/.terraform.d/plugins/\n"
        "  wif terraform get registry.example.com\n",
    // It asks once, and goes on with that until it is done.
    .min_remaining = 600,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Terraform>,
    .formats = {},
    .files = k_files,
    .program_folders = k_plugin_folders,
};

}  // namespace wif
