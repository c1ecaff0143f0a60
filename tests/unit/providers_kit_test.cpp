// SPDX-License-Identifier: Apache-2.0
#include "kit/kit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "fake_host.hpp"
#include "kit/http.hpp"
#include "kit/jwt.hpp"
#include "scratch_folder.hpp"
#include "util/encode.hpp"

namespace wif::kit {
namespace {

Result<SubjectToken> good(const Host& host) {
  return SubjectToken{host.secret_copy("token"), "urn:type", 42};
}
Result<SubjectToken> bad(const Host&) { return fail(WIF_REFUSED, "it said no", "ask again"); }
Result<SubjectToken> throws(const Host&) { throw std::runtime_error("thrown"); }
Result<SubjectToken> throws_anything(const Host&) { throw 7; }

struct Answer {
  int32_t status = WIF_OK;
  wif_subject_token token{};
};

template <Result<SubjectToken> (*Fetch)(const Host&)> Answer call_of(FakeCall& call) {
  const wif_provider table = provider<Fetch>("test");
  Answer answer;
  answer.status = table.fetch(&FakeCall::host(), call.handle(), &answer.token);
  return answer;
}

TEST(Fetch, HandsTheTokenOver) {
  FakeCall call;
  const Answer answer = call_of<good>(call);
  EXPECT_EQ(answer.status, WIF_OK);
  EXPECT_EQ(std::string(answer.token.token, answer.token.token_size), "token");
  EXPECT_STREQ(answer.token.token_type, "urn:type");
  EXPECT_EQ(answer.token.expires_at, 42);
}

TEST(Fetch, ReportsAFailureWithItsHint) {
  FakeCall call;
  EXPECT_EQ(call_of<bad>(call).status, WIF_REFUSED);
  EXPECT_EQ(call.message, "it said no");
  EXPECT_EQ(call.hint, "ask again");
}

TEST(Fetch, LetsNoExceptionOut) {
  FakeCall call;
  EXPECT_EQ(call_of<throws>(call).status, WIF_BUG);
  EXPECT_EQ(call.message, "thrown");
  EXPECT_EQ(call_of<throws_anything>(call).status, WIF_BUG);
  call.out_of_memory = true;
  EXPECT_EQ(call_of<good>(call).status, WIF_BUG);
  EXPECT_EQ(call.message, "out of memory");
}

TEST(Offer, IsNothingForAHostOfAnOlderVersion) {
  static const wif_provider table = provider<good>("test");
  EXPECT_EQ(offer(table, WIF_PROVIDER_ABI), &table);
  EXPECT_EQ(offer(table, WIF_PROVIDER_ABI + 1), &table);
  EXPECT_EQ(offer(table, 0), nullptr);
}

TEST(Settings, ARequiredOneThatIsUnsetIsNamed) {
  FakeCall call;
  const auto path = Host(&FakeCall::host(), call.handle()).required_setting("path");
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().status, WIF_CONFIGURATION);
  EXPECT_EQ(path.error().message, "subject.path is not set");
}

class TokenFile : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(m_path, std::ios::binary) << text; }
  Result<std::string_view> read() {
    return read_token_file(Host(&FakeCall::host(), m_call.handle()), m_path);
  }
  Failure failure() {
    const auto result = read();
    if (!result) return result.error();
    ADD_FAILURE() << "no error";
    return {};
  }

  ScratchFolder m_folder;
  std::string m_path = m_folder / "token";
  FakeCall m_call;
};

TEST_F(TokenFile, IsReadWholeAndTrimmed) {
  write(" \r\n\topaque, or not\n\n");
  EXPECT_EQ(read().value(), "opaque, or not");
}

TEST_F(TokenFile, LargeOnesAreReadWhole) {
  const std::string large((std::size_t{1} << 20) - 1, 'x');
  write(large + "\n");
  EXPECT_EQ(read().value(), large);
  write(large + "xy");
  EXPECT_EQ(failure().status, WIF_NO_IDENTITY);
  EXPECT_NE(failure().message.find("larger than 1 MiB"), std::string::npos);
}

TEST_F(TokenFile, OneOfUnknownSizeIsReadWhole) {
  m_path = "/proc/self/smaps";  // its size is said to be 0
  const std::string_view text = read().value();
  EXPECT_GT(text.size(), 4096u);
  EXPECT_EQ(text.find('\0'), std::string_view::npos);
  m_path = "/dev/zero";  // and this one never ends
  EXPECT_NE(failure().message.find("larger than 1 MiB"), std::string::npos);
}

