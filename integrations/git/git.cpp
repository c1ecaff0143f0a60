// SPDX-License-Identifier: Apache-2.0
// git's credential helpers: `git credential-wif get|store|erase|capability`, attributes as KEY=VALUE lines on standard input, ended by
// an empty line or the end.
//
// https://git-scm.com/docs/git-credential#IOFMT
// https://git-scm.com/docs/gitcredentials#_custom_helpers
#include <algorithm>
#include <array>

#include "core/integration.hpp"
#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

// What servers that take a token for a password want to see beside it, where the request names nobody.
constexpr std::string_view k_default_user = "oauth2";
constexpr std::string_view k_schemes = "auto, basic or bearer";

struct Attributes {
  std::string protocol;
  std::string host;
  std::string url;
  std::string username;
  Secret password;                 // or `credential`: what erase says was refused
  bool takes_authtype = false;     // capability[]=authtype (git 2.46)
  bool sees_challenges = false;    // wwwauth[] (git 2.41)
  bool challenged_bearer = false;  // one of them is Bearer
};

void take(Attributes& out, std::string_view key, std::string_view value) {
  if (key == "protocol") out.protocol = to_lower(value);
  if (key == "host") out.host = value;
  if (key == "url") out.url = value;
  if (key == "username") out.username = value;
  if (key == "password" || key == "credential") out.password = Secret(value);
  if (key == "capability[]" && value == "authtype") out.takes_authtype = true;
  if (key == "wwwauth[]") {
    out.sees_challenges = true;
    out.challenged_bearer = out.challenged_bearer || starts_with_ignoring_case(value, "bearer");
  }
}

// Only LF ends a line, so a CR or NUL can only be there to pass for something else (CVE-2020-5260, CVE-2024-52006). Keys that
// aren't known belong to newer gits.
Result<Attributes> read_attributes(std::string_view input) {
  Attributes out;
  for (const std::string_view line : split(input, '\n')) {
    if (line.empty()) break;
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return fail(Category::usage, "git's request has a line that isn't KEY=VALUE",
                  "run it by git, or see gitcredentials(7)");
    if (line.find('\r') != std::string_view::npos || line.find('\0') != std::string_view::npos)
      return fail(
          Category::usage,
          "git's request has a control character in \"" + printable(line.substr(0, equals), 40) + "\"",
          "the URL that git was given is malformed, or somebody's attempt to have the token sent elsewhere");
    take(out, line.substr(0, equals), line.substr(equals + 1));
  }
  return out;
}

Result<Target> target_of(const Attributes& asked) {
  if (!asked.url.empty()) return parse_target(asked.url);
  if (asked.protocol.empty() || asked.host.empty())
    return fail(Category::usage, "git's request names no protocol and host",
                "run it by git, or see gitcredentials(7)");
  return parse_target(asked.protocol + "://" + asked.host);
}

class Git final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.positional("VERB", m_verb, "get, store, erase or capability");
    arguments.option("--username", "NAME", m_username, "beside the token, where git names nobody (oauth2)");
    arguments.option("--scheme", "SCHEME", m_scheme, "auto, basic or bearer (auto)");
  }

  RequestInput input() const override {
    return m_verb == "get" || m_verb == "erase" ? RequestInput::whole : RequestInput::none;
  }

  Result<ConsumerRequest> read(const System&, std::string_view input) override {
    ConsumerRequest request;
    request.want = ConsumerRequest::Want::nothing;
    if (!m_verb) return fail(Category::usage, "no verb", "git adds one: get, store, erase or capability");
    if (m_verb == "capability") request.reply.text = Secret("version 0\ncapability authtype\n");
    if (m_verb != "get" && m_verb != "erase") return request;  // a verb that isn't known is to be ignored
    TRY(check_scheme());
    TRY_ASSIGN(m_asked, read_attributes(input));
    if (m_verb == "erase") {
      if (m_asked.password.empty()) return request;
      request.want = ConsumerRequest::Want::forget;
      request.token_sha256 = sha256_hex(m_asked.password.view());
      return request;
    }
    request.want = ConsumerRequest::Want::credential;
    TRY_ASSIGN(request.target, target_of(m_asked));
    return request;
  }

  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    const std::string& token = grant.credential.access_token.reveal();
    std::string text;
    if (answers_bearer()) {
      text = "capability[]=authtype\nauthtype=Bearer\ncredential=" + token + "\nephemeral=1\n";
    } else {
      const std::string user =
          m_asked.username.empty() ? m_username.value_or(std::string(k_default_user)) : m_asked.username;
      text = "username=" + user + "\npassword=" + token + "\n";
    }
    append_wiping(text, "password_expiry_utc=" + std::to_string(grant.credential.expires_at) + "\n");
    return Reply{Secret(std::move(text)), 0};
  }

  // git asks the next helper, or the user.
  std::optional<Reply> not_mine() override { return Reply{}; }

 private:
  Status check_scheme() const {
    if (m_scheme == "auto" || m_scheme == "basic" || m_scheme == "bearer") return {};
    return fail(Category::usage, "--scheme " + printable(*m_scheme, 40) + ": not " + std::string(k_schemes));
  }

  // A server that says what it takes is believed: many that take a token take it as a password only.
  bool answers_bearer() const {
    if (!m_asked.takes_authtype || m_scheme == "basic") return false;
    return m_scheme == "bearer" || !m_asked.sees_challenges || m_asked.challenged_bearer;
  }

  std::optional<std::string> m_verb;
  std::optional<std::string> m_username;
  std::optional<std::string> m_scheme = "auto";
  Attributes m_asked;
};

constexpr std::array k_files = {ConsumerFile{"GIT_CONFIG_GLOBAL", "~/.gitconfig"},
                                ConsumerFile{nullptr, "~/.config/git/config"},
                                ConsumerFile{nullptr, "/etc/gitconfig"}};

}  // namespace

extern constinit const Integration integration_git;
constinit const Integration integration_git = {
    .name = "git",
    .program = "git-credential-wif",
    .usage = "wif git [OPTIONS] get|store|erase|capability",
    .summary = "answer git as its credential helper",
    .examples =
        "  git config --global credential.https://git.example.com.helper wif\n"
        "  printf 'protocol=https\\nhost=git.example.com\\n\\n' | wif git get\n",
    .min_remaining = 120,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Git>,
    .formats = {},
    .files = k_files,
};

}  // namespace wif
