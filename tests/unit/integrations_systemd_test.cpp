// SPDX-License-Identifier: Apache-2.0
// Who asks for a unit's credential, and which profile's the table gives it.
#include "integrations/systemd/units.hpp"

#include <gtest/gtest.h>

namespace wif::systemd {
namespace {

using namespace std::string_literals;

// "UNIT CREDENTIAL", or the category.
std::string parsed(const std::string& name) {
  const auto peer = parse_peer(name);
  if (!peer) return to_string(peer.error().category);
  return std::string(peer->unit) + " " + std::string(peer->credential);
}

// The profile, or the error's message.
std::string given(const std::string& table, std::string_view unit = "app.service",
                  std::string_view credential = "key") {
  const auto profile = profile_of(table, "/t", Peer{unit, credential});
  return profile ? *profile : profile.error().message;
}

const std::string k_nobody = "/t has no line for the credential key of ";

TEST(SystemdPeer, IsAUnitAndACredential) {
  EXPECT_EQ(parsed("\0008e1619ddc9da6b35/unit/app.service/key"s), "app.service key");
  EXPECT_EQ(parsed("\0000/unit/a\\x2db@1:2_3.socket/k.e-y"s), "a\\x2db@1:2_3.socket k.e-y");
}

TEST(SystemdPeer, OfAnyOtherFormIsRefused) {
  for (const std::string& name : {""s,
                                  "\0"s,
                                  "8e16/unit/app.service/key"s,
                                  "\0/unit/app.service/key"s,
                                  "\0008E16/unit/app.service/key"s,
                                  "\00012345678901234567/unit/app.service/key"s,
                                  "\0001/unit/app.service"s,
                                  "\0001/unit/app.service/"s,
                                  "\0001/unit//key"s,
                                  "\0001/unit/app/key"s,
                                  "\0001/unit/.service/key"s,
                                  "\0001/unit/app./key"s,
                                  "\0001/unit/app.service/a/b"s,
                                  "\0001/unit/app.service/.."s,
                                  "\0001/unit/app.service/a:b"s,
                                  "\0001/unit/app.service/a b"s,
                                  "\0001/unit/app.service/key\0"s,
                                  "\0001/unit/*.service/key"s,
                                  "\0001/unit/a\0.service/key"s,
                                  "\0001/unit/\xff.service/key"s,
                                  "\0001/x/unit/app.service/key"s,
                                  "\0001/unit/"s + std::string(300, 'a') + ".service/key"})
    EXPECT_EQ(parsed(name), "usage") << name;
}

TEST(SystemdPeer, IsShownInAscii) {
  const auto peer = parse_peer("\0001/\xff\xc3\xa4\x1b/x"s);
  ASSERT_FALSE(peer);
  for (const char c : peer.error().message) EXPECT_TRUE(c >= ' ' && c <= '~') << peer.error().message;
}

TEST(SystemdPeer, IsRootOrOurOwnManager) {
  EXPECT_TRUE(may_ask(0, 0));
  EXPECT_TRUE(may_ask(0, 1000));
  EXPECT_TRUE(may_ask(1000, 1000));
  EXPECT_FALSE(may_ask(1000, 0));
  EXPECT_FALSE(may_ask(1001, 1000));
  EXPECT_FALSE(may_ask(65534, 0));
  EXPECT_FALSE(may_ask(65534, 65534)) << "anybody, in a user namespace";
  EXPECT_TRUE(may_ask(0, 65534));
}

TEST(SystemdUnits, GivesWhatALineSays) {
  const std::string table = "# comment\n\n  app.service\tkey   prod # why\r\napp.service other second\n";
  EXPECT_EQ(given(table), "prod");
  EXPECT_EQ(given(table, "app.service", "other"), "second");
  EXPECT_EQ(given(table, "bpp.service"), k_nobody + "bpp.service");
  EXPECT_EQ(given("", "app.service"), k_nobody + "app.service");
}

TEST(SystemdUnits, AStarIsAnyInstanceAndNothingElse) {
  const std::string table = "w@*.service key all\nw@1.service key one\n";
  EXPECT_EQ(given(table, "w@2.service"), "all");
  EXPECT_EQ(given(table, "w@a.b@c.service"), "all");
  EXPECT_EQ(given(table, "w@1.service"), "one") << "whichever comes first";
  EXPECT_EQ(given("w@1.service key one\nw@*.service key all\n", "w@1.service"), "one");
  for (const std::string unit : {"w@.service", "w.service", "w@1.timer", "xw@1.service", "w@service"})
    EXPECT_EQ(given(table, unit), k_nobody + unit);
}

TEST(SystemdUnits, AMistakeAnywhereIsAnError) {
  const std::string good = "app.service key prod\n";
  EXPECT_EQ(given(good + "x"), "/t:2: not three words");
  EXPECT_EQ(given(good + "a.service key b c\n"), "/t:2: not three words");
  EXPECT_EQ(given(good + "a.service k/ey b\n"), "/t:2: \"k/ey\" can't be a credential's name");
  EXPECT_EQ(given(good + "app.service key other\n"), "/t:2: a second line for app.service and key");
  for (const std::string unit :
       {"*", "*.service", "w@*", "w*.service", "@*.service*", "a@*.b@*.service", "app"})
    EXPECT_NE(given(good + unit + " key b\n").find("is no unit"), std::string::npos) << unit;
}

}  // namespace
}  // namespace wif::systemd
