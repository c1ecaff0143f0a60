// SPDX-License-Identifier: Apache-2.0
#include "command/command.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "fake_host.hpp"
#include "scratch_folder.hpp"

extern "C" const wif_provider* wif_provider_init_command(uint32_t host_abi);

namespace wif::command {
namespace {

constexpr const char* k_id_token = "urn:ietf:params:oauth:token-type:id_token";

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

kit::Failure refusal(const std::string& output) {
  const auto answer = read_answer(output, "prog");
  if (answer) {
    ADD_FAILURE() << output;
    return {};
  }
  EXPECT_TRUE(answer.error().message.starts_with("prog ")) << answer.error().message;
  EXPECT_FALSE(answer.error().hint.empty());
  return answer.error();
}

TEST(CommandAnswer, ABareToken) {
  const auto answer = read_answer(" \r\na.b.c\n\n", "prog");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->token.view(), "a.b.c");
  EXPECT_EQ(answer->token_type, nullptr);
  EXPECT_EQ(answer->expires_at, 0);
}

TEST(CommandAnswer, WhatIsNoTokenIsNotShown) {
  for (const char* output : {"Please log in first", "a.b.c\nd.e.f", "<html>", "[\"a.b.c\"]", "\"a\""}) {
    const auto failure = refusal(output);
    EXPECT_EQ(failure.status, WIF_NO_IDENTITY);
    EXPECT_FALSE(has(failure.message, output)) << failure.message;
  }
  EXPECT_TRUE(has(refusal(" \n").message, "printed nothing"));
}

TEST(CommandAnswer, TokenAndExpiry) {
  const std::vector<std::pair<const char*, std::int64_t>> rows = {
      {R"({"token":"a.b.c"})", 0},
      {R"({"token":" a.b.c\n","expires_at":null})", 0},
      {R"({"token":"a.b.c","expires_at":1767323045})", 1767323045},
      {R"({"token":"a.b.c","expires_at":1767323045.9})", 1767323045},
      {R"({"token":"a.b.c","expires_at":"1767323045"})", 1767323045},
      {R"({"token":"a.b.c","expires_at":"2026-01-02T03:04:05Z"})", 1767323045},
  };
  for (const auto& [output, expected] : rows) {
    const auto answer = read_answer(output, "prog");
    ASSERT_TRUE(answer) << output;
    EXPECT_EQ(answer->token.view(), "a.b.c");
    EXPECT_EQ(answer->expires_at, expected) << output;
  }
}

TEST(CommandAnswer, BadJsonIsSaidSo) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {R"({"token":"a.b.)", "broken JSON"},
      {R"({})", "without a token"},
      {R"({"token":""})", "without a token"},
      {R"({"token":7})", "without a token"},
      {R"({"token":"a b"})", "characters that no token has"},
      {R"({"token":"a","expires_at":"tomorrow"})", "neither Unix seconds nor"},
      {R"({"token":"a","expires_at":0})", "neither Unix seconds nor"},
      {R"({"token":"a","expires_at":-5})", "neither Unix seconds nor"},
      {R"({"token":"a","expires_at":1767323045000})", "neither Unix seconds nor"},
      {R"({"token":"a","expires_at":1e300})", "neither Unix seconds nor"},
      {R"({"token":"a","expires_at":true})", "neither Unix seconds nor"},
  };
  for (const auto& [output, words] : rows) {
    const auto failure = refusal(output);
    EXPECT_EQ(failure.status, WIF_NO_IDENTITY) << output;
    EXPECT_TRUE(has(failure.message, words)) << failure.message;
  }
}

std::string google(const std::string& members) { return R"({"version":1,"success":true,)" + members + "}"; }

