// SPDX-License-Identifier: Apache-2.0
// Keeps any number of credentials fresh in one process, until a signal ends it: one clock for all of them, a look at the
// files that subject tokens come from, signs of life for a service manager, and a file that says how it goes.
//
// A failure is told, and tried again ever more slowly; what is good stays where it is meanwhile. Look-ups follow one
// another: one that hangs delays the others by --timeout at most.
#pragma once

#include <sys/signalfd.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/service_manager.hpp"
#include "cli/token_file.hpp"
#include "util/fd.hpp"

namespace wif {

class Keeper {
 public:
  // What a signal means: nothing to go on, an exit code to end with.
  using SignalHandler = std::function<std::optional<int>(const signalfd_siginfo&)>;

  // `health` is a file's path, or empty.
  explicit Keeper(std::string health) : m_health(std::move(health)) {}
  void add(TokenFile file) { m_kept.push_back(Kept(std::move(file))); }
  // Called after a look-up has brought another credential than the one before, but for the first.
  void on_refresh(std::function<void()> function) { m_on_refresh = std::move(function); }
  // Blocks these signals and hands them to `handler`; before run() and before any child is started.
  void take_signals(std::initializer_list<int> signals, SignalHandler handler);

  // One look-up of each; the first error, if there is one.
  Status first_round();
  // Goes on until a signal's handler ends it.
  int run();
  // For handlers: every credential is exchanged anew at once.
  void renew_all();
  const TokenFile& front() const { return m_kept.front().file; }

 private:
  struct Source {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Source&) const = default;
  };
  struct Kept {
    explicit Kept(TokenFile token_file) : file(std::move(token_file)) {}
    TokenFile file;
    std::int64_t due = 0;  // Unix seconds
    std::int64_t backoff = 1;
    bool renew = false;  // what was asked for stays asked for until it is done
    bool ready = false;  // has been looked up once
    std::optional<Error> error;
    std::int64_t expires_at = 0;
    std::vector<Source> sources;
  };

  static Source look_at(std::string path);
  static void note_sources(Kept& kept, bool found);
  Status look_up(Kept& kept);
  void look_up_due();
  void watch_sources();
  void follow_sources();
  void wait();
  void tell() const;
  std::int64_t longest_lookup_ms() const { return m_manager.watchdog_ms(); }

  std::vector<Kept> m_kept;
  std::string m_health;
  std::function<void()> m_on_refresh;
  SignalHandler m_handler;
  ServiceManager m_manager;
  Fd m_signals;
  Fd m_inotify;
  std::optional<int> m_exit;
  bool m_announced = false;
};

}  // namespace wif
