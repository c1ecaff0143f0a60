// SPDX-License-Identifier: Apache-2.0
// wif get, wif token
#include "cli/command.hpp"
#include "core/integration.hpp"
#include "util/secret.hpp"

namespace wif {
namespace {

Result<int> print_and_wipe(std::string text) {
  const Status printed = print(text);
  wipe(text);
  if (!printed) return tl::unexpected(printed.error());
  return 0;
}

}  // namespace

Result<int> run_get(const Invocation& invocation) {
  Arguments arguments("wif get [OPTIONS]", "Prints the credential as JSON, from the cache if it is good.");
  arguments.examples(
      "  wif get -p prod\n"
      "  wif get --wait 30s               at a pod's start, before its token is there\n"
      "  wif get --set exchange.service_account_id=sa_123 | jq -r .access_token\n");
  GlobalOptions global;
  global.describe_wait(arguments);
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  return with_credential(global, [](const Profile& profile, const Credential& credential) {
    return print_and_wipe(get_json(profile, credential));
  });
}

Result<int> run_token(const Invocation& invocation) {
  Arguments arguments("wif token [OPTIONS]", "Prints the bare access token and a line end.");
  arguments.examples("  wif token -p prod | systemd-creds encrypt - token.cred\n");
  GlobalOptions global;
  global.describe_wait(arguments);
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  return with_credential(global, [](const Profile& profile, const Credential& credential) -> Result<int> {
    TRY(one_token(profile, credential));
    return print_and_wipe(credential.access_token.reveal() + "\n");
  });
}

}  // namespace wif