// As the kubelet does it: token -> ..data/token, ..data -> a folder with a time in its name, renamed over.
TEST_F(TokenFile, IsReadAfreshThroughTheLinksSwap) {
  const auto generation = [&](const std::string& name) {
    std::filesystem::create_directory(m_folder / name);
    std::ofstream(m_folder / (name + "/token")) << name;
    std::filesystem::create_directory_symlink(name, m_folder / "..data_tmp");
    std::filesystem::rename(m_folder / "..data_tmp", m_folder / "..data");
  };
  generation("..1");
  std::filesystem::create_symlink("..data/token", m_path);
  EXPECT_EQ(read().value(), "..1");
  generation("..2");
  EXPECT_EQ(read().value(), "..2");
}

TEST_F(TokenFile, AMissingOneSaysHowToMountIt) {
  EXPECT_EQ(failure().status, WIF_NO_IDENTITY);
  EXPECT_EQ(failure().message, "there is no token file " + m_path);
  EXPECT_NE(failure().hint.find("projected token volume"), std::string::npos);
}

TEST_F(TokenFile, AnEmptyOneIsAnError) {
  write("");
  EXPECT_EQ(failure().status, WIF_NO_IDENTITY);
  write(" \n\n");
  EXPECT_EQ(failure().message, "the token file " + m_path + " is empty");
}

TEST_F(TokenFile, AFolderIsAMistakeInTheConfiguration) {
  m_path = m_folder.path();
  EXPECT_EQ(failure().status, WIF_CONFIGURATION);
  EXPECT_NE(failure().hint.find(m_path + "/token"), std::string::npos);
}

TEST_F(TokenFile, AnUnreadableOneSaysSo) {
  write("token");
  chmod(m_path.c_str(), 0);
  // Root may read everything, so it becomes nobody for the time of the call.
  const uid_t user = geteuid();
  ASSERT_EQ(seteuid(user == 0 ? 65534 : user), 0);
  const auto result = failure();
  ASSERT_EQ(seteuid(user), 0);
  EXPECT_EQ(result.status, WIF_NO_IDENTITY);
  EXPECT_NE(result.message.find("Permission denied"), std::string::npos);
}

TEST_F(TokenFile, AFifoWithoutAWriterHoldsNobodyUp) {
  ASSERT_EQ(mkfifo(m_path.c_str(), 0600), 0);
  EXPECT_NE(failure().message.find("is empty"), std::string::npos);
}

TEST_F(TokenFile, IsTakenUpToItsLimit) {
  const Host host(&FakeCall::host(), m_call.handle());
  const auto size = [&](std::size_t limit) -> std::ptrdiff_t {
    const auto text = read_secret_file(host, open_file(m_path), limit);
    return text ? static_cast<std::ptrdiff_t>(text->size()) : -text.error();
  };
  write("12345");
  EXPECT_EQ(size(5), 5);
  EXPECT_EQ(size(4), -EFBIG);
  m_path = "/proc/self/smaps";  // its size is said to be 0
  EXPECT_EQ(size(3), -EFBIG);
  m_path = m_folder.path();
  EXPECT_EQ(size(5), -EISDIR);
}

Request get(const char* url) {
  Request request;
  request.url = url;
  return request;
}

FakeCall::Answer answer(int32_t status, std::string body = {}) { return {status, std::move(body), {}}; }

Result<Response> send_with(FakeCall& call, const RetryRule& rule) {
  const Host host(&FakeCall::host(), call.handle());
  return send(host, get("http://127.0.0.1/"), "asking", rule);
}

std::optional<std::int64_t> until_200(const Try& made) {
  if (made.status == 200 || made.number == 4) return {};
  return 0;
}

TEST(Send, HandsOverWhatWasAnswered) {
  FakeCall call;
  call.answers = {{403, "no", {{"Metadata-Flavor", "Google"}}}};
  const Host host(&FakeCall::host(), call.handle());
  Request request;
  request.url = "http://127.0.0.1/x";
  request.headers = {{"Metadata", std::string_view("true-and-more").substr(0, 4)}};
  const auto response = send(host, request, "asking");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 403);
  EXPECT_EQ(response->body, "no");
  EXPECT_EQ(response->header("metadata-flavor"), "Google");
  EXPECT_FALSE(response->header("other"));
  EXPECT_EQ(call.asked[0].headers["Metadata"], "true");
}

TEST(Send, SaysWhatItDidWhenNobodyAnswers) {
  FakeCall call;
  const Host host(&FakeCall::host(), call.handle());
  const auto response = send(host, get("http://127.0.0.1/"), "asking the source");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().status, WIF_UNREACHABLE);
  EXPECT_EQ(response.error().message, "asking the source: no network here");
}

