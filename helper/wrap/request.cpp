// SPDX-License-Identifier: Apache-2.0
#include "wrap/request.hpp"

#include "util/encode.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif::wrap {
namespace {

// erase has the server's URL on standard input, as get has; store has it in JSON.
Secret server_of(const Command& command) {
  const auto json = Json::parse(command.input.reveal());
  return Secret(json ? (*json)["ServerURL"].string().value_or("") : command.input.view());
}

}  // namespace

bool is_other_request(const Command& command) {
  const std::string_view verb = command.args.back();
  if (command.format == "git") return verb == "store" || verb == "erase" || verb == "capability";
  if (command.format == "docker")
    return verb == "store" || verb == "erase" || verb == "list" || verb == "version";
  return false;
}

std::optional<std::string> refused_token_hash(const Command& command) {
  if (command.format != "git" || command.args.back() != "erase") return {};
  for (const std::string_view line : split(command.input.view(), '\n'))
    for (const std::string_view key : {"password=", "credential="})
      if (line.starts_with(key)) return sha256_hex(line.substr(key.size()));
  return {};
}

std::optional<Command> outdated_get(const Command& command) {
  const std::string_view verb = command.args.back();
  if (command.format != "docker" || !command.has_input || (verb != "store" && verb != "erase")) return {};
  Command get = {command.path,       command.args,   command.variables, true,
                 server_of(command), command.format, command.ttl};
  get.args.back() = "get";
  return get;
}

}  // namespace wif::wrap
