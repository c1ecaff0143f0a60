// SPDX-License-Identifier: Apache-2.0
// wif write: the token in a file, once or for as long as the program runs; of one profile or of all.
#include <csignal>

#include "cli/keeper.hpp"

namespace wif {
namespace {

struct WriteOptions {
  std::optional<std::string> output;
  std::optional<std::string> format;
  std::optional<std::string> mode;
  std::optional<std::string> health;
  bool all = false;
  bool watching = false;
};

// One file, or with --all one in the folder for each profile.
Result<std::vector<TokenFile>> files_of(const WriteOptions& options, const GlobalOptions& global) {
  std::vector<TokenFile> files;
  if (!options.all) {
    TRY_ASSIGN(FileTarget target, make_target(*options.output, options.format, options.mode));
    files.emplace_back(global, std::nullopt, std::move(target));
    return files;
  }
  if (global.choice.profile) return fail(Category::usage, "--all and --profile don't go together");
  TRY_ASSIGN(const Config config, Config::load(real_system(), global.choice));
  TRY_ASSIGN(const auto names, config.profile_names());
  if (names.empty())
    return fail(Category::configuration, "--all: no configuration file has a profile",
                "`wif config path` shows where they are");
  for (const auto& name : names) {
    if (name.find('/') != std::string::npos)
      return fail(Category::configuration, "profile \"" + name + "\" can't be the name of a file",
                  "rename it without '/'");
    TRY_ASSIGN(FileTarget target, make_target(*options.output + "/" + name, options.format, options.mode));
    files.emplace_back(global, name, std::move(target));
  }
  return files;
}

// Ends on SIGTERM or SIGINT only; a failure is reported and tried again, ever more slowly.
int watch(std::vector<TokenFile> files, const std::string& health) {
  Keeper keeper(health);
  for (auto& file : files) keeper.add(std::move(file));
  keeper.take_signals({SIGTERM, SIGINT, SIGHUP}, [&](const signalfd_siginfo& signal) -> std::optional<int> {
    if (signal.ssi_signo != SIGHUP) return 0;
    keeper.renew_all();
    return {};
  });
  return keeper.run();
}

// Every file is tried; the first failure is the command's.
Result<int> write_once(const GlobalOptions& global, std::vector<TokenFile> files) {
  Status first;
  for (auto& file : files) {
    auto written = wait_for_identity(global, [&](const SessionOptions& options) -> Result<int> {
      TRY(file.write(false, false, options.timeout_ms));
      return 0;
    });
    if (written) continue;
    if (!first) report(written.error());
    if (first) first = tl::unexpected(std::move(written.error()));
  }
  if (!first) return tl::unexpected(first.error());
  return 0;
}

}  // namespace

Result<int> run_write(const Invocation& invocation) {
  Arguments arguments("wif write --output FILE [OPTIONS]", "Writes the access token to a file, atomically.");
  arguments.examples(
      "  wif write --output /run/app/token --watch\n"
      "  wif write --all --output /run/tokens --watch --health /run/wif.json\n"
      "  wif write --output .env --format env\n");
  WriteOptions options;
  arguments.option("-o,--output", "FILE", options.output, "the file to write");
  arguments.option("--format", "FORMAT", options.format, "raw, json, env, header or an integration's (raw)");
  arguments.option("--mode", "MODE", options.mode, "the file's mode (0600)");
  arguments.flag("--all", options.all, "all profiles; --output is a folder");
  arguments.flag("--watch", options.watching, "keep it fresh until ended; SIGHUP: renew");
  arguments.option("--health", "FILE", options.health, "with --watch: how it goes, as JSON");
  GlobalOptions global;
  global.describe_wait(arguments);
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  if (!options.output)
    return fail(Category::usage, "--output is missing", "usage: wif write --output FILE [--watch]");
  if (options.health && !options.watching)
    return fail(Category::usage, "--health is of use with --watch only");
  TRY_ASSIGN(auto files, files_of(options, global));
  if (options.watching) {
    TRY(global.wait_ms());  // no more than checked: watching never gives up
    return watch(std::move(files), options.health.value_or(""));
  }
  return write_once(global, std::move(files));
}

}  // namespace wif
