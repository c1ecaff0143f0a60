// SPDX-License-Identifier: Apache-2.0
#include "wrap/helper.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/lock.hpp"
#include "core/outcome.hpp"
#include "core/store.hpp"
#include "util/encode.hpp"
#include "util/fd.hpp"
#include "util/text.hpp"
#include "wrap/shape.hpp"

namespace wif::wrap {
namespace {

constexpr std::size_t k_output_limit = std::size_t{1} << 20;
constexpr std::size_t k_errors_shown = 300;
constexpr std::size_t k_shortest_hidden = 8;  // a shorter value isn't a secret, but part of many a word
constexpr std::size_t k_longest_form = 4096;  // of a failure that is remembered
constexpr int k_signalled = 128;              // and the signal: a shell's exit status
constexpr std::string_view k_status = "exit_status=";

tl::unexpected<EngineError> failed(Category category, std::string message, std::string cause = {}) {
  EngineError failure;
  failure.error = Error{category, std::move(message), {}, std::move(cause)};
  return tl::unexpected(std::move(failure));
}

tl::unexpected<EngineError> unstarted(const Command& command, int error) {
  std::string message = "cannot run " + printable(command.path, 200) + ": " + errno_text(error);
  if (error == ENOEXEC) message += " (a script needs a first line such as #!/bin/sh)";
  return failed(Category::configuration, std::move(message),
                write_own_failure({error == ENOENT ? 127 : 126, {}}));
}

// However it ended, if that wasn't well.
tl::unexpected<EngineError> ended_badly(const Command& command, const Ended& ended, std::string_view output) {
  const std::string name = command.name();
  switch (ended.how) {
    case Ended::How::unstarted:
      return unstarted(command, ended.code);
    case Ended::How::overdue:
      return failed(Category::unreachable,
                    name + " did not finish within the time allowed (--timeout) and was killed");
    case Ended::How::too_long:
      return failed(Category::unreachable, name + " printed more than 1 MiB and was killed");
    case Ended::How::stopped:
      return failed(Category::unreachable, name + " was killed, since wif was told to end");
    case Ended::How::signalled:
      return failed(
          Category::refused,
          name + " was ended by signal " + std::to_string(ended.code) + " (" + strsignal(ended.code) + ")",
          write_own_failure({k_signalled + ended.code, {}}));
    case Ended::How::exited:
      break;
  }
  const bool has_form = is_failure_form(output, command.format);
  return failed(Category::refused, name + " ended with exit status " + std::to_string(ended.code),
                write_own_failure({ended.code, std::string(has_form ? output : "")}));
}

// Another form than before is a helper that broke or was replaced. What its answer is worth can't be told from here.
std::string changed(const Command& command, std::string_view shape, std::string_view former) {
  return command.name() + " printed an answer of the form " + std::string(shape) + " where it was " +
         std::string(former) + " before: if that is meant, name it with --format";
}

std::optional<std::int64_t> expiry_of(const Answer& answer, const Command& command, const Now& now) {
  if (answer.expires_at || command.ttl == 0) return answer.expires_at;
  return now.wall + command.ttl;
}

// The values that a line of its standard input or its named variables have.
std::vector<Secret> hidden_values(const Command& command, const System& system) {
  std::vector<Secret> values;
  const auto hide = [&values](std::string_view value) {
    if (value.size() >= k_shortest_hidden) values.emplace_back(value);
  };
  for (const auto& name : command.variables) {
    auto value = system.variable(name.c_str());
    if (!value) continue;
    hide(*value);
    wipe(*value);
  }
  for (const std::string_view line : split(command.input.view(), '\n')) {
    hide(trim(line));
    if (const std::size_t equals = line.find('='); equals != std::string_view::npos)
      hide(trim(line.substr(equals + 1)));
  }
  return values;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

// While it lives, the signals that end a program become a descriptor that is readable; after that they take effect.
class EndingSignals {
 public:
  EndingSignals() {
    sigset_t ending;
    sigemptyset(&ending);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      struct sigaction action {};
      // One that is ignored would be readable too.
      if (sigaction(number, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
        sigaddset(&ending, number);
    }
    sigprocmask(SIG_BLOCK, &ending, &m_former);
    m_readable = Fd(signalfd(-1, &ending, SFD_CLOEXEC));
    m_pipe = signal(SIGPIPE, SIG_IGN);
  }
  ~EndingSignals() {
    signal(SIGPIPE, m_pipe);
    sigprocmask(SIG_SETMASK, &m_former, nullptr);
  }
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;
  int readable() const { return m_readable.get(); }

 private:
  sigset_t m_former{};
  Fd m_readable;
  void (*m_pipe)(int) = SIG_DFL;
};

// Memory that is wiped, and that costs no more than what is used of it.
class Output {
 public:
  Output() : m_memory(new char[k_output_limit]) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { explicit_bzero(m_memory.get(), m_used); }
  char* memory() { return m_memory.get(); }
  std::string_view used(std::size_t size) {
    m_used = size;
    return {m_memory.get(), size};
  }

 private:
  std::unique_ptr<char[]> m_memory;
  std::size_t m_used = k_output_limit;
};

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** each = environ; *each != nullptr; ++each) all.emplace_back(*each);
  return all;
}

// What of a failure may lie on disk: no form that looks like it holds a token, or is no text.
EngineError to_remember(EngineError failure, const std::string& excerpt) {
  if (!excerpt.empty()) failure.error.message += ": " + excerpt;
  if (auto own = read_own_failure(failure.error.cause)) {
    const bool plain =
        own->form.size() <= k_longest_form && is_utf8(own->form) && redact(own->form) == own->form;
    if (!plain) own->form.clear();
    failure.error.cause = write_own_failure(*own);
  }
  return failure;
}

// Into a session of its own, with no descriptor but the lock.
void leave(int lock) {
  setsid();
  const int null = fcntl(open_nowhere().get(), F_DUPFD_CLOEXEC, 10);
  const int high_lock = fcntl(lock, F_DUPFD_CLOEXEC, 10);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, standard);
  dup2(high_lock, STDERR_FILENO + 1);
  closefrom(STDERR_FILENO + 2);
}

}  // namespace

