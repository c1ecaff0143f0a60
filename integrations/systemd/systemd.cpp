// SPDX-License-Identifier: Apache-2.0
// systemd's LoadCredential=NAME:/path/to/socket: as a unit starts, systemd connects to the socket and reads to the end. It
// sends nothing: who asks is in the name that it connects from. We are one accepted connection's process (Accept=yes, or
// inetd), which is our standard input and output.
//
// https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#LoadCredential=ID:PATH
#include <cerrno>
#include <cstddef>
#include <string>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/integration.hpp"
#include "units.hpp"

namespace wif {
namespace {

constexpr const char* k_table = "/etc/wif/units";
// systemd has no word for a failure, and starts the unit with an empty credential; what is longer than this it refuses.
constexpr std::size_t k_credential_limit = std::size_t{1} << 20;
// A unit is given it once, at its start.
constexpr std::int64_t k_least_life = 1800;

tl::unexpected<Error> no_connection(const std::string& why) {
  return fail(Category::usage, "standard input is no connection of a Unix socket: " + why,
              "this is to be started by wif-credential.socket (Accept=yes), for LoadCredential= of a unit");
}

Result<std::string> peer_name() {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (getpeername(STDIN_FILENO, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return no_connection(errno_text(errno));
  if (address.sun_family != AF_UNIX) return no_connection("it is of another family");
  constexpr std::size_t k_before = offsetof(sockaddr_un, sun_path);
  return size > k_before ? std::string(address.sun_path, size - k_before) : std::string();
}

Result<uid_t> peer_user() {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return no_connection(errno_text(errno));
  return credentials.uid;
}

// Else the answer would go somewhere else than to who asked: to the journal, say.
Status check_output() {
  struct stat input {};
  struct stat output {};
  if (fstat(STDIN_FILENO, &input) == 0 && fstat(STDOUT_FILENO, &output) == 0 &&
      input.st_dev == output.st_dev && input.st_ino == output.st_ino)
    return {};
  return fail(Category::usage, "standard output is not the connection that standard input is",
              "StandardOutput=socket, as in wif-credential@.service");
}

class Systemd final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.option("--units", "FILE", m_table, "which unit gets which profile's (/etc/wif/units)");
    arguments.flag("--fail-start", m_fail_start, "on a failure send what systemd refuses: the unit fails");
  }

  Result<ConsumerRequest> read(const System& system, std::string_view) override {
    TRY_ASSIGN(const std::string name, peer_name());
    TRY(check_output());
    TRY_ASSIGN(const uid_t user, peer_user());
    if (!systemd::may_ask(user, system.user_id()))
      return fail(Category::usage,
                  "a process of user " + std::to_string(user) + " asked, which is not systemd",
                  "only root may connect: SocketMode=0600 in wif-credential.socket");
    TRY_ASSIGN(const systemd::Peer peer, systemd::parse_peer(name));
    const std::string path = m_table.value_or(k_table);
    const auto table = system.read(path);
    if (!table)
      return fail(Category::configuration, "cannot read " + path + ": " + errno_text(errno),
                  "it says which unit gets which profile's token: UNIT CREDENTIAL PROFILE, a line each");
    ConsumerRequest request;
    TRY_ASSIGN(request.profile, systemd::profile_of(*table, path, peer));
    return request;
  }

  // Without a line end: the credential is the whole file.
  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    return Reply{grant.credential.access_token.clone(), 0};
  }

  Reply failure(const Error& error) override {
    Reply reply{Secret(), static_cast<int>(error.category)};
    if (m_fail_start && check_output()) reply.text = Secret(std::string(k_credential_limit + 1, '\0'));
    return reply;
  }

 private:
  std::optional<std::string> m_table;
  bool m_fail_start = false;
};

}  // namespace

extern constinit const Integration integration_systemd;
constinit const Integration integration_systemd = {
    .name = "systemd",
    .program = nullptr,
    .usage = "wif systemd [OPTIONS]",
    .summary = "answer LoadCredential= of systemd's units (by a socket)",
    .examples =
        "  systemctl enable --now wif-credential.socket\n"
        "  systemd-run -p LoadCredential=openai:/run/wif/credential.sock ...\n",
    .min_remaining = k_least_life,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Systemd>,
    .formats = {},
};

}  // namespace wif
