// SPDX-License-Identifier: Apache-2.0
// NAME=VALUE lines, as .env files, `docker run --env-file`, `node --env-file` and systemd's EnvironmentFile= have them, and as a shell
// sources them. Each of those quotes in its own way: nothing here needs quotes.
#include <array>

#include "core/integration.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_default_variable = "OPENAI_API_KEY";

void add_line(std::string& text, std::string_view name, const Secret& value) {
  append_wiping(text, name);
  append_wiping(text, "=");
  append_wiping(text, value.view());
  append_wiping(text, "\n");
}

// AWS's keys go where its tools look for them, as with `wif exec`.
Secret text_of(const Credential& credential, std::string_view variable) {
  std::string text;
  if (credential.is_aws()) {
    add_line(text, "AWS_ACCESS_KEY_ID", credential.access_key_id);
    add_line(text, "AWS_SECRET_ACCESS_KEY", credential.secret_access_key);
    add_line(text, "AWS_SESSION_TOKEN", credential.access_token);
  } else {
    add_line(text, variable, credential.access_token);
  }
  return Secret(std::move(text));
}

Result<Secret> render(const Grant& grant) { return text_of(grant.credential, k_default_variable); }

class Dotenv final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.option("--env", "NAME", m_variable, "the variable (OPENAI_API_KEY)");
  }

  Result<ConsumerRequest> read(const System&, std::string_view) override {
    if (is_variable_name(*m_variable)) return ConsumerRequest{};
    return fail(Category::usage, "--env " + printable(*m_variable, 40) + ": not a variable's name");
  }

  Result<Reply> answer(const Grant& grant) override {
    return Reply{text_of(grant.credential, *m_variable), 0};
  }

 private:
  std::optional<std::string> m_variable = std::string(k_default_variable);
};

constexpr std::array k_formats = {FileFormat{"dotenv", "NAME=VALUE lines", render}};

}  // namespace

extern constinit const Integration integration_dotenv;
constinit const Integration integration_dotenv = {
    .name = "dotenv",
    .program = nullptr,
    .usage = "wif dotenv [OPTIONS]",
    .summary = "print NAME=VALUE lines, for .env files",
    .examples =
        "  docker run --env-file <(wif dotenv) IMAGE\n"
        "  wif write --format dotenv --output .env --watch\n",
    .min_remaining = 120,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Dotenv>,
    .formats = k_formats,
};

}  // namespace wif