TEST(Send, TriesAgainAsTheRuleSays) {
  FakeCall call;
  call.answers = {answer(0), answer(410), answer(200, "token"), answer(200, "never")};
  const auto response = send_with(call, until_200);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "token");
  EXPECT_EQ(call.asked.size(), 3U);
  EXPECT_NE(call.asked[0].flags & WIF_HTTP_NO_RETRY, 0U);
}

TEST(Send, GivesTheLastAnswerWhenTheRuleHasEnough) {
  FakeCall call;
  call.answers = {answer(410), answer(410), answer(410), answer(404), answer(200)};
  EXPECT_EQ(send_with(call, until_200)->status, 404);
  EXPECT_EQ(call.asked.size(), 4U);
}

TEST(Send, TellsTheRuleWhyThereIsNoAnswer) {
  FakeCall call;
  call.answers = {{0, "", {}, WIF_HTTP_LOST}, {0, "", {}, WIF_HTTP_NO_ADDRESS}, answer(200)};
  std::vector<std::int32_t> failures;
  const auto response = send_with(call, [&](const Try& made) -> std::optional<std::int64_t> {
    failures.push_back(made.failure);
    return made.failure == WIF_HTTP_NO_ADDRESS ? std::nullopt : std::optional<std::int64_t>(0);
  });
  EXPECT_FALSE(response);
  EXPECT_EQ(failures, (std::vector<std::int32_t>{WIF_HTTP_LOST, WIF_HTTP_NO_ADDRESS}));
}

TEST(Send, TriesNothingAgainThatWillNotPass) {
  for (const std::int32_t failure : {WIF_HTTP_NO_TLS, WIF_HTTP_FAILED}) {
    FakeCall call;
    call.answers = {{0, "", {}, failure}, answer(200)};
    EXPECT_FALSE(send_with(call, until_200)) << failure;
    EXPECT_EQ(call.asked.size(), 1U) << failure;
  }
}

TEST(Send, BeginsNoPauseThatPassesTheDeadline) {
  FakeCall call;
  call.answers = {answer(410), answer(200)};
  EXPECT_EQ(send_with(call, [](const Try&) { return 1000; })->status, 410);
  EXPECT_EQ(call.asked.size(), 1U);
}

// A try that is given no time would say just that, in place of what the one before it met.
TEST(Send, BeginsNoPauseThatLeavesNoTimeForATry) {
  FakeCall call;
  call.time_left_ms = 200;
  call.answers = {answer(410), answer(200)};
  EXPECT_EQ(send_with(call, until_200)->status, 410);
  EXPECT_EQ(call.asked.size(), 1U);
}

TEST(Query, IsEncodedAndAppended) {
  EXPECT_EQ(url_encode("https://api.openai.com/v1 ~é"), "https%3A%2F%2Fapi.openai.com%2Fv1%20~%C3%A9");
  EXPECT_EQ(with_query("http://h/p", {{"a", "1"}, {"b", "x y"}}), "http://h/p?a=1&b=x%20y");
  EXPECT_EQ(with_query("http://h/p?x=1", {{"a", "1"}}), "http://h/p?x=1&a=1");
  EXPECT_EQ(with_query("http://h/p?", {{"a", "1"}}), "http://h/p?a=1");
  EXPECT_EQ(with_query("http://h/p?x=1&", {{"a", "1"}}), "http://h/p?x=1&a=1");
  EXPECT_EQ(with_query("http://h/p#frag", {{"a", "1"}}), "http://h/p?a=1");
}

TEST(PeekJwt, ShowsClaimsAndAudiences) {
  const auto jwt_of = [](const std::string& payload) {
    return base64url_encode(R"({"alg":"RS256"})") + "." + base64url_encode(payload) + ".c2ln";
  };
  const auto one = peek_jwt(jwt_of(R"({"iss":"i","aud":"a"})"));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->text("iss"), "i");
  EXPECT_EQ(one->text("sub"), "");
  EXPECT_TRUE(one->is_for("a"));
  const auto two = peek_jwt(jwt_of(R"({"iss":7,"aud":["a","b"]})"));
  ASSERT_TRUE(two);
  EXPECT_EQ(two->text("iss"), "");
  EXPECT_EQ(two->audience(), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(two->is_for("c"));
  for (const char* wrong : {"", "a.b", "a.b.c.d", "!.!.!", "e30.W10.c2ln"})
    EXPECT_FALSE(peek_jwt(wrong)) << wrong;
}

}  // namespace
}  // namespace wif::kit
