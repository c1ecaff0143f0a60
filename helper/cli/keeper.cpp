// SPDX-License-Identifier: Apache-2.0
#include "cli/keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/encode.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_longest_backoff_s = 60;
// Real time is looked at again at least this often, so that a suspended machine or a stepped clock is noticed.
constexpr std::int64_t k_longest_wait_ms = 60'000;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

void Keeper::take_signals(std::initializer_list<int> signals, SignalHandler handler) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  m_signals = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  m_handler = std::move(handler);
}

void Keeper::renew_all() {
  for (auto& kept : m_kept) {
    kept.renew = true;
    kept.due = 0;
  }
}

// A projected token's path is a chain of links that the kubelet swaps: what is at its end counts.
Keeper::Source Keeper::look_at(std::string path) {
  struct stat status {};
  Source source;
  if (stat(path.c_str(), &status) == 0) {
    source.device = status.st_dev;
    source.inode = status.st_ino;
    source.changed_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  }
  source.path = std::move(path);
  return source;
}

// One that was known keeps the look that was taken before it was read: a change since then is still to be followed. So is
// one that appeared while the first look-up failed.
void Keeper::note_sources(Kept& kept, bool found) {
  std::vector<Source> sources;
  for (const auto& path : kept.file.sources()) {
    const auto known = std::find_if(kept.sources.begin(), kept.sources.end(),
                                    [&](const auto& source) { return source.path == path; });
    const bool is_known = known != kept.sources.end();
    sources.push_back(is_known ? *known : found ? look_at(path) : Source{.path = path});
  }
  kept.sources = std::move(sources);
}

Status Keeper::look_up(Kept& kept) {
  for (auto& source : kept.sources) source = look_at(std::move(source.path));
  auto written = kept.file.write(kept.renew, true, longest_lookup_ms());
  note_sources(kept, written.has_value());
  const std::int64_t now = real_system().now().wall;
  if (!written || written->refresh_at <= now) {
    kept.due = now + kept.backoff;
    kept.backoff = std::min(kept.backoff * 2, k_longest_backoff_s);
  } else {
    kept.due = written->refresh_at;
    kept.backoff = 1;
    kept.renew = false;
  }
  if (!written) {
    kept.error = written.error();
    return tl::unexpected(std::move(written.error()));
  }
  kept.error.reset();
  kept.expires_at = written->expires_at;
  if (kept.ready && written->changed && m_on_refresh) m_on_refresh();
  kept.ready = true;
  return {};
}

Status Keeper::first_round() {
  Status first;
  for (auto& kept : m_kept) {
    auto done = look_up(kept);
    if (!done && first) first = std::move(done);
  }
  return first;
}

void Keeper::look_up_due() {
  const std::int64_t now = real_system().now().wall;
  bool any = false;
  for (auto& kept : m_kept) {
    if (kept.due > now) continue;
    if (Status done = look_up(kept); !done) {
      if (m_kept.size() > 1) done.error().message.insert(0, "profile '" + kept.file.name() + "': ");
      report(done.error());
    }
    any = true;
    if (m_manager.watchdog_ms() > 0) m_manager.tell("WATCHDOG=1");
  }
  if (any) watch_sources();
  if (any || !m_announced) tell();
}

// The folders, as what is in them is replaced and not written to.
void Keeper::watch_sources() {
  if (!m_inotify) m_inotify = Fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!m_inotify) return;  // then the clock has to do
  for (const auto& kept : m_kept)
    for (const auto& source : kept.sources)
      inotify_add_watch(m_inotify.get(), folder_of(source.path).c_str(),
                        IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE);
  follow_sources();  // what changed before it was watched
}

void Keeper::follow_sources() {
  alignas(inotify_event) char events[4096];
  while (read(m_inotify.get(), events, sizeof events) > 0) {
  }
  for (auto& kept : m_kept)
    for (const auto& source : kept.sources)
      if (look_at(source.path) != source) kept.due = 0;
}

void Keeper::wait() {
  std::int64_t due = m_kept.front().due;
  for (const auto& kept : m_kept) due = std::min(due, kept.due);
  const std::int64_t left = due - real_system().now().wall;
  std::int64_t wait_ms = std::clamp<std::int64_t>(left * 1000, 0, k_longest_wait_ms);
  if (m_manager.watchdog_ms() > 0) wait_ms = std::min(wait_ms, m_manager.watchdog_ms());
  pollfd ready[] = {{m_signals.get(), POLLIN, 0}, {m_inotify ? m_inotify.get() : -1, POLLIN, 0}};
  if (poll(ready, std::size(ready), static_cast<int>(wait_ms)) < 0 && errno != EINTR) return;
  if (ready[1].revents != 0) follow_sources();
  signalfd_siginfo signal{};
  while (!m_exit && read(m_signals.get(), &signal, sizeof signal) == sizeof signal)
    m_exit = m_handler(signal);
}

int Keeper::run() {
  watch_sources();
  while (!m_exit) {
    look_up_due();
    wait();
    if (m_manager.watchdog_ms() > 0) m_manager.tell("WATCHDOG=1");
  }
  m_manager.tell("STOPPING=1");
  return *m_exit;
}

void Keeper::tell() const {
  const bool ready = std::all_of(m_kept.begin(), m_kept.end(), [](const auto& kept) { return kept.ready; });
  const auto failing =
      std::count_if(m_kept.begin(), m_kept.end(), [](const auto& kept) { return kept.error.has_value(); });
  std::string status = "STATUS=" + std::to_string(m_kept.size()) + " kept fresh";
  if (failing > 0) status += ", " + std::to_string(failing) + " failing";
  m_manager.tell((ready ? "READY=1\n" : "") + status);
  if (m_health.empty()) return;
  JsonWriter writer;
  writer.object().member("version", 1).member("healthy", ready && failing == 0);
  writer.member("at", std::string_view(rfc3339(real_system().now().wall))).key("profiles").array();
  for (const auto& kept : m_kept) {
    writer.object().member("profile", std::string_view(kept.file.name()));
    if (kept.file.target()) writer.member("output", std::string_view(kept.file.target()->path));
    writer.key("expires_at");
    kept.ready ? writer.value(std::string_view(rfc3339(kept.expires_at))) : writer.null();
    writer.member("next", std::string_view(rfc3339(kept.due))).key("error");
    kept.error ? writer.value(std::string_view(kept.error->message)) : writer.null();
    writer.end();
  }
  writer.end().end();
  constexpr mode_t k_for_everybody = 0644;  // it holds no secret
  if (const Status written = replace_file(m_health, k_for_everybody, writer.take() + "\n"); !written)
    report(written.error());
}

}  // namespace wif
