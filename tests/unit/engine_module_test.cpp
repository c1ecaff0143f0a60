// SPDX-License-Identifier: Apache-2.0
// The loader's rules, and one call of a module, without a shared object: tests/modules has those.
#include "engine/module_loader.hpp"

#include <cstring>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/module_rules.hpp"
#include "engine/provider_call.hpp"
#include "unit/fake_system.hpp"
#include "unit/freed_memory.hpp"
#include "unit/scratch_folder.hpp"

namespace wif {
namespace {

using Fetch = std::int32_t (*)(const wif_host*, wif_call*, wif_subject_token*);

std::int32_t good_fetch(const wif_host* host, wif_call* call, wif_subject_token* token) {
  auto* memory = static_cast<char*>(host->secret_alloc(call, 32));
  const char* value = host->setting(call, "value");
  if (value == nullptr) return host->fail(call, WIF_CONFIGURATION, "value is not set", "set it");
  token->token_size = static_cast<std::size_t>(snprintf(memory, 32, " %s\n", value));
  token->token = memory;
  token->token_type = "a-type";
  token->expires_at = 99;
  return WIF_OK;
}

// As the kit reads a file of 1 MiB: with room for the byte that would be too much.
std::int32_t large_fetch(const wif_host* host, wif_call* call, wif_subject_token* token) {
  constexpr std::size_t k_limit = std::size_t{1} << 20;
  auto* memory = static_cast<char*>(host->secret_alloc(call, k_limit + 1));
  if (memory == nullptr) return host->fail(call, WIF_BUG, "out of memory", nullptr);
  memset(memory, 'x', k_limit);
  token->token = memory;
  token->token_size = k_limit;
  return WIF_OK;
}

std::int32_t empty_fetch(const wif_host*, wif_call*, wif_subject_token*) { return WIF_OK; }
std::int32_t silent_fetch(const wif_host*, wif_call*, wif_subject_token*) { return WIF_NO_IDENTITY; }
std::int32_t odd_fetch(const wif_host* host, wif_call* call, wif_subject_token*) {
  return host->fail(call, 99, "x", nullptr);
}

wif_provider table_of(Fetch fetch) { return {WIF_PROVIDER_ABI, sizeof(wif_provider), "t", fetch, nullptr}; }

class NoTransport : public Http {
 public:
  HttpResult send(const HttpRequest&) override {
    return tl::unexpected(
        HttpFailure{Error{Category::unreachable, "no such name", {}, {}}, NoAnswer::address});
  }
};

Result<SubjectToken> fetch(Fetch function, NamedValues settings = {}, bool subject_only = false) {
  EngineRequest request;
  request.subject_only = subject_only;
  request.provider = "t";
  request.subject = std::move(settings);
  NoTransport http;
  const Log log(0, false, STDERR_FILENO);
  return fetch_subject(table_of(function),
                       {request, real_system(), http, log, Deadline(monotonic_ms() + 1000)});
}

TEST(ModuleTable, IsTakenWhenWhole) {
  const auto table = table_of(good_fetch);
  EXPECT_TRUE(check_table(&table, "/m.so", "t"));
}

TEST(ModuleTable, EachFlawHasItsOwnMessage) {
  auto newer = table_of(good_fetch);
  newer.abi_version = WIF_PROVIDER_ABI + 1;
  auto small = table_of(good_fetch);
  small.struct_size = 8;
  auto other = table_of(good_fetch);
  other.name = "u";
  const auto without = table_of(nullptr);
  const std::vector<std::pair<const wif_provider*, const char*>> rows = {
      {nullptr, "serves no interface version"},
      {&newer, "follows interface version 2"},
      {&small, "table of 8 bytes"},
      {&other, "is provider 'u', not 't'"},
      {&without, "no fetch function"}};
  for (const auto& [table, words] : rows) {
    const auto result = check_table(table, "/m.so", "t");
    ASSERT_FALSE(result) << words;
    EXPECT_NE(result.error().message.find(words), std::string::npos) << result.error().message;
    EXPECT_FALSE(result.error().hint.empty());
  }
}

TEST(ModuleCall, HandsOutSettingsAndTakesTheTokenTrimmed) {
  const auto subject = fetch(good_fetch, {{"value", "tok"}});
  ASSERT_TRUE(subject);
  EXPECT_EQ(subject->token.view(), "tok");
  EXPECT_EQ(subject->token_type, "a-type");
  EXPECT_EQ(subject->expires_at, 99);
}

std::int32_t environment_fetch(const wif_host* host, wif_call* call, wif_subject_token* token) {
  token->token = host->environment(call, "TOKEN");
  token->token_size = std::string_view(token->token).size();
  return WIF_OK;
}

TEST(ModuleCall, LeavesNoTokenInFreedMemory) {
  FakeSystem system;
  system.variables["TOKEN"] = "a token that a module found in the environment";
  EngineRequest request;
  request.provider = "t";
  NoTransport http;
  const Log log(0, false, STDERR_FILENO);
  const FreedMemory freed(system.variables["TOKEN"]);
  EXPECT_TRUE(fetch_subject(table_of(environment_fetch),
                            {request, system, http, log, Deadline(monotonic_ms() + 1000)}));
  EXPECT_EQ(freed.found(), 0);
}

TEST(ModuleCall, HasMemoryForOneByteMoreThanTheLargestToken) {
  const auto subject = fetch(large_fetch);
  ASSERT_TRUE(subject) << subject.error().message;
  EXPECT_EQ(subject->token.size(), std::size_t{1} << 20);
}

TEST(ModuleCall, PassesTheModulesErrorOn) {
  const auto subject = fetch(good_fetch);
  ASSERT_FALSE(subject);
  EXPECT_EQ(subject.error().category, Category::configuration);
  EXPECT_EQ(subject.error().message, "value is not set");
}

std::int32_t asking_fetch(const wif_host* host, wif_call* call, wif_subject_token*) {
  wif_http_request request{};
  request.struct_size = sizeof request;
  request.method = "GET";
  request.url = "https://source.example/";
  wif_http_response response{};
  response.struct_size = sizeof response;
  response.status = 200;
  const std::int32_t status = host->http(call, &request, &response);
  const std::string words = std::string(host->error_message(call)) + ", status " +
                            std::to_string(response.status) + ", failure " + std::to_string(response.failure);
  return host->fail(call, status, words.c_str(), nullptr);
}

TEST(ModuleCall, SaysWhyThereIsNoAnswer) {
  const auto subject = fetch(asking_fetch);
  ASSERT_FALSE(subject);
  EXPECT_EQ(subject.error().category, Category::unreachable);
  EXPECT_EQ(subject.error().message, "no such name, status 0, failure 1");
}

TEST(ModuleCall, TellsBrokenPromises) {
  EXPECT_NE(fetch(empty_fetch).error().message.find("empty subject token"), std::string::npos);
  EXPECT_NE(fetch(silent_fetch).error().message.find("without saying why"), std::string::npos);
  EXPECT_NE(fetch(odd_fetch).error().message.find("unknown status 99"), std::string::npos);
  for (const Fetch function : {empty_fetch, silent_fetch, odd_fetch})
    EXPECT_EQ(fetch(function).error().category, Category::bug);
}

std::int32_t refusing_fetch(const wif_host* host, wif_call* call, wif_subject_token* token) {
  token->token = host->setting(call, "value");
  token->token_size = std::string_view(token->token).size();
  return host->fail(call, WIF_NO_IDENTITY, "it expired", nullptr);
}

TEST(ModuleCall, TakesARefusedTokenOnlyToShowIt) {
  EXPECT_EQ(fetch(refusing_fetch, {{"value", "tok"}}).error().message, "it expired");
  auto shown = fetch(refusing_fetch, {{"value", "tok"}}, true);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->token.view(), "tok");
  // And whoever checks it before it is sent is told.
  const Status fit = check_subject(*shown, "t", "", 0);
  ASSERT_FALSE(fit);
  EXPECT_EQ(fit.error().message, "it expired");
}

class ModuleFiles : public testing::Test {
 protected:
  void SetUp() override {
    m_prefix = std::filesystem::canonical(m_folder.path()).string();
    mkdir((m_prefix + "/lib").c_str(), 0755);
    std::ofstream(m_prefix + "/lib/m.so") << "not a shared object";
    chmod((m_prefix + "/lib/m.so").c_str(), 0644);
    m_places.installed = m_prefix + "/lib";
    m_places.prefix = m_prefix;
  }
  ScratchFolder m_folder;
  std::string m_prefix;
  ModulePlaces m_places;
};

TEST_F(ModuleFiles, TheVariablesFoldersAreIgnoredWithRaisedPrivileges) {
  FakeSystem system;
  system.variables["WIF_MODULE_PATH"] = "/one:relative::/two";
  EXPECT_EQ(module_places(system)->development, (std::vector<std::string>{"/one", "/two"}));
  system.raised = true;
  EXPECT_TRUE(module_places(system)->development.empty());
}

TEST_F(ModuleFiles, AreFoundInTheEnginesOwnPrefix) {
  EXPECT_EQ(*find_module("m.so", m_places), m_prefix + "/lib/m.so");
}

TEST_F(ModuleFiles, AreRefusedIfOthersCanWriteThem) {
  chmod((m_prefix + "/lib/m.so").c_str(), 0666);
  const auto path = find_module("m.so", m_places);
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().category, Category::configuration);
  EXPECT_EQ(path.error().hint, "chmod go-w " + m_prefix + "/lib/m.so");
}

TEST_F(ModuleFiles, AreRefusedInAFolderThatOthersCanWrite) {
  chmod((m_prefix + "/lib").c_str(), 0777);
  ASSERT_FALSE(find_module("m.so", m_places));
}

TEST_F(ModuleFiles, HaveNoWayOutOfTheirFolder) { EXPECT_FALSE(find_module("../lib/m.so", m_places)); }

TEST_F(ModuleFiles, AbsentOnesAreNamed) {
  const auto path = find_module("n.so", m_places);
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().message.find(m_prefix + "/lib/n.so"), std::string::npos);
}

TEST_F(ModuleFiles, WhatIsNoSharedObjectIsSaidSo) {
  const auto table = load_module(m_prefix + "/lib/m.so", "m");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().message.rfind("cannot load the module: ", 0), 0U);
}

}  // namespace
}  // namespace wif
