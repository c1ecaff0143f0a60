// SPDX-License-Identifier: Apache-2.0
#include "child.hpp"

#include "json.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

namespace testbed {
namespace {

pid_t spawn(std::vector<std::string> words, int input, int output) {
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, argv.front(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    throw std::runtime_error("can't start " + words.front());
  }
  return pid;
}

std::string first_line(int output) {
  std::string line;
  for (char c = 0; ::read(output, &c, 1) == 1 && c != '\n';) {
    line += c;
  }
  return line;
}

}  // namespace

Child::Child(const std::string& program, const std::vector<std::string>& arguments) {
  int input[2];
  int output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  std::vector<std::string> words{program, "--until-eof"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  m_pid = spawn(words, input[0], output[1]);
  ::close(input[0]);
  ::close(output[1]);
  m_input = input[1];
  const auto line = Json::parse(first_line(output[0]));
  ::close(output[0]);
  if (!line) {
    end();
    throw std::runtime_error(program + " didn't start");
  }
  m_http = (*line)["http"].text();
  m_https = (*line)["https"].text();
  m_ca_file = (*line)["ca_file"].text();
  m_ca_dir = (*line)["ca_dir"].text();
}

Child::~Child() { end(); }

int Child::end() {
  int status = 0;
  if (m_input >= 0) {
    ::close(std::exchange(m_input, -1));
    ::waitpid(m_pid, &status, 0);
  }
  return status;
}

}  // namespace testbed
