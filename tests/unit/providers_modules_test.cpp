// SPDX-License-Identifier: Apache-2.0
// The built modules themselves, loaded as the engine loads them. WIF_TEST_MODULES is the build's folder of them.
#include <dlfcn.h>

#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "core/descriptor.hpp"
#include "fake_host.hpp"
#include "scratch_folder.hpp"

namespace wif {
namespace {

struct Unload {
  void operator()(void* module) const { dlclose(module); }
};

class Module {
 public:
  explicit Module(const std::string& name)
      : m_module(dlopen((std::string(WIF_TEST_MODULES "/wif-provider-") + name + ".so").c_str(), RTLD_NOW)) {
    if (!m_module) {
      ADD_FAILURE() << dlerror();
      return;
    }
    const auto init = reinterpret_cast<wif_provider_init_fn>(dlsym(m_module.get(), "wif_provider_init"));
    if (init != nullptr) m_table = init(WIF_PROVIDER_ABI);
  }
  const wif_provider* table() const { return m_table; }
  std::string fetch(FakeCall& call) const {
    wif_subject_token token{};
    token.struct_size = sizeof token;
    if (m_table->fetch(&FakeCall::host(), call.handle(), &token) != WIF_OK) return "failed";
    return {token.token, token.token_size};
  }

 private:
  std::unique_ptr<void, Unload> m_module;
  const wif_provider* m_table = nullptr;
};

TEST(Modules, EveryBuiltInOneHasATableThatFitsItsDescriptor) {
  for (const Descriptor& descriptor : built_in_descriptors()) {
    const Module module{std::string(descriptor.name)};
    ASSERT_NE(module.table(), nullptr) << descriptor.name;
    EXPECT_EQ(module.table()->name, descriptor.name);
    EXPECT_EQ(module.table()->abi_version, WIF_PROVIDER_ABI);
    EXPECT_GE(module.table()->struct_size, sizeof(wif_provider));
  }
}

TEST(FileModule, FetchesTheTokenInTheFile) {
  const ScratchFolder folder;
  const Module module("file");
  ASSERT_NE(module.table(), nullptr);
  FakeCall call;
  EXPECT_EQ(module.fetch(call), "failed");
  EXPECT_EQ(call.status, WIF_CONFIGURATION);
  call.settings["path"] = folder / "token";
  EXPECT_EQ(module.fetch(call), "failed");
  EXPECT_EQ(call.status, WIF_NO_IDENTITY);
  std::ofstream(folder / "token") << "first\n";
  EXPECT_EQ(module.fetch(call), "first");
  std::ofstream(folder / "token") << "second";
  EXPECT_EQ(module.fetch(call), "second");
}

TEST(EnvModule, FetchesTheTokenInTheVariable) {
  const Module module("env");
  ASSERT_NE(module.table(), nullptr);
  FakeCall call;
  EXPECT_EQ(module.fetch(call), "failed");
  EXPECT_EQ(call.status, WIF_CONFIGURATION);
  call.settings["variable"] = "TOKEN";
  EXPECT_EQ(module.fetch(call), "failed");
  EXPECT_EQ(call.status, WIF_NO_IDENTITY);
  EXPECT_EQ(call.message, "the environment variable TOKEN is unset or empty");
  call.variables["TOKEN"] = " \n";
  EXPECT_EQ(module.fetch(call), "failed");
  call.variables["TOKEN"] = " token\n";
  EXPECT_EQ(module.fetch(call), "token");
  call.settings["variable"] = "$TOKEN";
  EXPECT_EQ(module.fetch(call), "failed");
  EXPECT_EQ(call.status, WIF_CONFIGURATION);
}

TEST(SpiffeModule, AsksTheAgentAsItsSpecificationSays) {
  const Module module("spiffe");
  ASSERT_NE(module.table(), nullptr);
  FakeCall call;
  call.settings["audience"] = "a";
  EXPECT_EQ(module.fetch(call), "failed");
  EXPECT_EQ(call.status, WIF_NO_IDENTITY);
  call.variables["SPIFFE_ENDPOINT_SOCKET"] = "unix:///no/such/socket";
  // A head alone: eyJraWQiOiJrIn0 is {"kid":"k"}, eyJpYXQiOjEsImF1ZCI6ImEifQ is {"iat":1,"aud":"a"}.
  const std::string token = "eyJraWQiOiJrIn0.eyJpYXQiOjEsImF1ZCI6ImEifQ.c2ln";
  const std::string svid = "\x0a\x01i\x12" + std::string(1, static_cast<char>(token.size())) + token;
  const std::string message = "\x0a" + std::string(1, static_cast<char>(svid.size())) + svid;
  const std::string frame = std::string(4, '\0') + static_cast<char>(message.size()) + message;
  call.answers = {{200, "", {{"grpc-status", "14"}}}, {200, frame, {{"grpc-status", "0"}}}};
  EXPECT_EQ(module.fetch(call), token) << call.message;
  ASSERT_EQ(call.asked.size(), 2u);
  const FakeCall::Asked& asked = call.asked[1];
  EXPECT_EQ(asked.method + " " + asked.url, "POST http://localhost/SpiffeWorkloadAPI/FetchJWTSVID");
  EXPECT_EQ(asked.unix_socket, "/no/such/socket");
  EXPECT_EQ(asked.flags, uint32_t{WIF_HTTP2_PRIOR_KNOWLEDGE} | uint32_t{WIF_HTTP_NO_RETRY});
  EXPECT_EQ(asked.headers.at("workload.spiffe.io"), "true");
  EXPECT_EQ(asked.headers.at("Content-Type"), "application/grpc");
  EXPECT_EQ(asked.headers.at("TE"), "trailers");
}

TEST(SpiffeModule, TriesAgainOnlyWhatMayPassAndOnlyWithinTheDeadline) {
  const Module module("spiffe");
  ASSERT_NE(module.table(), nullptr);
  const auto tries = [&](const char* status, int64_t time_left_ms) {
    FakeCall call;
    call.settings = {{"audience", "a"}, {"endpoint", "tcp://127.0.0.1:1"}};
    call.time_left_ms = time_left_ms;
    call.answers.assign(9, {200, "", {{"grpc-status", status}}});
    EXPECT_EQ(module.fetch(call), "failed");
    return call.asked.size();
  };
  EXPECT_EQ(tries("7", 60000), 1u);
  EXPECT_EQ(tries("3", 60000), 1u);
  EXPECT_EQ(tries("14", 60000), 4u);
  // A try in less than 250 ms would only hide what the one before it met.
  EXPECT_EQ(tries("14", 551), 3u);
  EXPECT_EQ(tries("14", 550), 2u);
  EXPECT_EQ(tries("14", 350), 1u);
}

}  // namespace
}  // namespace wif
