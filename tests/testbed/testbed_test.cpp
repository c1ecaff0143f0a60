// SPDX-License-Identifier: Apache-2.0
#include "child.hpp"
#include "http.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace testbed {
namespace {

constexpr const char* k_json = "application/json";

class Testbed : public ::testing::Test {
 protected:
  // A reset under TLS would end the test itself.
  static void SetUpTestSuite() { std::signal(SIGPIPE, SIG_IGN); }

  static Json parsed(const httplib::Result& result) {
    return result ? Json::parse(result->body).value_or(Json()) : Json();
  }

  httplib::Client client() const {
    httplib::Client http(m_child.http());
    http.set_read_timeout(20);
    return http;
  }

  Json control(const std::string& what, const Json& options = Json::object()) const {
    return parsed(client().Post("/control/" + what, options.dump(), k_json));
  }

  std::string minted(const Json& options = Json::object()) const {
    const auto result = client().Post("/control/mint", options.dump(), k_json);
    return result ? result->body : "";
  }

  static Json request_for(const std::string& token) {
    return Json::object({{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                         {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
                         {"subject_token", token},
                         {"identity_provider_id", "idp_testbed"},
                         {"service_account_id", "sa_testbed"}});
  }

  httplib::Result post(const Json& request, const std::string& path = "/oauth/token") const {
    return client().Post(path, request.dump(), k_json);
  }

  httplib::Result exchange(const Json& options = Json::object(),
                           const std::string& path = "/oauth/token") const {
    return post(request_for(minted(options)), path);
  }

  std::string outcome_of(const Json& request) const {
    post(request);
    return control("last")["outcome"].text();
  }

  std::string outcome(const Json& options) const { return outcome_of(request_for(minted(options))); }

  static std::time_t seconds_of(const std::string& http_date) {
    std::tm parts{};
    strptime(http_date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return timegm(&parts);
  }

  httplib::Result faulty(const std::string& fault) const {
    return exchange(Json::object(), "/oauth/token?fault=" + fault);
  }

  Child m_child{WIF_TESTBED};
};

TEST_F(Testbed, TradesEachKindOfGoodToken) {
  for (const char* alg : {"RS256", "ES256", "ES384"}) {
    const auto result = exchange(Json::object({{"alg", alg}}));
    ASSERT_EQ(result->status, 200) << alg;
    const Json body = parsed(result);
    EXPECT_TRUE(body["access_token"].text().starts_with("wif-canary-at-"));
    EXPECT_EQ(body["token_type"].text(), "Bearer");
    EXPECT_EQ(body["issued_token_type"].text(), "urn:ietf:params:oauth:token-type:access_token");
    EXPECT_LE(body["expires_in"].number(), 3600);
    EXPECT_GT(body["expires_in"].number(), 3590);
    EXPECT_FALSE(body.has("scope"));
    EXPECT_TRUE(result->has_header("x-request-id"));
    EXPECT_TRUE(result->has_header("Date"));
  }
}

TEST_F(Testbed, NeverOutlivesTheSubjectToken) {
  EXPECT_LE(parsed(exchange(Json::object({{"ttl", 90}})))["expires_in"].number(), 90);
  EXPECT_EQ(parsed(exchange(Json::object({{"ttl", 90000}})))["expires_in"].number(), 3600);
}

TEST_F(Testbed, NarrowsTheScopeByMapping) {
  const Json claims = Json::object({{"sub", "system:serviceaccount:default:x"}});
  Json request = request_for(minted(Json::object({{"claims", claims}})));
  EXPECT_EQ(outcome_of(request), "claims_mismatch");
  request.set("service_account_id", "sa_scoped");
  EXPECT_EQ(parsed(post(request))["scope"].text(), "api.model.request");
}

TEST_F(Testbed, RefusesEachWrongToken) {
  const auto claim = [](const char* name, const Json& value) {
    return Json::object({{"claims", Json::object({{name, value}})}});
  };
  EXPECT_EQ(outcome(claim("iss", "https://elsewhere.test")), "wrong_issuer");
  EXPECT_EQ(outcome(claim("aud", Json::array({"https://elsewhere.test"}))), "wrong_audience");
  EXPECT_EQ(outcome(claim("aud", "https://api.openai.com/v1")), "ok");
  EXPECT_EQ(outcome(claim("sub", "system:serviceaccount:other:x")), "claims_mismatch");
  EXPECT_EQ(outcome(Json::object({{"ttl", -1}})), "expired");
  for (const char* name : {"iss", "aud", "sub", "exp", "iat"}) {
    EXPECT_EQ(outcome(Json::object({{"omit", Json::array({name})}})), "missing_claim") << name;
  }
  EXPECT_EQ(outcome(Json::object({{"bad_signature", true}})), "bad_signature");
  EXPECT_EQ(outcome(Json::object({{"kid", "nobody"}})), "unknown_key");
  EXPECT_EQ(outcome(Json::object({{"kid", "testbed-es256"}})), "bad_signature");
  EXPECT_EQ(outcome(Json::object({{"kid", false}})), "missing_kid");
  EXPECT_EQ(outcome(Json::object({{"alg", "none"}, {"kid", "testbed-rs256"}})), "unsupported_alg");
  EXPECT_EQ(outcome(Json::object({{"header", Json::object({{"alg", "HS256"}})}})), "unsupported_alg");
  EXPECT_EQ(outcome_of(request_for("no-token")), "malformed_token");
  EXPECT_EQ(outcome_of(request_for(minted() + "=")), "malformed_token");
}

TEST_F(Testbed, RefusesEachWrongRequest) {
  const std::string token = minted();
  for (const char* name :
       {"grant_type", "subject_token_type", "subject_token", "identity_provider_id", "service_account_id"}) {
    Json request = request_for(token);
    request.erase(name);
    const auto result = post(request);
    EXPECT_EQ(result->status, 400) << name;
    EXPECT_EQ(parsed(result)["error"].text(), "invalid_request");
    EXPECT_EQ(parsed(result)["error_description"].text(), std::string("missing_parameter: ") + name);
  }
  Json request = request_for(token);
  request.set("identity_provider_id", "idp_nobody");
  EXPECT_EQ(outcome_of(request), "unknown_provider");
  request = request_for(token);
  request.set("service_account_id", "sa_nobody");
  EXPECT_EQ(outcome_of(request), "no_mapping");
  EXPECT_EQ(client().Post("/oauth/token", "a=b", "application/x-www-form-urlencoded")->status, 400);
}

TEST_F(Testbed, NamesTheCauseOnlyWhenStrict) {
  const Json wrong = Json::object({{"claims", Json::object({{"iss", "https://elsewhere.test"}})}});
  const auto bare = exchange(wrong);
  EXPECT_EQ(bare->status, 500);
  EXPECT_EQ(bare->body, "{}");
  control("config", Json::object({{"strict_errors", true}}));
  const auto named = exchange(wrong);
  EXPECT_EQ(named->status, 401);
  EXPECT_EQ(parsed(named)["error"].text(), "invalid_subject_token");
}

TEST_F(Testbed, RefusesASecondUseWhenSingleUseIsOn) {
  control("config", Json::object({{"single_use", true}}));
  const Json request = request_for(minted());
  EXPECT_EQ(post(request)->status, 200);
  const auto second = post(request);
  EXPECT_EQ(second->status, 400);
  EXPECT_EQ(parsed(second)["error_description"].text(), "jti_reused");
}

TEST_F(Testbed, VerifiesWithAnUploadedJwksInPlaceOfItsOwnKeys) {
  const auto upload = [this](const Json& jwks) {
    control("config", Json::object({{"providers", Json::array({Json::object({{"jwks", jwks}})})}}));
  };
  const Json own = parsed(client().Get("/openid/v1/jwks"));
  upload(own);
  EXPECT_EQ(outcome(Json::object()), "ok");
  EXPECT_EQ(outcome(Json::object({{"bad_signature", true}})), "bad_signature");
  Json other = own["keys"].items().at(1);
  upload(Json::object({{"keys", Json::array({other})}}));
  EXPECT_EQ(outcome(Json::object()), "unknown_key");
  other.set("kid", "testbed-rs256");
  upload(Json::object({{"keys", Json::array({other})}}));
  EXPECT_EQ(outcome(Json::object()), "bad_signature");
}

TEST_F(Testbed, MapsAttributesDerivedFromNestedClaims) {
  const Json provider =
      Json::object({{"attributes", Json::object({{"openai.pod", "assertion.kubernetes.io.pod.name"},
                                                 {"openai.ns", "assertion[\"kubernetes.io\"].namespace"}})}});
  const auto mapping = [](const char* pod) {
    return Json::array(
        {Json::object({{"rows", Json::object({{"openai.pod", pod}, {"openai.ns", "default"}})}})});
  };
  control("config", Json::object({{"providers", Json::array({provider})}, {"mappings", mapping("app-*")}}));
  EXPECT_EQ(outcome(Json::object()), "ok");
  control("config", Json::object({{"mappings", mapping("*")}}));
  EXPECT_EQ(outcome(Json::object()), "claims_mismatch");
  control("config", Json::object({{"providers", Json::array({Json::object({{"enabled", false}})})}}));
  EXPECT_EQ(outcome(Json::object()), "disabled_provider");
}

TEST_F(Testbed, ServesTheApiOnlyToItsOwnLivingTokens) {
  control("config", Json::object({{"expires_in", 2}}));
  const std::string token = parsed(exchange())["access_token"].text();
  const httplib::Headers headers{{"Authorization", "Bearer " + token}};
  EXPECT_EQ(client().Get("/v1/models", headers)->status, 200);
  const auto plain = client().Post("/v1/responses", headers, "{}", k_json);
  EXPECT_EQ(parsed(plain)["status"].text(), "completed");
  const auto streamed = client().Post("/v1/responses", headers, R"({"stream":true})", k_json);
  EXPECT_EQ(streamed->get_header_value("Content-Type"), "text/event-stream");
  EXPECT_NE(streamed->body.find("event: response.created"), std::string::npos);
  EXPECT_NE(streamed->body.find("event: response.output_text.delta"), std::string::npos);
  EXPECT_NE(streamed->body.find("event: response.completed"), std::string::npos);
  EXPECT_EQ(client().Get("/v1/models")->status, 401);
  control("config", Json::object({{"clock_skew", 3}}));
  const auto late = client().Get("/v1/models", headers);
  EXPECT_EQ(late->status, 401);
  EXPECT_EQ(parsed(late)["error"]["code"].text(), "invalid_api_key");
}

TEST_F(Testbed, PublishesItsKeys) {
  const Json discovery = parsed(client().Get("/.well-known/openid-configuration"));
  EXPECT_EQ(discovery["issuer"].text(), m_child.http());
  const auto jwks = client().Get("/openid/v1/jwks");
  EXPECT_EQ(jwks->get_header_value("Content-Type"), "application/jwk-set+json");
  EXPECT_EQ(client().Get("/openid/v1/jwks", {{"Accept", "application/json"}})->status, 406);
  EXPECT_EQ(parsed(jwks)["keys"].items().size(), 3U);
  EXPECT_EQ(jwks->body.find("\"d\""), std::string::npos);
}

TEST_F(Testbed, SpeaksTlsWithItsOwnAuthority) {
  httplib::Client trusting(m_child.https());
  trusting.set_ca_cert_path(m_child.ca_file());
  EXPECT_EQ(trusting.Get("/v1/models")->status, 401);
  httplib::Client hashed(m_child.https());
  hashed.set_ca_cert_path("", m_child.ca_dir());
  EXPECT_EQ(hashed.Get("/v1/models")->status, 401);
  EXPECT_FALSE(httplib::Client(m_child.https()).Get("/v1/models"));
}

TEST_F(Testbed, FailsAsOftenAsAskedThenWorks) {
  const std::string fault = "status=503,times=2,retry_after=7";
  EXPECT_EQ(faulty(fault)->status, 503);
  EXPECT_EQ(faulty(fault)->get_header_value("Retry-After"), "7");
  EXPECT_EQ(faulty(fault)->status, 200);
  control("faults", Json::object({{"fault", "status=429,retry_after=date+5"}, {"count", 1}}));
  const auto dated = exchange();
  EXPECT_EQ(dated->status, 429);
  EXPECT_TRUE(dated->get_header_value("Retry-After").ends_with(" GMT"));
  EXPECT_GT(seconds_of(dated->get_header_value("Retry-After")), seconds_of(dated->get_header_value("Date")));
  EXPECT_EQ(exchange()->status, 200);
  EXPECT_EQ(faulty("nonsense")->status, 422);
}

TEST_F(Testbed, BreaksConnections) {
  EXPECT_FALSE(faulty("reset"));
  EXPECT_FALSE(faulty("truncate"));
  httplib::Client impatient(m_child.http());
  impatient.set_read_timeout(1);
  EXPECT_FALSE(impatient.Get("/v1/models?fault=hang"));
  httplib::Client tls(m_child.https());
  tls.set_ca_cert_path(m_child.ca_file());
  EXPECT_FALSE(tls.Get("/v1/models", {{"X-Testbed-Fault", "reset"}}));
}

TEST_F(Testbed, ResetsWithRst) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const std::string url = m_child.http();
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = "GET /v1/models?fault=reset HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(::send(socket, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  char byte = 0;
  EXPECT_EQ(::recv(socket, &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
  ::close(socket);
}

TEST_F(Testbed, SpoilsAnswers) {
  EXPECT_FALSE(Json::parse(faulty("invalid_json")->body));
  EXPECT_EQ(faulty("html")->get_header_value("Content-Type"), "text/html");
  EXPECT_GT(faulty("big")->body.size(), 10U << 20U);
  EXPECT_EQ(faulty("redirect=http://127.0.0.1:1/a")->get_header_value("Location"), "http://127.0.0.1:1/a");
  EXPECT_EQ(faulty("redirect=http://127.0.0.1:1/a,status=302")->status, 302);
  const Json empty = parsed(faulty("empty_token"));
  EXPECT_TRUE(empty["access_token"].is_text() && empty["access_token"].text().empty());
  EXPECT_NE(parsed(faulty("unsafe_token"))["access_token"].text().find('\n'), std::string::npos);
  EXPECT_EQ(parsed(faulty("expires_in=-1"))["expires_in"].number(), -1);
  EXPECT_EQ(parsed(faulty("expires_in=%22600%22"))["expires_in"].text(), "600");
  EXPECT_EQ(parsed(faulty("expires_in=abc"))["expires_in"].text(), "abc");
  EXPECT_FALSE(parsed(faulty("expires_in=absent")).has("expires_in"));
  EXPECT_EQ(parsed(faulty("token_type=N_A"))["token_type"].text(), "N_A");
}

TEST_F(Testbed, AnswersLateAndSlowly) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(faulty("latency=200")->status, 200);
  EXPECT_EQ(faulty("drip=1")->status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(400));
}

TEST_F(Testbed, GivesOrderedAnswersWordForWord) {
  const Json headers = Json::object({{"Metadata-Flavor", "Google"}});
  const Json answer = Json::object({{"path", "/identity"},
                                    {"status", 203},
                                    {"headers", headers},
                                    {"body", "x.y.z"},
                                    {"content_type", "text/html"},
                                    {"times", 1}});
  control("config", Json::object({{"answers", Json::array({answer})}}));
  const auto given = client().Get("/identity");
  EXPECT_EQ(given->status, 203);
  EXPECT_EQ(given->body, "x.y.z");
  EXPECT_EQ(given->get_header_value("Metadata-Flavor"), "Google");
  EXPECT_EQ(client().Get("/identity")->status, 404);
}

TEST_F(Testbed, AListOfAnswersReplacesTheFormerOneOnAllPaths) {
  const auto order = [this](std::initializer_list<std::pair<const char*, int>> answers) {
    std::vector<Json> list;
    for (const auto& [path, status] : answers) {
      list.push_back(Json::object({{"path", path}, {"status", status}}));
    }
    control("config", Json::object({{"answers", Json::array(list)}}));
  };
  order({{"/a", 201}, {"/b", 202}});
  control("config", Json::object({{"single_use", false}}));
  EXPECT_EQ(client().Get("/a")->status, 201);
  order({{"/a", 203}});
  EXPECT_EQ(client().Get("/a")->status, 203);
  EXPECT_EQ(client().Get("/b")->status, 404);
  order({});
  EXPECT_EQ(client().Get("/a")->status, 404);
}

TEST_F(Testbed, HoldsRequestsUntilReleased) {
  constexpr int k_clients = 200;
  control("hold");
  const std::string token = minted();
  std::vector<std::thread> threads;
  std::atomic<int> ok = 0;
  for (int i = 0; i < k_clients; ++i) {
    threads.emplace_back([&] { ok += post(request_for(token))->status == 200 ? 1 : 0; });
  }
  EXPECT_EQ(client().Get("/control/wait?path=/oauth/token&count=200")->status, 200);
  EXPECT_EQ(ok, 0);
  control("release");
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(ok, k_clients);
  EXPECT_EQ(control("counts")["exchanges"]["ok"].number(), k_clients);
}

TEST_F(Testbed, ServesAThousandConnections) {
  std::vector<httplib::Client> clients;
  clients.reserve(1000);
  for (int i = 0; i < 1000; ++i) {
    clients.emplace_back(m_child.http());
    clients.back().set_keep_alive(true);
  }
  int answered = 0;
  for (auto& each : clients) {
    const auto result = each.Get("/openid/v1/jwks");
    answered += result && result->status == 200 ? 1 : 0;
  }
  EXPECT_EQ(answered, 1000);
}

TEST_F(Testbed, KeepsRequestsButNoToken) {
  const std::string token = minted();
  httplib::Headers headers{{"Authorization", "Bearer " + token}, {"User-Agent", "self-test"}};
  client().Post("/oauth/token", headers, request_for(token).dump(), k_json);
  const auto last = client().Get("/control/last");
  EXPECT_EQ(last->body.find(token), std::string::npos);
  EXPECT_EQ(parsed(last)["headers"]["user-agent"].text(), "self-test");
  EXPECT_EQ(parsed(last)["body"]["service_account_id"].text(), "sa_testbed");
  EXPECT_EQ(parsed(last)["body"]["subject_token"].text().size(), 71U);
  control("reset");
  EXPECT_EQ(client().Get("/control/last")->status, 404);
}

TEST(TestbedProgram, EndsWithItsInputAndLeavesNothing) {
  const auto file =
      std::filesystem::temp_directory_path() / ("wif-testbed-token-" + std::to_string(getpid()));
  Child child(WIF_TESTBED, {"--write-token", file.string(), "--die-with-parent"});
  std::ifstream in(file);
  const std::string token(std::istreambuf_iterator<char>(in), {});
  EXPECT_TRUE(token.starts_with("eyJ"));
  EXPECT_TRUE(std::filesystem::exists(child.ca_file()));
  EXPECT_EQ(child.end(), 0);
  EXPECT_FALSE(std::filesystem::exists(child.ca_file()));
  std::filesystem::remove(file);
}

TEST(TestbedProgram, CanHaveABadCertificate) {
  for (const char* flaw : {"expired", "name", "untrusted"}) {
    const Child child(WIF_TESTBED, {"--certificate-flaw", flaw});
    httplib::Client client(child.https());
    client.set_ca_cert_path(child.ca_file());
    EXPECT_FALSE(client.Get("/v1/models")) << flaw;
  }
}

}  // namespace
}  // namespace testbed
