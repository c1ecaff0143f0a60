// SPDX-License-Identifier: Apache-2.0
#include "azure/azure.hpp"

#include <dlfcn.h>

#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "core/detection.hpp"
#include "fake_host.hpp"
#include "fake_system.hpp"
#include "scratch_folder.hpp"

namespace wif::azure {
namespace {

constexpr const char* k_audience = "api://00000000-1111-2222-3333-444444444444";
constexpr const char* k_client = "5e29463d-71da-4fe0-8e69-999b57db23b0";

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

Place place(const Surroundings& here) {
  const auto found = place_of(here);
  EXPECT_TRUE(found) << found.error().message;
  return found.value_or(Place{});
}

TEST(AzurePlace, IsTheMetadataServiceUnlessSomethingSaysElse) {
  const Place found = place({});
  EXPECT_EQ(found.kind, Kind::imds);
  EXPECT_EQ(found.url, "http://169.254.169.254/metadata/identity/oauth2/token");
  Surroundings here;
  here.identity_endpoint = "http://127.0.0.1:1/x";  // alone it says nothing
  EXPECT_EQ(place(here).kind, Kind::imds);
  here = {};
  here.identity_header = "alone, as in Container Instances";
  EXPECT_EQ(place(here).kind, Kind::imds);
}

TEST(AzurePlace, TheSettingComesBeforeTheVariables) {
  Surroundings here;
  here.endpoint = "http://127.0.0.1:8080/";
  here.identity_endpoint = "http://127.0.0.1:1/msi/token";
  here.identity_header = "h";
  here.authority_host = "http://127.0.0.1:2";
  here.has_arc_agent = true;
  EXPECT_EQ(place(here).kind, Kind::imds);
  EXPECT_EQ(place(here).url, "http://127.0.0.1:8080/metadata/identity/oauth2/token");
}

TEST(AzurePlace, AnEndpointWithAPathIsAMistake) {
  for (const char* wrong : {"http://127.0.0.1/metadata/identity/oauth2/token", "127.0.0.1:8080", "http://",
                            "http://h?x", "///"}) {
    Surroundings here;
    here.endpoint = wrong;
    const auto found = place_of(here);
    ASSERT_FALSE(found) << wrong;
    EXPECT_EQ(found.error().status, WIF_CONFIGURATION);
    EXPECT_TRUE(has(found.error().message, "subject.endpoint")) << found.error().message;
  }
}

TEST(AzurePlace, IsAppServiceWithBothVariables) {
  Surroundings here;
  here.identity_endpoint = "http://localhost:42356/msi/token";
  here.identity_header = "secret";
  here.imds_endpoint = "http://127.0.0.1:40342";
  EXPECT_EQ(place(here).kind, Kind::app_service);
  EXPECT_EQ(place(here).url, "http://localhost:42356/msi/token");
  EXPECT_EQ(place(here).identity_header, "secret");
  here.server_thumbprint = "a6f221";
  const auto fabric = place_of(here);
  ASSERT_FALSE(fabric);
  EXPECT_EQ(fabric.error().status, WIF_CONFIGURATION);
  EXPECT_TRUE(has(fabric.error().message, "Service Fabric"));
}

TEST(AzurePlace, IsArcByItsVariablesOrItsAgent) {
  Surroundings here;
  here.identity_endpoint = "http://localhost:40342/metadata/identity/oauth2/token";
  here.imds_endpoint = "http://localhost:40342";
  EXPECT_EQ(place(here).kind, Kind::arc);
  EXPECT_EQ(place(here).url, here.identity_endpoint);
  here = {};
  here.has_arc_agent = true;
  EXPECT_EQ(place(here).kind, Kind::arc);
  EXPECT_EQ(place(here).url, "http://127.0.0.1:40342/metadata/identity/oauth2/token");
  here.authority_host = "http://127.0.0.1:2";
  EXPECT_EQ(place(here).kind, Kind::imds);
  EXPECT_EQ(place(here).url, "http://127.0.0.1:2/metadata/identity/oauth2/token");
}

kit::Request request(Kind kind, Identity identity, std::string url = "http://127.0.0.1/t") {
  return request_for({kind, std::move(url), "secret"}, {k_audience, std::move(identity)});
}

std::string header_of(const kit::Request& request, const std::string& name) {
  for (const auto& header : request.headers)
    if (header.name == name) return std::string(header.value);
  return "none";
}

TEST(AzureRequest, ToTheMetadataService) {
  const auto asked = request(Kind::imds, {});
  EXPECT_EQ(asked.method, "GET");
  EXPECT_EQ(
      asked.url,
      "http://127.0.0.1/t?api-version=2018-02-01&resource=api%3A%2F%2F00000000-1111-2222-3333-444444444444");
  EXPECT_EQ(asked.try_timeout_ms, 10'000);
  EXPECT_EQ(header_of(asked, "Metadata"), "true");
  EXPECT_EQ(header_of(asked, "X-IDENTITY-HEADER"), "none");
  EXPECT_EQ(header_of(asked, "Authorization"), "none");
  EXPECT_TRUE(request(Kind::imds, {"client_id", k_client})
                  .url.ends_with("&client_id=5e29463d-71da-4fe0-8e69-999b57db23b0"));
  EXPECT_TRUE(request(Kind::imds, {"object_id", "o"}).url.ends_with("&object_id=o"));
  EXPECT_TRUE(request(Kind::imds, {"msi_res_id", "/s/x"}).url.ends_with("&msi_res_id=%2Fs%2Fx"));
}

TEST(AzureRequest, ToAppService) {
  const auto asked = request(Kind::app_service, {});
  EXPECT_TRUE(has(asked.url, "?api-version=2019-08-01&resource=api%3A"));
  EXPECT_EQ(header_of(asked, "X-IDENTITY-HEADER"), "secret");
  EXPECT_EQ(header_of(asked, "Metadata"), "none");
  EXPECT_TRUE(request(Kind::app_service, {"client_id", "c"}).url.ends_with("&client_id=c"));
  EXPECT_TRUE(request(Kind::app_service, {"object_id", "o"}).url.ends_with("&object_id=o"));
  EXPECT_TRUE(request(Kind::app_service, {"msi_res_id", "/s/x"}).url.ends_with("&mi_res_id=%2Fs%2Fx"));
  EXPECT_TRUE(has(request(Kind::app_service, {}, "http://127.0.0.1/t?a=b").url, "/t?a=b&api-version="));
}

TEST(AzureRequest, ToArc) {
  const auto asked = request_for({Kind::arc, "http://127.0.0.1/t", {}}, {k_audience, {}}, "Basic key");
  EXPECT_TRUE(has(asked.url, "?api-version=2020-06-01&resource=api%3A"));
  EXPECT_EQ(header_of(asked, "Metadata"), "true");
  EXPECT_EQ(header_of(asked, "Authorization"), "Basic key");
  EXPECT_TRUE(request(Kind::arc, {"msi_res_id", "/s/x"}).url.ends_with("&msi_res_id=%2Fs%2Fx"));
}

TEST(AzureRequest, PlainHttpIsVouchedForInThePlatformsOwnNetworkOnly) {
  const auto vouched = [](Kind kind, const char* url) {
    return (request(kind, {}, url).flags & WIF_HTTP_LINK_LOCAL) != 0;
  };
  for (const char* own : {"http://172.16.1.3:8081/msi/token", "http://10.0.0.1/t", "http://192.168.3.4/t",
                          "http://100.64.100.2/msi/token", "http://100.127.255.255/t"}) {
    EXPECT_TRUE(vouched(Kind::app_service, own)) << own;
    EXPECT_FALSE(vouched(Kind::imds, own)) << own;
    EXPECT_FALSE(vouched(Kind::arc, own)) << own;
  }
  for (const char* other : {"http://172.32.0.1/t", "http://11.0.0.1/t", "http://192.169.0.1/t",
                            "http://100.128.0.1/t", "http://100.63.0.1/t", "http://identity.example.com/t",
                            "http://10.0.0.1.example.com/t", "http://10.0.0.1@example.com/t", "http:/", ""})
    EXPECT_FALSE(vouched(Kind::app_service, other)) << other;
  EXPECT_TRUE(vouched(Kind::imds, "https://identity.example.com/t"));  // against proxies
}

// The pauses after the first, second, ... try of the same status, time passing as they say; 0: no more.
std::vector<std::int64_t> pauses(std::int32_t status) {
  std::vector<std::int64_t> out;
  std::int64_t elapsed = 0;
  for (int number = 1; number < 50; ++number) {
    const auto pause = imds_pause({status, number, elapsed});
    if (!pause) break;
    out.push_back(*pause);
    elapsed += *pause;
  }
  return out;
}

TEST(AzureRetries, FollowTheMetadataServicesOwnRules) {
  using Pauses = std::vector<std::int64_t>;
  for (const std::int32_t again : {0, 404, 408, 500, 502, 503, 504, 599})
    EXPECT_EQ(pauses(again), (Pauses{1000, 2000, 4000})) << again;
  EXPECT_EQ(pauses(429), (Pauses{2000, 4000, 8000, 16000}));
  for (const std::int32_t never : {200, 302, 400, 401, 403, 405, 409, 411, 428, 430, 499, 600})
    EXPECT_EQ(pauses(never), Pauses{}) << never;
}

TEST(AzureRetries, AnUpdateIsWaitedForSeventySeconds) {
  const auto all = pauses(410);
  EXPECT_EQ((std::vector<std::int64_t>(all.begin(), all.begin() + 6)),
            (std::vector<std::int64_t>{1000, 2000, 4000, 8000, 10000, 10000}));
  std::int64_t sum = 0;
  for (const auto pause : all) sum += pause;
  EXPECT_EQ(sum, 70'000);
  EXPECT_FALSE(imds_pause({410, 1, 70'000}));
  EXPECT_EQ(imds_pause({410, 1'000'000, 0}), 10'000);
}

struct Unload {
  void operator()(void* module) const { dlclose(module); }
};

class AzureModule : public ::testing::Test {
 protected:
  AzureModule() : m_module(dlopen(WIF_TEST_MODULES "/wif-provider-azure.so", RTLD_NOW)) {
    const auto init = reinterpret_cast<wif_provider_init_fn>(dlsym(m_module.get(), "wif_provider_init"));
    m_table = init(WIF_PROVIDER_ABI);
    m_call.settings = {{"audience", k_audience}, {"endpoint", "http://127.0.0.1:1"}};
  }
  std::int32_t fetch() {
    m_token = {};
    m_token.struct_size = sizeof m_token;
    return m_table->fetch(&FakeCall::host(), m_call.handle(), &m_token);
  }
  static FakeCall::Answer good() {
    return {200, R"({"access_token":"a.b.c","expires_on":"1900000000"})", {}};
  }

  std::unique_ptr<void, Unload> m_module;
  const wif_provider* m_table = nullptr;
  FakeCall m_call;
  wif_subject_token m_token{};
};

TEST_F(AzureModule, FetchesAToken) {
  m_call.answers = {good()};
  ASSERT_EQ(fetch(), WIF_OK) << m_call.message;
  EXPECT_EQ(std::string(m_token.token, m_token.token_size), "a.b.c");
  EXPECT_EQ(m_token.expires_at, 1'900'000'000);
  EXPECT_NE(m_call.asked[0].flags & WIF_HTTP_NO_RETRY, 0U);  // its own rule
}

TEST_F(AzureModule, HasNoDefaultAudience) {
  m_call.settings.erase("audience");
  EXPECT_EQ(fetch(), WIF_CONFIGURATION);
  EXPECT_TRUE(has(m_call.hint, "OPENAI_WIF_AUDIENCE")) << m_call.hint;
  m_call.settings["audience"] = "api://x/.default";
  EXPECT_EQ(fetch(), WIF_CONFIGURATION);
  EXPECT_TRUE(has(m_call.message, "scope"));
  EXPECT_TRUE(m_call.asked.empty());
}

TEST_F(AzureModule, TakesOneIdentityAtMostAndTheVariableBelowTheSettings) {
  m_call.variables["AZURE_CLIENT_ID"] = "from-the-environment";
  m_call.answers = {good(), good()};
  ASSERT_EQ(fetch(), WIF_OK) << m_call.message;
  EXPECT_TRUE(has(m_call.asked[0].url, "&client_id=from-the-environment"));
  m_call.settings["object_id"] = "o";
  ASSERT_EQ(fetch(), WIF_OK) << m_call.message;
  EXPECT_TRUE(m_call.asked[1].url.ends_with("&object_id=o"));
  m_call.settings["msi_res_id"] = "/r";
  EXPECT_EQ(fetch(), WIF_CONFIGURATION);
  EXPECT_TRUE(has(m_call.message, "subject.object_id and subject.msi_res_id")) << m_call.message;
}

TEST_F(AzureModule, TheAppServiceEndpointHasTheHostsRetries) {
  m_call.settings.erase("endpoint");
  m_call.variables = {{"IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token"}, {"IDENTITY_HEADER", "h"}};
  m_call.answers = {good()};
  ASSERT_EQ(fetch(), WIF_OK) << m_call.message;
  EXPECT_EQ(m_call.asked[0].headers["X-IDENTITY-HEADER"], "h");
  EXPECT_EQ(m_call.asked[0].flags & WIF_HTTP_NO_RETRY, 0U);
}

TEST_F(AzureModule, AnswersArcsChallengeOnce) {
  const ScratchFolder folder;
  std::ofstream(folder / "a.key") << "the-key";
  m_call.settings.erase("endpoint");
  m_call.settings["arc_token_dir"] = folder.path();
  m_call.variables = {{"IDENTITY_ENDPOINT", "http://127.0.0.1:1/t"}, {"IMDS_ENDPOINT", "http://127.0.0.1:1"}};
  const FakeCall::Answer challenge{401, "", {{"Www-Authenticate", "Basic realm=" + (folder / "a.key")}}};
  m_call.answers = {challenge, good(), challenge, challenge, {401, "", {}}};
  ASSERT_EQ(fetch(), WIF_OK) << m_call.message;
  EXPECT_EQ(m_call.asked[0].headers.count("Authorization"), 0U);
  EXPECT_EQ(m_call.asked[1].headers["Authorization"], "Basic the-key");
  EXPECT_EQ(fetch(), WIF_REFUSED);
  EXPECT_EQ(m_call.asked.size(), 4U);
  EXPECT_EQ(fetch(), WIF_REFUSED);  // no challenge in it
  EXPECT_TRUE(has(m_call.message, "Basic realm=FILE")) << m_call.message;
}

std::string detected(FakeSystem& system) {
  Catalogue catalogue(system);
  const auto finding = detect(system, catalogue);
  return finding ? std::string(finding->descriptor.name) + " " + std::to_string(finding->rank) : "nothing";
}

TEST(AzureDetection, NeedsMoreThanMicrosoftsName) {
  FakeSystem system;
  system.files["/sys/class/dmi/id/sys_vendor"] = "Microsoft Corporation\n";
  for (const char* laptop : {"", "0\n", "None\n", "No Asset Tag\n", "1234-5678\n"}) {
    system.files["/sys/class/dmi/id/chassis_asset_tag"] = laptop;
    EXPECT_EQ(detected(system), "nothing") << laptop;
  }
  system.files["/sys/class/dmi/id/chassis_asset_tag"] = "7783-7084-3265-9085-8269-3286-77\n";
  EXPECT_EQ(detected(system), "azure 70");
}

TEST(AzureDetection, VariablesOfThePlatformAndOfArc) {
  FakeSystem system;
  system.variables["IDENTITY_ENDPOINT"] = "http://127.0.0.1:1/t";
  EXPECT_EQ(detected(system), "nothing");
  system.variables["IMDS_ENDPOINT"] = "http://127.0.0.1:1";
  EXPECT_EQ(detected(system), "azure 65");
  system.variables["OPENAI_IDENTITY_TOKEN_FILE"] = "/t";  // somebody's choice for this process
  EXPECT_EQ(detected(system), "file 40");
  system.variables["IDENTITY_HEADER"] = "h";
  EXPECT_EQ(detected(system), "azure 30");
  system.variables = {{"AZURE_FEDERATED_TOKEN_FILE", "/t"}, {"AZURE_CLIENT_ID", "c"}};
  EXPECT_EQ(detected(system), "kubernetes 54");
  system.variables.clear();
  system.files["/opt/azcmagent/bin/himds"] = "";
  EXPECT_EQ(detected(system), "azure 65");
}

}  // namespace
}  // namespace wif::azure
