// SPDX-License-Identifier: Apache-2.0
// Starting an engine and reading its answer; small scripts stand for the engine.
#include "core/engine_process.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/lock.hpp"
#include "fake_system.hpp"
#include "freed_memory.hpp"
#include "scratch_folder.hpp"

namespace wif {
namespace {

class Engine : public testing::Test {
 protected:
  // What `script` makes of a request.
  EngineAnswer run(const std::string& script, std::int64_t timeout_ms = 60'000) {
    m_system.variables["WIF_ENGINE"] = m_folder / "engine";
    std::ofstream(m_folder / "engine") << "#!/bin/sh\n" << script << "\n";
    chmod((m_folder / "engine").c_str(), 0755);
    EngineRequest request;
    request.provider = "file";
    request.module = "wif-provider-file.so";
    request.profile = "prod";
    request.deadline_ms = monotonic_ms() + timeout_ms;
    return EngineProcess(m_system).run(request, -1);
  }
  Error error_of(const std::string& script, std::int64_t timeout_ms = 60'000) {
    const EngineAnswer answer = run(script, timeout_ms);
    return answer.outcome ? Error{} : answer.outcome.error().error;
  }
  static EngineAnswer answer_with(const std::string& token) {
    Credential credential;
    credential.access_token = Secret(std::string_view(token));
    credential.issued_at = 1;
    credential.expires_at = 2;
    EngineAnswer answer;
    answer.outcome = std::move(credential);
    return answer;
  }

  ScratchFolder m_folder;
  FakeSystem m_system;
};

TEST_F(Engine, IsBesideTheProgramThatRuns) {
  const std::string self =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().string();
  EXPECT_EQ(engine_path(m_system).value(), self + "/libexec/wif/wif-engine");
}

TEST_F(Engine, OfTheVariableIsIgnoredWithRaisedPrivileges) {
  m_system.variables["WIF_ENGINE"] = "/elsewhere/engine";
  EXPECT_EQ(engine_path(m_system).value(), "/elsewhere/engine");
  m_system.raised = true;
  EXPECT_NE(engine_path(m_system).value(), "/elsewhere/engine");
}

TEST_F(Engine, GetsTheRequestAndGivesTheAnswer) {
  std::ofstream(m_folder / "answer") << write_stage("exchange") << write_answer(answer_with("tok"));
  const EngineAnswer answer = run("grep -q '\"profile\":\"prod\"' && cat " + (m_folder / "answer"));
  ASSERT_TRUE(answer.outcome) << answer.outcome.error().error.message;
  EXPECT_EQ(answer.outcome->access_token.view(), "tok");
}

TEST_F(Engine, LeavesNoTokenInFreedMemory) {
  // Longer than what is read at once, so that what was read has to move.
  const std::string token = std::string(3000, 'x') + ".a-token-to-look-for." + std::string(9000, 'x');
  std::ofstream(m_folder / "answer") << write_stage("exchange") << write_answer(answer_with(token));
  const FreedMemory freed(".a-token-to-look-for.");
  EXPECT_TRUE(run("cat " + (m_folder / "answer")).outcome);
  EXPECT_EQ(freed.found(), 0);
}

TEST_F(Engine, ThatDiesNamesTheStageItWasIn) {
  const Error early = error_of("kill -9 $$");
  EXPECT_EQ(early.category, Category::bug);
  EXPECT_NE(early.message.find("signal 9"), std::string::npos);
  EXPECT_NE(early.message.find("before it began"), std::string::npos);
  const Error late = error_of("echo '{\"stage\":\"provider\"}'; kill -9 $$");
  EXPECT_NE(late.message.find("while provider \"file\" ran"), std::string::npos);
  EXPECT_NE(late.hint.find("wif-provider-file.so"), std::string::npos);
}

TEST_F(Engine, ThatSaysNothingOrNonsenseIsABug) {
  for (const char* script : {"exit 3", "echo nonsense", "echo '{\"credential\":{}}'"})
    EXPECT_EQ(error_of(script).category, Category::bug) << script;
  EXPECT_NE(error_of("exit 3").message.find("exit status 3"), std::string::npos);
}

TEST_F(Engine, ThatOverstaysItsDeadlineIsEnded) {
  const Error error = error_of("exec sleep 600", 1);
  EXPECT_EQ(error.category, Category::unreachable);
  EXPECT_NE(error.message.find("within the time allowed"), std::string::npos);
}

TEST_F(Engine, ThatIsNotThereIsToldWithItsPath) {
  m_system.variables["WIF_ENGINE"] = m_folder / "absent";
  EngineRequest request;
  const EngineAnswer answer = EngineProcess(m_system).run(request, -1);
  ASSERT_FALSE(answer.outcome);
  EXPECT_NE(answer.outcome.error().error.message.find(m_folder / "absent"), std::string::npos);
}

}  // namespace
}  // namespace wif
