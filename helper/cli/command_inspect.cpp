// SPDX-License-Identifier: Apache-2.0
// wif inspect, wif subject: the subject token of any provider, decoded or raw. Neither touches exchange or cache.
#include <unistd.h>

#include "cli/command.hpp"
#include "cli/token_report.hpp"
#include "util/encode.hpp"
#include "util/fd.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest_token = 1 << 20;

struct Fetched {
  Secret token;
  TokenReport report;
  std::optional<Error> refusal;  // why `wif get` would not send it
};

Result<Fetched> fetch(GlobalOptions global) {
  global.choice.subject_only = true;
  TRY_ASSIGN(const SessionOptions options, global.session_options());
  TRY_ASSIGN(const Profile profile, load_profile(global));
  EngineProcess engine(real_system());
  TRY_ASSIGN(const EngineRequest request, subject_request(real_system(), profile, options));
  EngineAnswer answer = engine.run(request, -1);
  if (!answer.subject) return tl::unexpected(std::move(answer.outcome.error().error));
  Fetched fetched;
  fetched.token = std::move(answer.subject->token);
  fetched.report.provider = profile.links.empty() ? std::string(profile.provider.name)
                                                  : "profile " + profile.links.front().profile->name;
  fetched.report.why = profile.provider_why;
  fetched.report.token_type = answer.subject->token_type;
  if (!answer.outcome && !answer.outcome.error().error.message.empty()) {
    fetched.refusal = std::move(answer.outcome.error().error);
    fetched.report.refusal = fetched.refusal->message;
  }
  return fetched;
}

// A token that somebody has in hand: from a file, or - for standard input.
Result<Fetched> read_given(const std::string& path) {
  auto text = path == "-" ? read_all(STDIN_FILENO, k_longest_token, "standard input")
                          : read_file(path, k_longest_token, Category::usage);
  if (!text) {
    text.error().category = Category::usage;
    return tl::unexpected(std::move(text.error()));
  }
  Fetched fetched;
  fetched.token = Secret(trim(*text));
  wipe(*text);
  return fetched;
}

// A token that would not be sent is shown all the same; its refusal is the command's error.
Result<int> show(Fetched fetched, bool json) {
  const auto jwt = decode_jwt(fetched.token.view());
  if (!jwt && fetched.refusal) return tl::unexpected(std::move(*fetched.refusal));
  if (!jwt)
    return fail(jwt.error().category, "the subject token can't be shown: it is " + jwt.error().message,
                "`wif subject` prints it raw, to a file or a pipe");
  fetched.report.sha256 = sha256_hex(fetched.token.view());
  fetched.report.now = real_system().now().wall;
  TRY(print(json ? report_json(fetched.report, *jwt) : report_text(fetched.report, *jwt)));
  if (fetched.refusal) return tl::unexpected(std::move(*fetched.refusal));
  return 0;
}

}  // namespace

Result<int> run_inspect(const Invocation& invocation) {
  Arguments arguments("wif inspect [FILE] [OPTIONS]",
                      "Shows the subject token: header, claims and times. No exchange, no cache. A\n"
                      "token that would not be sent (expired, say) is shown too, with its error.");
  arguments.examples(
      "  wif inspect                      what would be sent to OpenAI\n"
      "  wif inspect --set subject.provider=google --json\n"
      "  wif inspect - < token            a token that you have\n");
  std::optional<std::string> file;
  bool json = false;
  arguments.positional("FILE", file, "a file with a token, or - for standard input");
  arguments.flag("--json", json, "print JSON");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  TRY_ASSIGN(Fetched fetched, file ? read_given(*file) : fetch(global));
  return show(std::move(fetched), json);
}

Result<int> run_subject(const Invocation& invocation) {
  Arguments arguments("wif subject [OPTIONS]",
                      "Prints the raw subject token. Not to a terminal unless told to.");
  arguments.examples("  wif subject | wif inspect -\n");
  bool show_token = false;
  arguments.flag("--show-token", show_token, "print it to a terminal too");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  if (!show_token && isatty(STDOUT_FILENO) != 0)
    return fail(Category::usage, "the subject token would be shown on this terminal",
                "`wif inspect` shows what it says; --show-token prints it all the same");
  TRY_ASSIGN(const Fetched fetched, fetch(global));
  if (fetched.refusal) return tl::unexpected(*fetched.refusal);
  std::string text = fetched.token.reveal() + "\n";
  const Status printed = print(text);
  wipe(text);
  if (!printed) return tl::unexpected(printed.error());
  return 0;
}

}  // namespace wif
