// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include "server.hpp"
#include "tokens.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace testbed {
namespace {

namespace fs = std::filesystem;

class StateDirectory {
 public:
  explicit StateDirectory(const std::string& given) : m_path(given), m_ours(given.empty()) {
    if (m_ours) {
      std::string name = (fs::temp_directory_path() / "wif-testbed-XXXXXX").string();
      if (mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("can't make a state directory");
      }
      m_path = name;
    }
    fs::create_directories(m_path);
    m_path = fs::absolute(m_path);
  }
  ~StateDirectory() {
    std::error_code ignored;
    if (m_ours) {
      fs::remove_all(m_path, ignored);
    }
  }
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;
  const fs::path& path() const { return m_path; }

 private:
  fs::path m_path;
  bool m_ours;
};

// Before any thread starts, so that each of them inherits the mask.
int block_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGHUP);
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  return signalfd(-1, &ending, SFD_CLOEXEC);
}

bool at_end_of_input() {
  char ignored[256];
  return ::read(STDIN_FILENO, ignored, sizeof ignored) <= 0;
}

void wait_for_end(int signals, bool until_eof) {
  pollfd waiting[] = {{signals, POLLIN, 0}, {until_eof ? STDIN_FILENO : -1, POLLIN, 0}};
  for (;;) {
    ::poll(waiting, 2, -1);
    if (waiting[0].revents != 0 || (waiting[1].revents != 0 && at_end_of_input())) {
      return;
    }
  }
}

void announce(const Server& server, const std::string& issuer, const CertificateFiles& files) {
  const Json line = Json::object({{"http", server.http()},
                                  {"https", server.https()},
                                  {"issuer", issuer},
                                  {"ca_file", files.ca_file.string()},
                                  {"ca_dir", files.ca_dir.string()},
                                  {"pid", getpid()}});
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

void write_token(State& state, const std::string& file) {
  std::ofstream out(file, std::ios::trunc);
  out << mint({state.keys, state.issuer, state.clock.now()}, Json::object());
  if (!out.flush()) {
    throw std::runtime_error("can't write " + file);
  }
}

}  // namespace

int run(const Options& options) {
  const pid_t parent = getppid();
  if (options.die_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
  }
  const int signals = block_signals();
  const StateDirectory directory(options.state_directory);
  const CertificateFiles files = make_certificates(directory.path(), options.certificate_flaw);
  Server server(files);
  server.state().verbose = options.verbose;
  server.state().folder = directory.path();
  if (!options.write_token.empty()) {
    write_token(server.state(), options.write_token);
  }
  server.start();
  announce(server, server.state().issuer, files);
  // The parent may have died before prctl took effect.
  if (!options.die_with_parent || getppid() == parent) {
    wait_for_end(signals, options.until_eof);
  }
  ::close(signals);
  return 0;
}

}  // namespace testbed
