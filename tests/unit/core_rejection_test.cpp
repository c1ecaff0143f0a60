// SPDX-License-Identifier: Apache-2.0
// When asking again says that a token was refused. What a look-up makes of it is SessionTest's.
#include "core/rejection.hpp"

#include <limits>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "scratch_folder.hpp"
#include "util/fd.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_caller = 4711;
constexpr std::int64_t k_issued = 5'000;
constexpr std::int64_t k_asked_ms = 5'100'000;
constexpr Asked k_before{k_caller, k_asked_ms, k_issued, 0};

bool rejected_after(std::int64_t ms, const Asked& before = k_before) {
  return is_rejection(before, k_caller, k_issued, k_asked_ms + ms);
}

TEST(Rejection, IsTheSameCallerAskingWithinTenSecondsForWhatItWasGiven) {
  EXPECT_TRUE(rejected_after(0));
  EXPECT_TRUE(rejected_after(10));
  EXPECT_TRUE(rejected_after(10'000));
  EXPECT_FALSE(rejected_after(10'001));
}

TEST(Rejection, IsNotAnotherCallerNorAnUnknownOne) {
  EXPECT_FALSE(is_rejection(k_before, k_caller + 1, k_issued, k_asked_ms));
  EXPECT_FALSE(is_rejection(k_before, 0, k_issued, k_asked_ms));
  EXPECT_FALSE(is_rejection({0, k_asked_ms, k_issued, 0}, 0, k_issued, k_asked_ms));
}

TEST(Rejection, IsNotOfACredentialThatItWasNotGiven) {
  EXPECT_FALSE(is_rejection(k_before, k_caller, k_issued + 1, k_asked_ms));
}

TEST(Rejection, ForcesOneExchangeAMinute) {
  const auto forced = [](std::int64_t ago_ms) {
    return Asked{k_caller, k_asked_ms, k_issued, k_asked_ms - ago_ms};
  };
  EXPECT_FALSE(rejected_after(0, forced(0)));
  EXPECT_FALSE(rejected_after(0, forced(59'999)));
  EXPECT_TRUE(rejected_after(0, forced(60'000)));
}

TEST(Rejection, IsNotALineFromBeforeTheMachineWasStartedAnew) { EXPECT_FALSE(rejected_after(-1)); }

TEST(RejectionLine, ComesBackAsItWas) {
  constexpr std::int64_t k_most = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t k_least = std::numeric_limits<std::int64_t>::min();
  for (const Asked& asked :
       {k_before, Asked{}, Asked{k_most, k_most, k_most, k_most}, Asked{k_least, k_least, 0, -1}}) {
    const auto back = parse_asked(format_asked(asked));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->caller, asked.caller);
    EXPECT_EQ(back->at_boot_ms, asked.at_boot_ms);
    EXPECT_EQ(back->issued_boot, asked.issued_boot);
    EXPECT_EQ(back->forced_boot_ms, asked.forced_boot_ms);
  }
}

TEST(RejectionLine, IsOfOneLengthSoThatItCanBeOverwrittenInPlace) {
  EXPECT_EQ(format_asked({}).size(), format_asked({k_caller, k_asked_ms, k_issued, -k_asked_ms}).size());
}

TEST(RejectionLine, WhatIsNoneIsNothing) {
  const std::string line = format_asked(k_before);
  EXPECT_FALSE(parse_asked(""));
  EXPECT_FALSE(parse_asked(line.substr(1)));
  EXPECT_FALSE(parse_asked(line + "x"));
  EXPECT_FALSE(parse_asked(std::string(line.size(), ' ')));
  EXPECT_FALSE(parse_asked(std::string(line.size(), '9')));  // more than 64 bits
  for (const char wrong : {'x', '\0', '.', '-'}) {
    std::string damaged = line;
    damaged[19] = wrong;  // the last digit of the first number
    EXPECT_FALSE(parse_asked(damaged)) << static_cast<int>(wrong);
  }
}

class RejectionFile : public testing::Test {
 protected:
  Fd open_file(int flags = O_RDWR | O_CREAT) const {
    return Fd(open((m_scratch / "lock").c_str(), flags | O_CLOEXEC, 0600));
  }
  ScratchFolder m_scratch;
};

TEST_F(RejectionFile, ANewLockFileHoldsNone) { EXPECT_FALSE(read_asked(open_file().get())); }

TEST_F(RejectionFile, HoldsTheLastLineOnly) {
  const Fd file = open_file();
  write_asked(file.get(), {1, 2, 3, 4});
  write_asked(file.get(), k_before);
  struct stat info {};
  ASSERT_EQ(fstat(file.get(), &info), 0);
  EXPECT_EQ(info.st_size, static_cast<off_t>(format_asked(k_before).size()));
  const auto back = read_asked(open_file().get());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->caller, k_caller);
}

TEST_F(RejectionFile, OneThatCannotBeWrittenIsNotRemembered) {
  static_cast<void>(open_file());
  write_asked(open_file(O_RDONLY).get(), k_before);
  write_asked(-1, k_before);
  EXPECT_FALSE(read_asked(open_file().get()));
  EXPECT_FALSE(read_asked(-1));
}

}  // namespace
}  // namespace wif
