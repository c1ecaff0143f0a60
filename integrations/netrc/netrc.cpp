// SPDX-License-Identifier: Apache-2.0
// .netrc, which curl, pip, uv, git, Go and others read: a line for each host, the token as its password.
//
// https://everything.curl.dev/usingcurl/netrc.html
#include <algorithm>
#include <array>

#include "core/integration.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_default_login = "oauth2";

// One word of a .netrc, which readers quote and escape each in their own way.
bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\' && c != '#';
  });
}

// The hosts that the profile serves by name: a .netrc knows no patterns, and no ports.
std::vector<std::string> machines_of(const Profile& profile) {
  std::vector<std::string> machines;
  for (std::string_view pattern : split(profile.get("hosts"), '\n')) {
    if (pattern.ends_with(":*")) pattern.remove_suffix(2);
    const auto target = parse_target(pattern);
    if (!target || target->host.starts_with("*.")) continue;
    if (std::find(machines.begin(), machines.end(), target->host) == machines.end())
      machines.push_back(target->host);
  }
  return machines;
}

Result<Secret> text_of(const Grant& grant, const std::vector<std::string>& machines, std::string_view login) {
  TRY(one_token(grant.profile, grant.credential));
  if (machines.empty())
    return fail(Category::configuration,
                "profile '" + grant.profile.name + "' serves no host by name, and a .netrc needs some",
                "name them in its `hosts`, without a '*'");
  std::string text;
  for (const auto& machine : machines) {
    append_wiping(text, "machine " + machine + " login " + std::string(login) + " password ");
    append_wiping(text, grant.credential.access_token.view());
    append_wiping(text, "\n");
  }
  return Secret(std::move(text));
}

Result<Secret> render(const Grant& grant) {
  return text_of(grant, machines_of(grant.profile), k_default_login);
}

class Netrc final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.option("--machine", "HOST", m_machine,
                     "that one, of those that a profile serves (all by name)");
    arguments.option("--login", "NAME", m_login, "beside the token (oauth2)");
  }

  Result<ConsumerRequest> read(const System&, std::string_view) override {
    if (!is_word(*m_login))
      return fail(Category::usage, "--login " + printable(*m_login, 40) + ": not one word");
    ConsumerRequest request;
    if (m_machine) {
      TRY_ASSIGN(request.target, parse_target(*m_machine));
      m_host = request.target->host;
    }
    return request;
  }

  Result<Reply> answer(const Grant& grant) override {
    const auto machines = m_machine ? std::vector<std::string>{m_host} : machines_of(grant.profile);
    TRY_ASSIGN(Secret text, text_of(grant, machines, *m_login));
    return Reply{std::move(text), 0};
  }

 private:
  std::optional<std::string> m_machine;
  std::optional<std::string> m_login = std::string(k_default_login);
  std::string m_host;
};

constexpr std::array k_formats = {FileFormat{"netrc", "a .netrc for the hosts of the profile", render}};

}  // namespace

extern constinit const Integration integration_netrc;
constinit const Integration integration_netrc = {
    .name = "netrc",
    .program = nullptr,
    .usage = "wif netrc [OPTIONS]",
    .summary = "print a .netrc for the hosts of a profile",
    .examples =
        "  curl --netrc-file <(wif netrc) https://packages.example.com/\n"
        "  wif write --format netrc --output ~/.netrc --watch\n",
    .min_remaining = 120,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Netrc>,
    .formats = k_formats,
};

}  // namespace wif
