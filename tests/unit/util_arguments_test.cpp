// SPDX-License-Identifier: Apache-2.0
#include "util/arguments.hpp"

#include <gtest/gtest.h>

namespace wif {
namespace {

struct CommandLine {
  Arguments arguments{"wif demo [OPTIONS] [NAME]", "Shows how words are read."};
  std::optional<std::string> profile;
  std::optional<std::string> output;
  std::optional<std::string> name;
  std::vector<std::string> set;
  bool watch = false;
  int verbosity = 0;

  CommandLine() {
    arguments.positional("NAME", name, "a name");
    arguments.option("-o,--output", "FILE", output, "the file to write");
    arguments.flag("--watch", watch, "keep it fresh");
    arguments.group("Global options");
    arguments.option("-p,--profile", "NAME", profile, "profile to use");
    arguments.list("--set", "KEY=VALUE", set, "set a key");
    arguments.counter("-v,--verbose", verbosity, "say more");
    arguments.examples("  wif demo -p prod\n");
  }

  std::string refusal(const std::vector<std::string>& words) {
    const auto parsed = arguments.parse(words);
    if (parsed) return "accepted";
    EXPECT_EQ(parsed.error().category, Category::usage);
    EXPECT_EQ(parsed.error().hint, "usage: wif demo [OPTIONS] [NAME] (--help says more)");
    return parsed.error().message;
  }
};

TEST(Arguments, TakeAValueFromTheSameWordOrTheNext) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--profile", "prod"}, {"--profile=prod"}, {"-p", "prod"}, {"-pprod"}, {"-vpprod"}}) {
    CommandLine line;
    ASSERT_TRUE(line.arguments.parse(words).value_or(false)) << words.front();
    EXPECT_EQ(line.profile, "prod") << words.front();
  }
}

TEST(Arguments, LeaveTargetsAloneUnlessGiven) {
  CommandLine line;
  line.output = "default";
  ASSERT_TRUE(line.arguments.parse({"-p", "x"}).value_or(false));
  EXPECT_EQ(line.output, "default");
  EXPECT_FALSE(line.name);
  EXPECT_FALSE(line.watch);
}

TEST(Arguments, CountFlagsAndCollectLists) {
  CommandLine line;
  ASSERT_TRUE(
      line.arguments.parse({"-vv", "--set", "a=1", "--verbose", "--set=b=2=3", "--watch"}).value_or(false));
  EXPECT_EQ(line.verbosity, 3);
  EXPECT_EQ(line.set, (std::vector<std::string>{"a=1", "b=2=3"}));
  EXPECT_TRUE(line.watch);
}

TEST(Arguments, KeepTheLastOfARepeatedValue) {
  CommandLine line;
  ASSERT_TRUE(line.arguments.parse({"-p", "one", "-p", "two"}).value_or(false));
  EXPECT_EQ(line.profile, "two");
}

TEST(Arguments, TakeAnyWordAsAValueEvenOneThatLooksLikeAnOption) {
  CommandLine line;
  ASSERT_TRUE(line.arguments.parse({"--output", "-", "--profile", "--watch"}).value_or(false));
  EXPECT_EQ(line.output, "-");
  EXPECT_EQ(line.profile, "--watch");
  EXPECT_FALSE(line.watch);
}

TEST(Arguments, TakePositionalsAmongOptions) {
  CommandLine line;
  ASSERT_TRUE(line.arguments.parse({"-v", "thing", "--watch"}).value_or(false));
  EXPECT_EQ(line.name, "thing");
}

TEST(Arguments, AreRefusedWithTheNearestName) {
  EXPECT_EQ(CommandLine().refusal({"--profil", "x"}), "unknown option --profil; did you mean --profile?");
  EXPECT_EQ(CommandLine().refusal({"--outpt=x"}), "unknown option --outpt; did you mean --output?");
  EXPECT_EQ(CommandLine().refusal({"--xyzzy"}), "unknown option --xyzzy");
  EXPECT_EQ(CommandLine().refusal({"-vx"}), "unknown option -x; did you mean -v?");
  EXPECT_EQ(CommandLine().refusal({"-watch"}), "unknown option -watch; did you mean --watch?");
}

TEST(Arguments, AreRefusedWhenAValueIsMissingOrTooMuch) {
  EXPECT_EQ(CommandLine().refusal({"--profile"}), "--profile needs a value: NAME");
  EXPECT_EQ(CommandLine().refusal({"-p"}), "-p needs a value: NAME");
  EXPECT_EQ(CommandLine().refusal({"--watch=yes"}), "--watch takes no value");
  EXPECT_EQ(CommandLine().refusal({"one", "two"}), "unexpected argument \"two\"");
}

TEST(Arguments, ShowNoTokenThatWasGivenByMistake) {
  const std::string token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl";
  EXPECT_EQ(CommandLine().refusal({"x", token}).find("eyJ"), std::string::npos);
  EXPECT_EQ(CommandLine().refusal({"-" + token}).find("eyJhbGci"), std::string::npos);
}

TEST(Arguments, StopAtHelp) {
  for (const char* word : {"-h", "--help"}) {
    CommandLine line;
    const auto parsed = line.arguments.parse({"-v", word, "--xyzzy"});
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(*parsed);
  }
  EXPECT_EQ(CommandLine().arguments.help(),
            "Shows how words are read.\n\n"
            "Usage: wif demo [OPTIONS] [NAME]\n\n"
            "Arguments:\n"
            "  NAME                        a name\n\n"
            "Options:\n"
            "  -h, --help                  show this\n"
            "  -o, --output FILE           the file to write\n"
            "  --watch                     keep it fresh\n\n"
            "Global options:\n"
            "  -p, --profile NAME          profile to use\n"
            "  --set KEY=VALUE             set a key\n"
            "  -v, --verbose               say more\n\n"
            "Examples:\n"
            "  wif demo -p prod\n");
}

}  // namespace
}  // namespace wif
