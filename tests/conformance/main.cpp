// SPDX-License-Identifier: Apache-2.0
// wif-module-check [--allow SECONDS] MODULE.so DESCRIPTOR.module SCENARIO.json: whether a provider module keeps wif/provider.h's promises.
// One line a promise; exit 0 if all are kept. See README.md.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "conformance/checks.hpp"
#include "core/descriptor_parser.hpp"
#include "core/lock.hpp"
#include "unit/scratch_folder.hpp"
#include "util/fd.hpp"

namespace {

using namespace wif;
using namespace wif::conformance;

std::int64_t g_allowed_ms = 120'000;  // for one promise, also under a sanitizer

struct Pipe {
  Fd reader;
  Fd writer;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  return {Fd(ends[0]), Fd(ends[1])};
}

// Reads both to their ends. False: time was up.
bool drain(const Fd& printed_pipe, std::string& printed, const Fd& verdict_pipe, std::string& verdict) {
  pollfd waiting[] = {{printed_pipe.get(), POLLIN, 0}, {verdict_pipe.get(), POLLIN, 0}};
  std::string* texts[] = {&printed, &verdict};
  const std::int64_t until = monotonic_ms() + g_allowed_ms;
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const std::int64_t left = until - monotonic_ms();
    if (left <= 0) return false;
    if (poll(waiting, 2, static_cast<int>(left)) <= 0) continue;
    for (int i = 0; i < 2; ++i) {
      char buffer[4096];
      if (waiting[i].revents == 0) continue;
      const ssize_t count = read(waiting[i].fd, buffer, sizeof buffer);
      if (count > 0) texts[i]->append(buffer, static_cast<std::size_t>(count));
      if (count <= 0) waiting[i].fd = -1;
    }
  }
  return true;
}

[[noreturn]] void run_in_child(const Check& check, const Subject& subject, Pipe& printed, Pipe& verdict) {
  dup2(printed.writer.get(), STDOUT_FILENO);
  printed = {};
  write_all(verdict.writer.get(), check.run(subject) + "\n");
  std::exit(0);  // not _exit: a leak checker has its say here
}

// What is wrong; empty: nothing.
std::string run(const Check& check, const Subject& subject) {
  Pipe printed = make_pipe();
  Pipe verdict = make_pipe();
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) run_in_child(check, subject, printed, verdict);
  printed.writer = Fd();
  verdict.writer = Fd();
  std::string output;
  std::string words;
  const bool in_time = drain(printed.reader, output, verdict.reader, words);
  if (!in_time) kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  if (!in_time) return "it did not come back";
  if (WIFSIGNALED(status)) return "it crashed with signal " + std::to_string(WTERMSIG(status));
  if (words.empty()) return "it ended the process";
  if (words != "\n") return words.substr(0, words.size() - 1);
  if (status != 0) return "its process ended with status " + std::to_string(WEXITSTATUS(status));
  if (!output.empty()) return "it wrote to standard output";
  return {};
}

std::string undocumented(const Descriptor& descriptor, const Scenario& scenario) {
  for (const auto& spec : descriptor.settings)
    if (spec.help.empty()) return "the setting " + std::string(spec.name) + " has no help";
  for (const auto& [name, value] : scenario.settings)
    if (descriptor.setting(name) == nullptr)
      return "the scenario sets " + name + ", which isn't in the descriptor";
  return {};
}

int say(const std::string& promise, const std::string& problem) {
  std::printf("%s - %s%s%s\n", problem.empty() ? "ok" : "not ok", promise.c_str(),
              problem.empty() ? "" : ": ", problem.c_str());
  return problem.empty() ? 0 : 1;
}

int run_all(const char* module, const char* descriptor_path, const char* scenario_path) {
  const ScratchFolder folder;
  const auto text = read_file(descriptor_path, 1 << 20, Category::usage);
  const auto descriptor = text ? LoadedDescriptor::parse(*text, descriptor_path)
                               : Result<LoadedDescriptor>(tl::unexpected(text.error()));
  const auto scenario = read_scenario(scenario_path, folder.path());
  if (!descriptor || !scenario) {
    std::fprintf(stderr, "wif-module-check: %s\n",
                 (!descriptor ? descriptor.error() : scenario.error()).message.c_str());
    return 2;
  }
  const Subject subject{std::filesystem::absolute(module).string(), std::string(descriptor->get().name),
                        *scenario};
  int broken = say("the descriptor has all settings, with help", undocumented(descriptor->get(), *scenario));
  for (const auto& check : checks()) broken += say(check.promise, run(check, subject));
  return broken == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 6 && std::string_view(argv[1]) == "--allow" && std::atoi(argv[2]) > 0) {
    g_allowed_ms = std::atoi(argv[2]) * 1000;
    argv += 2;
    argc -= 2;
  }
  if (argc != 4) {
    std::fputs("usage: wif-module-check [--allow SECONDS] MODULE.so DESCRIPTOR.module SCENARIO.json\n",
               stderr);
    return 2;
  }
  return run_all(argv[1], argv[2], argv[3]);
}