TEST(CommandAnswer, GooglesExecutableResponse) {
  const auto id_token = read_answer(
      google(
          R"("token_type":"urn:ietf:params:oauth:token-type:id_token","id_token":"a.b.c","expiration_time":1767323045)"),
      "prog");
  ASSERT_TRUE(id_token);
  EXPECT_EQ(id_token->token.view(), "a.b.c");
  EXPECT_STREQ(id_token->token_type, k_id_token);
  EXPECT_EQ(id_token->expires_at, 1767323045);
  const auto jwt = read_answer(
      google(R"("token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"a.b.c")"), "prog");
  ASSERT_TRUE(jwt);
  EXPECT_STREQ(jwt->token_type, "urn:ietf:params:oauth:token-type:jwt");
  EXPECT_EQ(jwt->expires_at, 0);
  const auto saml = read_answer(
      google(R"("token_type":"urn:ietf:params:oauth:token-type:saml2","saml_response":"PHg+/w==")"), "prog");
  ASSERT_TRUE(saml);
  EXPECT_EQ(saml->token.view(), "PHg+/w==");
  EXPECT_STREQ(saml->token_type, "urn:ietf:params:oauth:token-type:saml2");
}

TEST(CommandAnswer, GooglesFailureIsARefusal) {
  const auto failure = refusal(
      R"({"version":1,"success":false,"code":"401","message":"Caller eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln no"})");
  EXPECT_EQ(failure.status, WIF_REFUSED);
  EXPECT_EQ(failure.message, "prog said no: code 401: Caller [redacted] no");
  EXPECT_EQ(refusal(R"({"version":1,"success":false})").message, "prog said no");
}

TEST(CommandAnswer, GooglesResponseGoneWrong) {
  const std::string type = R"("token_type":"urn:ietf:params:oauth:token-type:id_token")";
  for (const std::string& output :
       {google(type), google(type + R"(,"id_token":"")"), google(type + R"(,"saml_response":"a")"),
        google(R"("id_token":"a")"), google(R"("token_type":"urn:x","id_token":"a")"),
        google(type + R"(,"id_token":"a","expiration_time":"soon")"),
        R"({"version":2,"success":true,"id_token":"a",)" + type + "}",
        R"({"success":true,"id_token":"a",)" + type + "}",
        std::string(R"({"version":1,"success":"true","id_token":"a"})")})
    EXPECT_EQ(refusal(output).status, WIF_NO_IDENTITY) << output;
}

TEST(CommandTime, IsRfc3339OrUnixSeconds) {
  EXPECT_EQ(parse_time("2026-01-02T03:04:05Z"), 1767323045);
  EXPECT_EQ(parse_time("7"), 7);
  for (const char* text : {"", "7s", " 7", "2026-01-02"}) EXPECT_FALSE(parse_time(text)) << text;
}

std::vector<std::string> environment(const std::string& wanted,
                                     std::map<std::string, std::string> variables) {
  auto all = environment_for(wanted, [&](const std::string& name) -> std::optional<std::string_view> {
    const auto found = variables.find(name);
    if (found == variables.end()) return {};
    return found->second;
  });
  if (!all) return {"failed: " + all.error().message};
  std::sort(all->begin(), all->end());
  return *all;
}
using Texts = std::vector<std::string>;

TEST(CommandEnvironment, IsCleanButForWhatWasChosen) {
  EXPECT_EQ(environment("", {{"PATH", "/p"}, {"HOME", "/h"}, {"SECRET", "s"}, {"LD_PRELOAD", "x"}}),
            (Texts{"HOME=/h", "PATH=/p"}));
  EXPECT_EQ(environment("SECRET\nUNSET\nA=b=c\nHOME=/other\nEMPTY=",
                        {{"PATH", "/p"}, {"HOME", "/h"}, {"SECRET", "s"}}),
            (Texts{"A=b=c", "EMPTY=", "HOME=/other", "PATH=/p", "SECRET=s"}));
  EXPECT_EQ(environment("", {}),
            (Texts{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}));
  for (const char* wanted : {"=x", "A\n\nB", "$A"})
    EXPECT_TRUE(has(environment(wanted, {}).front(), "failed: ")) << wanted;
}

class CommandModule : public ::testing::Test {
 protected:
  CommandModule() { m_call.time_left_ms = 60'000; }
  std::string fetch() {
    wif_subject_token token{};
    token.struct_size = sizeof token;
    m_call.message.clear();
    const wif_provider* table = wif_provider_init_command(WIF_PROVIDER_ABI);
    m_call.status = table->fetch(&FakeCall::host(), m_call.handle(), &token);
    if (m_call.status != WIF_OK) return "failed";
    m_expires_at = token.expires_at;
    return {token.token, token.token_size};
  }
  std::string shell(const std::string& script) {
    m_call.settings["args"] = "/bin/sh\n-c\n" + script;
    return fetch();
  }
  // A signal takes a moment to arrive, and whoever adopts the dead may not reap them.
  static bool is_soon_dead(const std::string& pid) {
    for (int i = 0; i < 10'000; ++i) {
      std::ifstream file("/proc/" + pid + "/stat");
      const std::string text((std::istreambuf_iterator<char>(file)), {});
      if (text.empty() || text.find(") Z ") != std::string::npos) return true;
      usleep(1000);
    }
    return false;
  }

  ScratchFolder m_folder;
  FakeCall m_call;
  std::int64_t m_expires_at = 0;
};

TEST_F(CommandModule, TakesWhatTheProgramPrints) {
  EXPECT_EQ(shell("echo a.b.c"), "a.b.c");
  EXPECT_EQ(shell("echo '{\"token\":\"a.b.c\",\"expires_at\":1767323045}'"), "a.b.c");
  EXPECT_EQ(m_expires_at, 1767323045);
  EXPECT_EQ(shell("echo warning >&2; echo a.b.c"), "a.b.c");
}

TEST_F(CommandModule, PassesArgumentsAsTheyAre) {
  m_call.settings["args"] = "/usr/bin/printf\n%s%s\n$HOME;x\n ";
  EXPECT_EQ(fetch(), "failed");
  EXPECT_TRUE(has(m_call.message, "7 bytes")) << m_call.message;  // trimmed: "$HOME;x"
  m_call.settings["args"] = "/usr/bin/printf\n%s-%s-%s\n\nb\n";
  EXPECT_EQ(fetch(), "-b-");
}

TEST_F(CommandModule, FindsABareNameInPath) {
  std::ofstream(m_folder / "tool") << "#!/bin/sh\necho from-path\n";
  chmod((m_folder / "tool").c_str(), 0755);
  m_call.settings["args"] = "tool";
  m_call.variables["PATH"] = "relative::/nowhere:" + m_folder.path();
  EXPECT_EQ(fetch(), "from-path");
  m_call.settings["environment"] = "PATH=/nowhere";
  EXPECT_EQ(fetch(), "failed");
  EXPECT_EQ(m_call.status, WIF_CONFIGURATION);
  EXPECT_TRUE(has(m_call.message, "there is no program tool in PATH (/nowhere)")) << m_call.message;
}

TEST_F(CommandModule, WrongSettingsAreConfiguration) {
  EXPECT_EQ(fetch(), "failed");
  EXPECT_EQ(m_call.status, WIF_CONFIGURATION);
  std::ofstream(m_folder / "text") << "echo x\n";
  const std::string text = m_folder / "text";
  for (const auto& [args, words] : {std::pair<std::string, std::string>{"./tool", "relative path"},
                                    {"\nx", "empty string"},
                                    {"/no/such/tool", "No such file"},
                                    {text, "Permission denied"},
                                    {"/", "Permission denied"}}) {
    m_call.settings["args"] = args;
    EXPECT_EQ(fetch(), "failed");
    EXPECT_EQ(m_call.status, WIF_CONFIGURATION) << args;
    EXPECT_TRUE(has(m_call.message, words)) << m_call.message;
  }
  chmod(text.c_str(), 0755);
  m_call.settings["args"] = text;
  fetch();
  EXPECT_TRUE(has(m_call.hint, "#!/bin/sh")) << m_call.message;
}

TEST_F(CommandModule, HasNoInputNoTerminalAndNoOtherDescriptor) {
  const int inherited = fcntl(STDERR_FILENO, F_DUPFD, 50);  // not close-on-exec
  EXPECT_EQ(shell("cat; test ! -t 0 && (: </dev/tty) 2>/dev/null || echo a.b.c"), "a.b.c");
  EXPECT_EQ(shell("ls /proc/self/fd | tr '\\n' -"), "0-1-2-3-");  // 3 is that of ls
  EXPECT_EQ(shell("ps -o sid= -p $$ | tr -d ' ' | grep -qx $$ && echo own"), "own");
  close(inherited);
}

TEST_F(CommandModule, HasACleanEnvironment) {
  setenv("WIF_TEST_SECRET", "s", 1);
  m_call.variables = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/h"}, {"WIF_TEST_SECRET", "s"}, {"CHOSEN", "c"}};
  m_call.settings["environment"] = "CHOSEN\nSET=v";
  EXPECT_EQ(shell("env | grep -v '^PWD=\\|^_=\\|^SHLVL=' | sort | tr '\\n=:' '---'"),
            "CHOSEN-c-HOME-/h-PATH-/usr/bin-/bin-SET-v-")
      << m_call.message;
  unsetenv("WIF_TEST_SECRET");
}

TEST_F(CommandModule, AFailureShowsStatusAndErrorsWithoutSecrets) {
  m_call.settings["environment"] = "KEY=hvs.12345";
  EXPECT_EQ(
      shell(
          "echo short-secret; echo \"first; no: $KEY short-secret eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln\" >&2; exit 7"),
      "failed");
  EXPECT_EQ(m_call.status, WIF_NO_IDENTITY);
  EXPECT_EQ(m_call.message, "/bin/sh ended with exit status 7: first; no: [redacted] [redacted] [redacted]");
  shell("exit 1");
  EXPECT_EQ(m_call.message, "/bin/sh ended with exit status 1, and wrote nothing on standard error");
}

TEST_F(CommandModule, OnlyTheEndOfManyErrorsIsShownAndNoHalfOfAToken) {
  const std::string half(4096, 'x');
  std::ofstream(m_folder / "errors") << half << half << " the end";
  shell("cat " + (m_folder / "errors") + " >&2; exit 1");
  EXPECT_EQ(m_call.message, "/bin/sh ended with exit status 1: the end");
  std::ofstream many(m_folder / "errors");
  for (int i = 0; i < 10'000; ++i) many << "line " << i << "\n";
  many.close();
  shell("cat " + (m_folder / "errors") + " >&2; exit 1");
  EXPECT_TRUE(m_call.message.ends_with("line 9998 line 9999")) << m_call.message;
  EXPECT_LT(m_call.message.size(), 400u);
}

TEST_F(CommandModule, ASignalIsNamed) {
  shell("echo dying >&2; kill -TERM $$");
  EXPECT_EQ(m_call.status, WIF_NO_IDENTITY);
  EXPECT_EQ(m_call.message, "/bin/sh was ended by signal 15 (Terminated): dying");
}

TEST_F(CommandModule, GooglesRefusalIsTakenWhateverTheExitStatus) {
  for (const char* status : {"0", "1"}) {
    shell(R"(echo '{"version":1,"success":false,"code":"c","message":"m"}'; exit )" + std::string(status));
    EXPECT_EQ(m_call.status, WIF_REFUSED);
    EXPECT_EQ(m_call.message, "/bin/sh said no: code c: m");
  }
}

TEST_F(CommandModule, TheDeadlineEndsTheWholeGroup) {
  const std::string script = "sleep 600 & echo $! > " + (m_folder / "pids") + "; echo waiting >&2; sleep 600";
  for (const bool by_host : {false, true}) {
    m_call.settings["timeout"] = by_host ? "600" : "1";
    m_call.time_left_ms = by_host ? 1000 : 60'000;
    EXPECT_EQ(shell(script), "failed");
    EXPECT_EQ(m_call.status, WIF_UNREACHABLE);
    EXPECT_TRUE(has(m_call.message, "did not finish within the time allowed")) << m_call.message;
    EXPECT_TRUE(has(m_call.message, "waiting")) << m_call.message;
    std::string pid;
    ASSERT_TRUE(std::getline(std::ifstream(m_folder / "pids") >> std::ws, pid));
    EXPECT_TRUE(is_soon_dead(pid));
  }
}

TEST_F(CommandModule, TooMuchOutputEndsIt) {
  shell("exec yes");
  EXPECT_EQ(m_call.status, WIF_NO_IDENTITY);
  EXPECT_TRUE(has(m_call.message, "more than 1 MiB")) << m_call.message;
  EXPECT_EQ(shell("head -c 1048576 /dev/zero | tr '\\0' x").size(), 1048576u);
  shell("head -c 1048577 /dev/zero | tr '\\0' x");
  EXPECT_TRUE(has(m_call.message, "more than 1 MiB")) << m_call.message;
}

TEST_F(CommandModule, ABackgroundProcessWithTheOutputHoldsNothingUp) {
  EXPECT_EQ(shell("sleep 600 & echo $! > " + (m_folder / "pid") + "; echo a.b.c"), "a.b.c");
  int pid = 0;
  std::ifstream(m_folder / "pid") >> pid;
  ASSERT_GT(pid, 0);
  kill(pid, SIGKILL);
}

TEST_F(CommandModule, EndsWellWhereChildrenAreIgnored) {
  const auto before = signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(shell("exit 3"), "failed");
  EXPECT_TRUE(has(m_call.message, "exit status 3")) << m_call.message;
  EXPECT_EQ(signal(SIGCHLD, before), SIG_IGN);
}

}  // namespace
}  // namespace wif::command
