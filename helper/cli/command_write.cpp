// SPDX-License-Identifier: Apache-2.0
// wif write: the token in a file, once or for as long as the program runs.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.hpp"
#include "util/fd.hpp"
#include "util/secret.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_longest_backoff_s = 60;

struct Target {
  std::string path;
  std::string format = "raw";
  mode_t mode = 0600;
};

Result<mode_t> parse_mode(const std::string& text) {
  char* end = nullptr;
  const unsigned long mode = std::strtoul(text.c_str(), &end, 8);
  if (text.empty() || *end != '\0' || mode > 0777 || (mode & 0400U) == 0)
    return fail(Category::usage, "--mode " + text + ": not an octal file mode that its owner can read",
                "write it as 0600 or 0640");
  if ((mode & 0007U) != 0)
    return fail(Category::usage, "--mode " + text + " would let every user of this machine use the token",
                "give it to a group at most: 0640");
  return static_cast<mode_t>(mode);
}

std::string content(const Target& target, const Profile& profile, const Credential& credential) {
  const std::string& token = credential.access_token.reveal();
  if (target.format == "json") return get_json(profile, credential);
  if (target.format == "env") return "OPENAI_API_KEY=" + token + "\n";
  if (target.format == "header") return "Authorization: Bearer " + token + "\n";
  return token;  // raw: readers of token files take the whole file, so no line end
}

// Beside the target and renamed over it, so that a reader sees the old token or the new one, never half of one.
Status replace_file(const Target& target, std::string_view text) {
  std::string temporary = target.path + ".XXXXXX";
  const Fd fd(mkostemp(temporary.data(), O_CLOEXEC));  // 0600 from the first byte
  const auto failed = [&](int error) {
    if (fd) unlink(temporary.c_str());
    return fail(Category::configuration, "cannot write " + target.path + ": " + errno_text(error),
                "--output needs a folder that you may write to");
  };
  if (!fd) return failed(errno);
  if (const int error = write_all(fd.get(), text); error != 0) return failed(error);
  if (fchmod(fd.get(), target.mode) != 0 || fsync(fd.get()) != 0) return failed(errno);
  if (rename(temporary.c_str(), target.path.c_str()) != 0) return failed(errno);
  return {};
}

// One look-up and one file. Gives the time to come back, in Unix seconds; 0 if a refresh failed and is due still.
class Writer {
 public:
  Writer(const GlobalOptions& global, Target target) : m_global(global), m_target(std::move(target)) {}

  Result<std::int64_t> write_once(bool renew, bool watching) const {
    TRY_ASSIGN(SessionOptions options, m_global.session_options());
    options.renew = renew;
    options.refresh_inline = watching;
    // Configuration is read anew each time: a change takes effect without a restart.
    Catalogue catalogue(real_system());
    TRY_ASSIGN(const Config config, Config::load(real_system(), m_global.choice));
    TRY_ASSIGN(const Profile profile, config.profile(catalogue));
    EngineProcess engine(real_system());
    Session session(real_system(), engine, profile, options);
    auto credential = session.get();
    for (const auto& warning : session.warnings()) warn(warning);
    if (!credential) return tl::unexpected(std::move(credential.error()));
    if (m_target.format != "json") TRY(one_token(profile, *credential));
    std::string text = content(m_target, profile, *credential);
    const Status written = replace_file(m_target, text);
    wipe(text);
    if (!written) return tl::unexpected(written.error());
    if (!watching) session.refresh_behind();
    if (session.refresh_failed()) return 0;
    return session.refresh_at() != 0 ? session.refresh_at() : refresh_point(*credential, 0.5);
  }

 private:
  const GlobalOptions& m_global;
  Target m_target;
};

// Waits for a signal until `unix_time`. 0: time is up. Real time is looked at again at least once a minute, so that a
// suspended machine or a stepped clock is noticed.
int wait_for_signal(const sigset_t& signals, std::int64_t unix_time) {
  for (;;) {
    const std::int64_t left = unix_time - real_system().now().wall;
    if (left <= 0) return 0;
    const timespec pause{std::min<std::int64_t>(left, 60), 0};
    const int signal = sigtimedwait(&signals, nullptr, &pause);
    if (signal > 0) return signal;
  }
}

// Ends on SIGTERM or SIGINT only; a failure is reported and tried again, ever more slowly.
int watch(const Writer& writer) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  std::int64_t backoff = 1;
  bool renew = false;
  for (;;) {
    const auto due = writer.write_once(renew, true);
    const std::int64_t now = real_system().now().wall;
    std::int64_t next = now + backoff;
    if (!due) report(due.error());
    // A point in the past: the refresh failed, and the file holds what is still good.
    if (due && *due > now) {
      next = *due;
      backoff = 1;
    } else {
      backoff = std::min(backoff * 2, k_longest_backoff_s);
    }
    const int signal = wait_for_signal(signals, next);
    if (signal == SIGTERM || signal == SIGINT) return 0;
    // What SIGHUP asked for stays asked for until it is done.
    renew = signal == SIGHUP || (renew && (!due || *due == 0));
  }
}

}  // namespace

Result<int> run_write(const Invocation& invocation) {
  Arguments arguments("wif write --output FILE [OPTIONS]", "Writes the access token to a file, atomically.");
  arguments.examples(
      "  wif write --output /run/app/token --watch\n"
      "  wif write --output .env --format env\n");
  std::optional<std::string> output;
  std::optional<std::string> format;
  std::optional<std::string> mode;
  bool watching = false;
  arguments.option("-o,--output", "FILE", output, "the file to write");
  arguments.option("--format", "FORMAT", format, "raw, json, env or header (raw)");
  arguments.option("--mode", "MODE", mode, "the file's mode (0600)");
  arguments.flag("--watch", watching, "keep it fresh until ended; SIGHUP: renew");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  if (!output)
    return fail(Category::usage, "--output is missing", "usage: wif write --output FILE [--watch]");

  Target target{*output, format.value_or("raw"), 0600};
  if (target.format != "raw" && target.format != "json" && target.format != "env" &&
      target.format != "header")
    return fail(Category::usage, "--format " + target.format + ": not raw, json, env or header");
  if (mode) {
    TRY_ASSIGN(target.mode, parse_mode(*mode));
  }
  const Writer writer(global, target);
  if (watching) return watch(writer);
  TRY(writer.write_once(false, false));
  return 0;
}

}  // namespace wif