std::string write_own_failure(const OwnFailure& failure) {
  std::string cause = std::string(k_status) + std::to_string(failure.exit_status);
  return failure.form.empty() ? cause : cause + "\n" + failure.form;
}

std::optional<OwnFailure> read_own_failure(std::string_view cause) {
  if (!cause.starts_with(k_status)) return {};
  cause.remove_prefix(k_status.size());
  OwnFailure failure;
  const auto [end, error] = std::from_chars(cause.data(), cause.data() + cause.size(), failure.exit_status);
  if (error != std::errc()) return {};
  cause.remove_prefix(static_cast<std::size_t>(end - cause.data()));
  if (cause.starts_with('\n')) failure.form = cause.substr(1);
  return failure;
}

tl::expected<Heard, EngineError> judge(const Command& command, const Ended& ended, std::string_view output,
                                       std::string_view former_shape, const Now& now) {
  if (ended.how != Ended::How::exited || ended.code != 0) return ended_badly(command, ended, output);
  auto answer = read_answer(output, command.format);
  if (!answer) return failed(answer.error().category, command.name() + " " + answer.error().message);
  if (answer->kind == Answer::Kind::refusal)
    return failed(Category::refused, command.name() + " said no, and ended with exit status 0",
                  write_own_failure({0, std::string(output)}));
  Heard heard;
  heard.credential.output = ProgramOutput{Secret(output), {}};
  heard.credential.token_type = answer->shape;
  heard.credential.issued_at = now.wall;
  heard.credential.issued_boot = now.boot();
  if (answer->kind == Answer::Kind::nothing) return heard;
  if (command.format.empty() && !former_shape.empty() && former_shape != answer->shape)
    return failed(Category::unreachable, changed(command, answer->shape, former_shape));
  const auto expires_at = expiry_of(*answer, command, now);
  if (expires_at && *expires_at <= now.wall)
    return failed(Category::unreachable, command.name() + " printed an answer that expired " +
                                             duration_words(now.wall - *expires_at) + " ago");
  heard.kept = expires_at.has_value();
  heard.credential.expires_at = expires_at.value_or(now.wall);
  heard.credential.output->token_hash = sha256_hex(answer->token.view());
  return heard;
}

std::string excerpt_of(const Ended& ended, const Command& command, const System& system) {
  std::string raw(trim(ended.errors.view()));
  for (const Secret& value : hidden_values(command, system)) replace_all(raw, value.view(), "[redacted]");
  std::string text = redact(raw);
  wipe(raw);
  if (!is_utf8(text))
    for (char& c : text)
      if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  // The last words are those that tell, and begin with a whole one.
  if (text.size() > k_errors_shown) {
    text.erase(0, text.size() - k_errors_shown);
    text.erase(0, text.find_first_of(" \t\r\n"));
  }
  return printable(text, k_errors_shown);
}

EngineAnswer Helper::ask(const EngineRequest& request, int errors_to, int stop) const {
  Output output;
  const Program program{m_command.path,         m_command.args, own_environment(),
                        m_command.input.view(), errors_to,      stop};
  const Ended ended =
      run_program(program, request.deadline_ms - monotonic_ms(), output.memory(), k_output_limit);
  auto heard = judge(m_command, ended, output.used(ended.size), former_shape(request), m_system.now());
  EngineAnswer answer;
  if (!heard) {
    store_failure(m_system, request, to_remember(heard.error(), excerpt_of(ended, m_command, m_system)));
    answer.outcome = tl::unexpected(std::move(heard.error()));
    return answer;
  }
  if (heard->kept) {
    answer.warning = store_credential(m_system, request, heard->credential);
    if (!answer.warning.empty()) answer.warning = "the answer is not cached: " + answer.warning;
  } else {
    const bool is_none = heard->credential.output->token_hash.empty();
    const std::string why =
        m_command.name() +
        (is_none ? " had no credential to give, which isn't cached"
                 : "'s answer has no expiry, so it isn't cached: say with --ttl how long it is good");
    EngineError told;
    told.error = Error{Category::configuration, why, {}, std::string(k_not_kept)};
    store_failure(m_system, request, told);
    if (request.verbosity > 0) answer.warning = why;
  }
  answer.outcome = std::move(heard->credential);
  return answer;
}

std::string Helper::former_shape(const EngineRequest& request) const {
  std::string why;
  if (!request.store) return {};
  const auto store = Store::open(request.cache_directory, false, why);
  if (!store || !*store) return {};
  const auto record = (*store)->read_record(request.record_name, request.binding);
  return record && *record ? (*record)->credential.token_type : "";
}

EngineAnswer Helper::run(const EngineRequest& request, int) {
  const EndingSignals signals;
  return ask(request, STDERR_FILENO, signals.readable());
}

Status Helper::detach(const EngineRequest& request, int lock) {
  const pid_t pid = fork();
  if (pid < 0) return fail(Category::bug, "cannot start a process: " + errno_text(errno));
  if (pid > 0) return {};
  leave(lock);
  signal(SIGPIPE, SIG_IGN);
  ask(request, -1, -1);
  // Nothing of the front's may run twice.
  _exit(0);
}

}  // namespace wif::wrap
