// SPDX-License-Identifier: Apache-2.0
#include "core/credential.hpp"

#include "util/encode.hpp"

namespace wif {
namespace {

tl::unexpected<Error> damaged(const char* what) {
  return fail(Category::cache, std::string("a stored credential is damaged: ") + what);
}

std::string string_or_empty(JsonValue value) { return std::string(value.string().value_or("")); }

void write_secret(JsonWriter& writer, std::string_view name, const Secret& secret) {
  if (!secret.empty()) writer.member(name, secret.view());
}

}  // namespace

void write_credential(JsonWriter& writer, const Credential& credential) {
  if (credential.output) {
    writer.member("output", credential.output->text.view());
    writer.member("output_token_sha256", std::string_view(credential.output->token_hash));
  } else {
    writer.member("access_token", credential.access_token.view());
  }
  write_secret(writer, "access_key_id", credential.access_key_id);
  write_secret(writer, "secret_access_key", credential.secret_access_key);
  write_secret(writer, "refresh_token", credential.refresh_token);
  writer.member("token_type", std::string_view(credential.token_type));
  if (!credential.issued_token_type.empty())
    writer.member("issued_token_type", std::string_view(credential.issued_token_type));
  if (!credential.scope.empty()) writer.member("scope", std::string_view(credential.scope));
  writer.member("issued_at", credential.issued_at);
  writer.member("issued_boot", credential.issued_boot);
  writer.member("expires_at", credential.expires_at);
  writer.member("subject_sha256", std::string_view(credential.subject_hash));
}

Result<Credential> read_credential(JsonValue value) {
  Credential credential;
  if (const auto token = value["access_token"].string()) {
    if (!is_header_safe_token(*token)) return damaged("access_token");
    credential.access_token = Secret(*token);
  } else {
    const auto output = value["output"].string();
    if (!output || output->empty()) return damaged("access_token");
    credential.output = ProgramOutput{Secret(*output), string_or_empty(value["output_token_sha256"])};
  }
  credential.access_key_id = Secret(value["access_key_id"].string().value_or(""));
  credential.secret_access_key = Secret(value["secret_access_key"].string().value_or(""));
  if (credential.access_key_id.empty() != credential.secret_access_key.empty())
    return damaged("its AWS keys");
  credential.refresh_token = Secret(value["refresh_token"].string().value_or(""));
  credential.token_type = string_or_empty(value["token_type"]);
  if (credential.token_type.empty()) return damaged("token_type");
  const auto issued_at = value["issued_at"].integer();
  const auto issued_boot = value["issued_boot"].integer();
  const auto expires_at = value["expires_at"].integer();
  if (!issued_at || !issued_boot || !expires_at || *expires_at <= *issued_at) return damaged("its times");
  credential.issued_at = *issued_at;
  credential.issued_boot = *issued_boot;
  credential.expires_at = *expires_at;
  credential.issued_token_type = string_or_empty(value["issued_token_type"]);
  credential.scope = string_or_empty(value["scope"]);
  credential.subject_hash = string_or_empty(value["subject_sha256"]);
  return credential;
}

}  // namespace wif
