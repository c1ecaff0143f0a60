// SPDX-License-Identifier: Apache-2.0
// docker's credential helpers, which podman, skopeo, buildah and crane run as well: `docker-credential-wif get|store|erase|list`,
// a server on standard input, JSON on standard output; a failure's words go to standard output too.
//
// https://github.com/docker/docker-credential-helpers#development
#include <array>

#include "core/integration.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

// Registries that take a token for a password mostly look at no name beside it.
constexpr std::string_view k_default_user = "oauth2";
// The two texts that clients compare with.
constexpr const char* k_not_found = "credentials not found in native keychain\n";
constexpr std::string_view k_no_server = "no credentials server URL";
constexpr int k_failed = 1;  // whatever it was

class Docker final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.positional("VERB", m_verb, "get, store, erase, list or version");
    arguments.option("--username", "NAME", m_username,
                     "beside the token (oauth2); <token>: it is an identity token");
  }

  RequestInput input() const override {
    return m_verb == "get" || m_verb == "erase" || m_verb == "store" ? RequestInput::whole
                                                                     : RequestInput::none;
  }

  Result<ConsumerRequest> read(const System&, std::string_view input) override {
    ConsumerRequest request;
    request.want = ConsumerRequest::Want::nothing;
    if (m_verb == "list") {
      request.reply.text = Secret("{}\n");  // what is stored: nothing is
      return request;
    }
    if (m_verb == "version") {
      request.reply.text = Secret("docker-credential-wif (wif) " WIF_VERSION "\n");
      return request;
    }
    if (m_verb == "store")
      return fail(Category::usage, "no password is stored here: a token is got whenever one is wanted",
                  "no login is needed; to use a password, take the server out of \"credHelpers\"");
    if (m_verb != "get" && m_verb != "erase")
      return fail(Category::usage, "unknown verb \"" + printable(m_verb.value_or(""), 40) + "\"",
                  "docker adds one: get, store, erase or list");
    if (m_username && m_username->empty()) return fail(Category::usage, "--username: empty");
    m_server = trim(input);
    if (m_server.empty()) return fail(Category::usage, std::string(k_no_server));
    request.want = m_verb == "get" ? ConsumerRequest::Want::credential : ConsumerRequest::Want::forget;
    TRY_ASSIGN(request.target, parse_target(m_server));
    return request;
  }

  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    JsonWriter writer;
    writer.object().member("ServerURL", std::string_view(m_server));
    writer.member("Username", m_username ? std::string_view(*m_username) : k_default_user);
    writer.member("Secret", grant.credential.access_token.view()).end();
    return Reply{line_of(writer), 0};
  }

  Reply failure(const Error& error) override { return Reply{Secret(one_line(error) + "\n"), k_failed}; }

  std::optional<Reply> not_mine() override { return Reply{Secret(k_not_found), k_failed}; }

 private:
  std::optional<std::string> m_verb;
  std::optional<std::string> m_username;
  std::string m_server;
};

constexpr std::array k_files = {ConsumerFile{"DOCKER_CONFIG", "~/.docker/config.json"},
                                ConsumerFile{"REGISTRY_AUTH_FILE", "~/.config/containers/auth.json"}};

}  // namespace

extern constinit const Integration integration_docker;
constinit const Integration integration_docker = {
    .name = "docker",
    .program = "docker-credential-wif",
    .usage = "wif docker [OPTIONS] get|store|erase|list|version",
    .summary = "answer docker, podman and skopeo as their credential helper",
    .examples =
        "  {\"credHelpers\": {\"registry.example.com\": \"wif\"}}     in ~/.docker/config.json\n"
        "  printf registry.example.com | wif docker get\n",
    .min_remaining = 120,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Docker>,
    .formats = {},
    .files = k_files,
    .host_before_program = true,
};

}  // namespace wif
