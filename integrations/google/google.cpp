// SPDX-License-Identifier: Apache-2.0
// Google's libraries: an executable-sourced external account. They exchange for themselves at Google's STS, so what they get is the
// subject token. The request is in the environment.
//
// https://google.aip.dev/auth/4117, "Determining the subject token in executable-sourced credentials"
#include <algorithm>
#include <array>

#include "core/integration.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_jwt = "urn:ietf:params:oauth:token-type:jwt";
constexpr std::string_view k_id_token = "urn:ietf:params:oauth:token-type:id_token";

std::string variable(const System& system, const char* name) {
  return system.variable((std::string("GOOGLE_EXTERNAL_ACCOUNT_") + name).c_str()).value_or("");
}

class Google final : public Protocol {
 public:
  Result<ConsumerRequest> read(const System& system, std::string_view) override {
    ConsumerRequest request;
    request.want = ConsumerRequest::Want::subject;
    m_file = system.trusted_variable("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE").value_or("");
    m_interactive = variable(system, "INTERACTIVE") == "1";
    if (variable(system, "REVOKE") == "1")
      return fail(Category::usage, "there is nothing to revoke: the subject token is its issuer's",
                  "`wif cache clear` forgets it");
    TRY(read_token_type(variable(system, "TOKEN_TYPE")));
    TRY(read_audience(variable(system, "AUDIENCE"), request));
    return request;
  }

  // expiration_time is asked for where a file keeps it. Nobody reads standard output of an interactive run but the user, who
  // isn't to see a token.
  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    JsonWriter writer;
    writer.object().member("version", 1).member("success", true);
    writer.member("token_type", m_token_type);
    writer.member("expiration_time", grant.credential.expires_at);
    writer.member("id_token", grant.credential.access_token.view());
    writer.end();
    Reply reply{line_of(writer), 0};
    if (m_file.empty()) return reply;
    reply.file = m_file;
    reply.file_text = m_interactive ? std::move(reply.text) : reply.text.clone();
    return reply;
  }

  // Not into the file: there it would be found in place of another try (google-auth-library-php#525).
  Reply failure(const Error& error) override {
    JsonWriter writer;
    writer.object().member("version", 1).member("success", false);
    writer.member("code", to_string(error.category));
    const std::string message = error.hint.empty() ? error.message : error.message + " (" + error.hint + ")";
    writer.member("message", std::string_view(message));
    writer.end();
    return Reply{line_of(writer), static_cast<int>(error.category)};
  }

 private:
  Status read_token_type(const std::string& type) {
    if (type == k_id_token) m_token_type = k_id_token;
    if (type.empty() || type == k_jwt || type == k_id_token) return {};
    return fail(Category::usage, "the library wants a token of type \"" + printable(type, 80) + "\"",
                "set subject_token_type in its credential configuration to " + std::string(k_jwt));
  }

  // Google wants a provider's tokens to be for it, by its name as a URL, where nobody has set another audience there.
  static Status read_audience(const std::string& name, ConsumerRequest& request) {
    if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
      return fail(Category::usage,
                  "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE has a space or a control character in it",
                  "mend `audience` in the credential configuration");
    if (name.starts_with("//")) request.settings.push_back("subject.audience=https:" + name);
    return {};
  }

  std::string m_file;
  bool m_interactive = false;
  std::string_view m_token_type = k_jwt;
};

constexpr std::array k_files = {
    ConsumerFile{"GOOGLE_APPLICATION_CREDENTIALS", "~/.config/gcloud/application_default_credentials.json"}};

}  // namespace

extern constinit const Integration integration_google;
constinit const Integration integration_google = {
    .name = "google",
    .program = nullptr,
    .usage = "wif google [OPTIONS]",
    .summary = "answer Google's libraries (executable-sourced external account)",
    .examples =
        "  export GOOGLE_APPLICATION_CREDENTIALS=/etc/wif/google.json GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1\n"
        "  # in it: \"credential_source\": {\"executable\": {\"command\": \"wif google\", ...}}\n",
    .min_remaining = 120,
    .repeats_after_rejection = true,
    .protocol = make_protocol<Google>,
    .formats = {},
    .files = k_files,
    .reads_standard_error = true,
};

}  // namespace wif
