// SPDX-License-Identifier: Apache-2.0
#include "engine/trust.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fake_system.hpp"
#include "scratch_folder.hpp"

namespace wif {
namespace {

class Trust : public testing::Test {
 protected:
  Trust() {
    // As a machine has it: a folder that nobody hashed, two that somebody did, and two bundles.
    m_places = {{folder("plain", "ca-certificates.crt"), folder("first", "4bfab552.0"),
                 folder("second", "00000000.1")},
                {m_scratch / "absent.crt", file("first.crt"), file("second.crt")}};
    m_system.disk = m_scratch.path();
  }
  std::string file(const std::string& name) const {
    std::ofstream(m_scratch / name) << "x";
    return m_scratch / name;
  }
  std::string folder(const std::string& name, const std::string& content) const {
    mkdir((m_scratch / name).c_str(), 0755);
    file(name + "/" + content);
    return m_scratch / name;
  }
  // "FILE|DIRECTORY", without the scratch folder.
  std::string chosen(const std::string& ca_file = {}, const std::string& ca_dir = {}) const {
    const TrustAnchors anchors = choose_trust_anchors(m_system, m_places, ca_file, ca_dir);
    const auto name = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
    return name(anchors.file) + "|" + name(anchors.directory);
  }
  void set_variables() {
    m_system.variables = {{"SSL_CERT_FILE", "/env/file"}, {"SSL_CERT_DIR", "/env/dir"}};
  }

  ScratchFolder m_scratch;
  FakeSystem m_system;
  TrustPlaces m_places;
};

TEST_F(Trust, SettingsComeFirstAndAlone) {
  set_variables();
  EXPECT_EQ(chosen("/set/ca.pem", "/set/ca.d"), "ca.pem|ca.d");
  EXPECT_EQ(chosen("/set/ca.pem"), "ca.pem|");
  EXPECT_EQ(chosen({}, "/set/ca.d"), "|ca.d");
}

TEST_F(Trust, ThenTheVariablesThatOthersKnowToo) {
  set_variables();
  EXPECT_EQ(chosen(), "file|dir");
  m_system.variables.erase("SSL_CERT_DIR");
  EXPECT_EQ(chosen(), "file|");
  m_system.variables = {{"SSL_CERT_DIR", "/env/dir"}, {"SSL_CERT_FILE", ""}};
  EXPECT_EQ(chosen(), "|dir");
}

TEST_F(Trust, VariablesAreIgnoredWithRaisedPrivileges) {
  set_variables();
  m_system.raised = true;
  EXPECT_EQ(chosen(), "|first");
  EXPECT_EQ(chosen("/set/ca.pem"), "ca.pem|");
}

TEST_F(Trust, ThenTheFirstFolderThatIsHashed) {
  EXPECT_EQ(chosen(), "|first");
  std::filesystem::remove(m_scratch / "first/4bfab552.0");
  EXPECT_EQ(chosen(), "|second");
}

TEST_F(Trust, WhatOnlyLooksHashedIsNot) {
  m_places.directories.clear();
  for (const char* name :
       {"4bfab552.r0", "4BFAB552.0", "4bfab552", "4bfab552.", "4bfab552.0x", "4bfab55.0", "x4bfab552.0"})
    m_places.directories.push_back(folder(std::string("like-") + name, name));
  EXPECT_EQ(chosen(), "first.crt|");
}

TEST_F(Trust, ThenTheFirstBundleThatIsThere) {
  m_places.directories = {m_scratch / "plain", m_scratch / "absent"};
  EXPECT_EQ(chosen(), "first.crt|");
  std::filesystem::remove(m_scratch / "first.crt");
  EXPECT_EQ(chosen(), "second.crt|");
}

TEST_F(Trust, ElseItIsLibcurlsChoice) {
  m_places = {};
  EXPECT_EQ(chosen(), "|");
}

TEST_F(Trust, KnowsDebiansPlaces) {
  EXPECT_EQ(system_trust_places().directories.front(), "/etc/ssl/certs");
  EXPECT_EQ(system_trust_places().files.front(), "/etc/ssl/certs/ca-certificates.crt");
}

}  // namespace
}  // namespace wif
