// SPDX-License-Identifier: Apache-2.0
// The key of a wrapped command, what an ending of it amounts to, and running it in an engine's place.
#include "wrap/helper.hpp"

#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cache.hpp"
#include "core/lock.hpp"
#include "core/session.hpp"
#include "fake_system.hpp"
#include "freed_memory.hpp"
#include "scratch_folder.hpp"
#include "util/encode.hpp"
#include "wrap/request.hpp"

namespace wif::wrap {
namespace {

Command command_of(const std::string& script) {
  Command command;
  command.path = "/bin/sh";
  command.args = {"sh", "-c", script};
  return command;
}

class WrapKey : public testing::Test {
 protected:
  std::string binding() const { return make_binding(m_system, profile_of(m_command, {})).value(); }
  // Whether `change` makes it another one's record.
  bool differs(const std::function<void()>& change) const {
    const std::string before = binding();
    change();
    return binding() != before;
  }

  FakeSystem m_system;
  Command m_command = command_of("script");
};

TEST_F(WrapKey, VariesWithEachPartSingly) {
  EXPECT_FALSE(differs([] {}));
  EXPECT_TRUE(differs([&] { m_command.path = "/usr/bin/sh"; }));
  EXPECT_TRUE(differs([&] { m_command.args[0] = "dash"; }));
  EXPECT_TRUE(differs([&] { m_command.args[2] = "other"; }));
  EXPECT_TRUE(differs([&] { m_command.args.emplace_back(); }));
  EXPECT_TRUE(differs([&] { m_command.args = {"sh", "-c", "other", "", "x"}; }));
  EXPECT_TRUE(differs([&] { m_command.args = {"sh", "-c", "other", "x", ""}; }));
  EXPECT_TRUE(differs([&] { m_command.format = "aws"; }));
  EXPECT_TRUE(differs([&] { m_command.ttl = 60; }));
  EXPECT_TRUE(differs([&] { m_command.has_input = true; }));  // an empty one isn't none
  EXPECT_TRUE(differs([&] { m_command.input = Secret("host=a"); }));
  EXPECT_TRUE(differs([&] { m_command.input = Secret("host=b"); }));
  EXPECT_TRUE(differs([&] { m_system.user = 4711; }));
  EXPECT_TRUE(differs([&] { m_system.boot = "other-boot"; }));
}

TEST_F(WrapKey, VariesWithTheNamedVariablesAndNoOthers) {
  EXPECT_FALSE(differs([&] { m_system.variables["ROLE"] = "a"; }));
  EXPECT_TRUE(differs([&] { m_command.variables = {"ROLE"}; }));
  EXPECT_TRUE(differs([&] { m_system.variables["ROLE"] = "b"; }));
  EXPECT_TRUE(differs([&] { m_system.variables.erase("ROLE"); }));
  EXPECT_FALSE(differs([&] { m_system.variables["OTHER"] = "a"; }));
}

TEST_F(WrapKey, VariesWithWhatCallersSayWhoseCredentialTheyWantBy) {
  for (const char* name :
       {"HOME", "AWS_PROFILE", "KUBERNETES_EXEC_INFO", "GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE",
        "GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", "GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL"})
    EXPECT_TRUE(differs([&] { m_system.variables[name] = "a"; })) << name;
}

TEST_F(WrapKey, StaysWhenOnlyThePolicyChanged) {
  EXPECT_EQ(binding(), make_binding(m_system, profile_of(m_command, {"inline", "9m"})).value());
}

TEST_F(WrapKey, HoldsNoArgumentNoInputAndNoValueInClear) {
  m_command.args.emplace_back("--password=S3CRET-1");
  m_command.has_input = true;
  m_command.input = Secret("password=S3CRET-2");
  m_command.variables = {"ROLE"};
  m_system.variables["ROLE"] = "S3CRET-3";
  m_system.variables["AWS_PROFILE"] = "S3CRET-4";
  EXPECT_EQ(binding().find("S3CRET"), std::string::npos);
  EXPECT_NE(binding().find("subject.command=/bin/sh\n"), std::string::npos);
}

TEST_F(WrapKey, APathThatIsNoTextStillMakesARecordThatCanBeRead) {
  m_command.path = "/tmp/\xff";
  EXPECT_TRUE(is_utf8(binding()));
  EXPECT_TRUE(differs([&] { m_command.path = "/tmp/\xfe"; }));
}

TEST(WrapProgram, IsFoundInAbsoluteFoldersOfPath) {
  const ScratchFolder folder;
  const std::string tool = folder / "tool";
  std::ofstream(tool) << "#!/bin/sh\n";
  EXPECT_FALSE(find_program("tool", folder.path()));
  chmod(tool.c_str(), 0755);
  EXPECT_EQ(find_program("tool", "relative::/nowhere:" + folder.path()).value(), tool);
  EXPECT_EQ(find_program("/no/matter", "").value(), "/no/matter");
  EXPECT_EQ(find_program("./tool", "").value(), std::filesystem::current_path().string() + "/./tool");
  const auto missing = find_program("tool", "relative:.:");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().category, Category::usage);
  EXPECT_EQ(missing.error().cause, k_not_found);
}

TEST(WrapProgram, NameMayPromiseAForm) {
  EXPECT_EQ(format_of_name("/usr/bin/git-credential-oauth"), "git");
  EXPECT_EQ(format_of_name("/usr/bin/docker-credential-pass"), "docker");
  EXPECT_EQ(format_of_name("/git-credential-x/tool"), "");
}

TEST(WrapRequest, OnlyGetIsCached) {
  for (const auto& [format, verb, other] : {std::tuple<const char*, const char*, bool>{"git", "get", false},
                                            {"git", "store", true},
                                            {"git", "erase", true},
                                            {"git", "capability", true},
                                            {"docker", "get", false},
                                            {"docker", "store", true},
                                            {"docker", "erase", true},
                                            {"docker", "list", true},
                                            {"docker", "version", true},
                                            {"aws", "list", false},
                                            {"", "erase", false}}) {
    Command command;
    command.args = {"helper", verb};
    command.format = format;
    EXPECT_EQ(is_other_request(command), other) << format << " " << verb;
  }
}

TEST(WrapRequest, GitsEraseNamesWhatWasRefused) {
  Command command;
  command.args = {"helper", "erase"};
  command.format = "git";
  command.input = Secret("protocol=https\nhost=h\npassword=p=1\n");
  EXPECT_EQ(refused_token_hash(command), sha256_hex("p=1"));
  command.input = Secret("protocol=https\nhost=h\n");
  EXPECT_FALSE(refused_token_hash(command));
  command.input = Secret("password=p\n");
  command.args.back() = "store";
  EXPECT_FALSE(refused_token_hash(command));
  command.args.back() = "erase";
  command.format = "docker";
  EXPECT_FALSE(refused_token_hash(command));
}

TEST(WrapRequest, DockersEraseAndStoreOutdateTheGetOfThatServer) {
  Command command = command_of("");
  command.format = "docker";
  command.ttl = 60;
  command.has_input = true;
  command.args = {"helper", "get"};
  command.input = Secret("https://x");
  const FakeSystem system;
  const std::string get = make_binding(system, profile_of(command, {})).value();
  EXPECT_FALSE(outdated_get(command));
  command.args.back() = "erase";
  EXPECT_EQ(make_binding(system, profile_of(outdated_get(command).value(), {})).value(), get);
  command.args.back() = "store";
  command.input = Secret(R"({"ServerURL":"https://x","Username":"u","Secret":"s"})");
  EXPECT_EQ(make_binding(system, profile_of(outdated_get(command).value(), {})).value(), get);
  command.format = "git";
  EXPECT_FALSE(outdated_get(command));
}

TEST(WrapOwnFailure, GoesThroughItsTextAndBack) {
  for (const auto& [status, form] :
       {std::pair<int, const char*>{1, ""}, {0, "{\"a\":1}\n"}, {255, "two\nlines"}}) {
    const auto read = read_own_failure(write_own_failure({status, form}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->exit_status, status);
    EXPECT_EQ(read->form, form);
  }
  for (const char* other : {"", "invalid_grant", "exit_status=", "exit_status=x"})
    EXPECT_FALSE(read_own_failure(other));
}

class WrapJudge : public testing::Test {
 protected:
  tl::expected<Heard, EngineError> judge_output(const std::string& output,
                                                const std::string& former = "") const {
    return judge(m_command, Ended{}, output, former, m_now);
  }
  std::string refusal(const std::string& output, const std::string& former = "") const {
    const auto heard = judge_output(output, former);
    if (heard) return "accepted";
    EXPECT_EQ(heard.error().error.category, Category::unreachable);
    return heard.error().error.message;
  }
  EngineError ended(Ended::How how, int code, const std::string& output = "") const {
    Ended end;
    end.how = how;
    end.code = code;
    const auto heard = judge(m_command, end, output, "", m_now);
    return heard ? EngineError{} : heard.error();
  }

  Command m_command = command_of("script");
  Now m_now{1'767'323'000, 5'000'000};
};

TEST_F(WrapJudge, KeepsTheOutputAndItsExpiryAsTheyAre) {
  const std::string output = " {\"token\" : \"t\",\n\"expires_at\":1767323045}\n\n";
  const auto heard = judge_output(output);
  ASSERT_TRUE(heard);
  EXPECT_TRUE(heard->kept);
  EXPECT_EQ(heard->credential.output->text.reveal(), output);
  EXPECT_EQ(heard->credential.expires_at, 1'767'323'045);
  EXPECT_EQ(heard->credential.issued_at, m_now.wall);
  EXPECT_EQ(heard->credential.issued_boot, m_now.boot());
  EXPECT_EQ(heard->credential.output->token_hash, sha256_hex("t"));
  EXPECT_EQ(heard->credential.token_type, "json");
}

TEST_F(WrapJudge, WithoutAnExpiryOnlyATtlKeeps) {
  EXPECT_FALSE(judge_output("opaque")->kept);
  EXPECT_EQ(judge_output("opaque")->credential.output->text.view(), "opaque");
  m_command.ttl = 600;
  EXPECT_TRUE(judge_output("opaque")->kept);
  EXPECT_EQ(judge_output("opaque")->credential.expires_at, m_now.wall + 600);
  // One that has an expiry has no use for it.
  EXPECT_EQ(judge_output(R"({"token":"t","expires_at":1767323045})")->credential.expires_at, 1'767'323'045);
  m_command.format = "git";
  EXPECT_FALSE(judge_output("")->kept);
}

TEST_F(WrapJudge, RefusesWhatHasExpired) {
  m_now.wall = 1'767'323'045;
  EXPECT_EQ(refusal(R"({"token":"t","expires_at":1767323045})"), "sh printed an answer that expired 0 s ago");
  m_command.ttl = 600;
  m_now.wall += 300;
  EXPECT_EQ(refusal(R"({"token":"t","expires_at":1767323045})"),
            "sh printed an answer that expired 5 min ago");
}

TEST_F(WrapJudge, RefusesAnotherFormThanBeforeUnlessItIsNamed) {
  EXPECT_EQ(
      refusal("oops", "aws"),
      "sh printed an answer of the form bare where it was aws before: if that is meant, name it with --format");
  EXPECT_EQ(refusal("fine", "bare"), "accepted");
  m_command.format = "bare";
  EXPECT_EQ(refusal("fine", "aws"), "accepted");
}

TEST_F(WrapJudge, NamesEachEnding) {
  EXPECT_EQ(ended(Ended::How::exited, 3).error.message, "sh ended with exit status 3");
  EXPECT_EQ(ended(Ended::How::exited, 3).error.cause, "exit_status=3");
  EXPECT_EQ(ended(Ended::How::exited, 3).error.category, Category::refused);
  EXPECT_EQ(ended(Ended::How::exited, 3, R"({"token":"t"})").error.cause, "exit_status=3");
  EXPECT_EQ(ended(Ended::How::exited, 1, "credentials not found in native keychain\n").error.cause,
            "exit_status=1\ncredentials not found in native keychain\n");
  EXPECT_EQ(ended(Ended::How::signalled, SIGKILL).error.message, "sh was ended by signal 9 (Killed)");
  EXPECT_EQ(ended(Ended::How::signalled, SIGKILL).error.cause, "exit_status=137");
  for (const auto how : {Ended::How::overdue, Ended::How::too_long}) {
    EXPECT_EQ(ended(how, 0).error.category, Category::unreachable);
    EXPECT_EQ(ended(how, 0).error.cause, "");
  }
  EXPECT_EQ(ended(Ended::How::unstarted, ENOENT).error.cause, "exit_status=127");
  EXPECT_EQ(ended(Ended::How::unstarted, EACCES).error.cause, "exit_status=126");
  EXPECT_NE(ended(Ended::How::unstarted, ENOEXEC).error.message.find("#!/bin/sh"), std::string::npos);
}

TEST_F(WrapJudge, AnExcerptOfErrorsHasNoSecrets) {
  FakeSystem system;
  system.variables["KEY"] = "hvs.12345";
  m_command.variables = {"KEY", "UNSET"};
  m_command.input = Secret("host=h\npassword=pass word\n");
  Ended end;
  end.errors = Secret("no: hvs.12345 pass word \n eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln \x1b[1m\xff");
  const std::string text = excerpt_of(end, m_command, system);
  EXPECT_EQ(text, "no: [redacted] [redacted] [redacted] [1m?");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "line" + std::to_string(i) + " ";
  end.errors = Secret(many);
  EXPECT_LE(excerpt_of(end, m_command, system).size(), 303U);
  EXPECT_TRUE(excerpt_of(end, m_command, system).ends_with("line998 line999"));
}

// Through Session, as the command line does it.
class WrapHelper : public testing::Test {
 protected:
  WrapHelper() { m_system.variables["WIF_CACHE_DIR"] = m_folder / "cache"; }

  std::string call(const std::string& script, SessionOptions options = {}) {
    m_command.args = {"sh", "-c", script};
    const Profile profile = profile_of(m_command, m_policy);
    Helper helper(m_system, m_command);
    Session session(m_system, helper, profile, options);
    const auto credential = session.get();
    m_warnings = session.warnings();
    if (!credential) return credential.error().message;
    session.refresh_behind();
    return credential->output->text.reveal();
  }
  // Each run leaves a line, and prints a token that is good for an hour of the fake clock.
  std::string counting() const {
    return "echo run >>" + (m_folder / "runs") + "; n=$(wc -l <" + (m_folder / "runs") +
           "); printf '{\"token\":\"t%s\",\"expires_at\":%s}' $n " + std::to_string(1'800'003'600);
  }
  static std::string token(int number) {
    return "{\"token\":\"t" + std::to_string(number) + "\",\"expires_at\":1800003600}";
  }
  void pass(std::int64_t seconds) {
    m_system.time.wall += seconds;
    m_system.time.boot_ms += seconds * 1000;
  }
  Store store() const {
    std::string why;
    return std::move(Store::open(m_folder / "cache", false, why).value().value());
  }

  ScratchFolder m_folder;
  FakeSystem m_system;
  Command m_command = command_of("");
  Policy m_policy;
  std::vector<std::string> m_warnings;
};

TEST_F(WrapHelper, RunsOnceAndThenAnswersFromTheRecord) {
  EXPECT_EQ(call(counting()), token(1));
  pass(1000);
  EXPECT_EQ(call(counting()), token(1));
  pass(2600);
  EXPECT_EQ(call(counting()), "sh printed an answer that expired 0 s ago");
}

TEST_F(WrapHelper, StaleIsAnsweredAtOnceAndRefreshedInAProcessThatHoldsTheLock) {
  call(counting());
  pass(2900);
  EXPECT_EQ(call(counting()), token(1));
  const std::string name = store().names().front();
  const auto lock = store().open_lock(name);
  ASSERT_TRUE(lock_until(lock->get(), LockMode::exclusive, monotonic_ms() + 60'000));
  unlock(lock->get());
  // The lock is free once the record is there.
  EXPECT_EQ(store().read_record(name).value()->credential.output->text.view(), token(2));
}

TEST_F(WrapHelper, ItsInputReachesIt) {
  m_command.has_input = true;
  m_command.input = Secret(std::string(300'000, 'x'));
  EXPECT_EQ(call("wc -c"), "300000\n");
  EXPECT_EQ(call("echo unread"), "unread\n");
}

TEST_F(WrapHelper, AnAnswerThatCantBeKeptIsSaidToThoseWhoWait) {
  SessionOptions options;
  EXPECT_EQ(call("echo opaque", options), "opaque\n");
  EXPECT_TRUE(m_warnings.empty());
  options.verbosity = 1;
  EXPECT_EQ(call("echo opaque", options), "opaque\n");
  ASSERT_EQ(m_warnings.size(), 1U);
  EXPECT_NE(m_warnings[0].find("--ttl"), std::string::npos);
  const auto failure = store().read_failure(store().names().front());
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.cause, k_not_kept);
  EXPECT_FALSE(is_remembered(*failure, m_system.now()));
  m_command.format = "git";
  EXPECT_EQ(call(":", options), "");
  ASSERT_EQ(m_warnings.size(), 1U);
  EXPECT_EQ(m_warnings[0], "sh had no credential to give, which isn't cached");
  m_command.format = "";
  m_command.ttl = 60;
  EXPECT_EQ(call("echo opaque"), "opaque\n");
  EXPECT_EQ(call("echo opaque"), "opaque\n");
}

TEST_F(WrapHelper, AFailureIsRememberedWithWhatItSaid) {
  m_command.variables = {};
  EXPECT_EQ(call("echo why >&2; echo run >>" + (m_folder / "runs") + "; exit 4"),
            "sh ended with exit status 4");
  EXPECT_EQ(call("echo why >&2; echo run >>" + (m_folder / "runs") + "; exit 4"),
            "sh ended with exit status 4: why (0 s ago; next try in 1 s)");
  std::string runs;
  std::getline(std::ifstream(m_folder / "runs"), runs, '\0');
  EXPECT_EQ(runs, "run\n");
}

TEST_F(WrapHelper, ChangedShapeIsNotPrintedWhileAnOldRecordIsThere) {
  const std::string script =
      "if test -e " + (m_folder / "odd") + "; then echo odd; else " + counting() + "; fi";
  EXPECT_EQ(call(script), token(1));
  std::ofstream(m_folder / "odd") << "x";
  pass(3550);
  EXPECT_NE(call(script).find("form bare where it was json before"), std::string::npos);
  store().remove(store().names().front());
  EXPECT_EQ(call(script), "odd\n");
}

TEST_F(WrapHelper, LeavesNoOutputInFreedMemory) {
  const FreedMemory freed("a-token-to-look-for.");
  m_command.has_input = true;
  m_command.input = Secret("a-token-to-look-for." + std::string(5000, 'x'));
  m_command.ttl = 600;
  EXPECT_EQ(call("cat").size(), 5020U);
  EXPECT_EQ(freed.found(), 1);  // the copy that this test compared
}

TEST_F(WrapHelper, AnAnswerTooLargeForARecordIsGivenAndSaid) {
  m_command.ttl = 600;
  EXPECT_EQ(call("head -c 1048000 /dev/zero | tr '\\0' x").size(), 1048000U);
  ASSERT_EQ(m_warnings.size(), 1U);
  EXPECT_NE(m_warnings[0].find("not cached"), std::string::npos);
}

}  // namespace
}  // namespace wif::wrap
