// SPDX-License-Identifier: Apache-2.0
#include "conformance/scenario.hpp"

#include <ctime>
#include <fstream>

#include "util/encode.hpp"
#include "util/fd.hpp"
#include "util/json.hpp"

namespace wif::conformance {
namespace {

constexpr std::size_t k_limit = 1 << 20;
constexpr std::int64_t k_life = 3600;

// A token as any issuer's, but for its signature, which nobody looks at.
std::string fresh_jwt() {
  const std::int64_t now = time(nullptr);
  JsonWriter payload;
  payload.object().member("iss", "https://issuer.example").member("sub", "conformance");
  payload.member("aud", "https://api.openai.com/v1").member("iat", now).member("exp", now + k_life).end();
  return base64url_encode(R"({"alg":"RS256","kid":"k1","typ":"JWT"})") + "." +
         base64url_encode(payload.take()) + "." + base64url_encode("wif-canary-of-the-conformance-battery");
}

struct Names {
  std::string token;
  std::string folder;

  std::string fill(std::string text) const {
    replace(text, "${token}", token);
    replace(text, "${folder}", folder);
    return text;
  }
  static void replace(std::string& text, std::string_view name, const std::string& value) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
      text.replace(at, name.size(), value);
  }
  std::map<std::string, std::string> map(JsonValue object) const {
    std::map<std::string, std::string> out;
    for (const auto& [key, value] : object.members())
      out[std::string(key)] = fill(std::string(value.string().value_or("")));
    return out;
  }
};

FakeCall::Answer read_answer(JsonValue value, const Names& names) {
  FakeCall::Answer answer;
  answer.status = static_cast<std::int32_t>(value["status"].integer().value_or(200));
  answer.body = names.fill(std::string(value["body"].string().value_or("")));
  if (const auto bytes = value["body_base64url"].string())
    if (!base64url_decode(*bytes, answer.body)) answer.body.clear();
  for (auto& [name, text] : names.map(value["headers"])) answer.headers.emplace_back(name, text);
  return answer;
}

}  // namespace

void Scenario::prepare(FakeCall& call) const {
  call.settings = settings;
  call.variables = variables;
  call.answers = answers;
}

Result<Scenario> read_scenario(const std::string& path, const std::string& folder) {
  TRY_ASSIGN(std::string text, read_file(path, k_limit, Category::usage));
  TRY_ASSIGN(const Json json, Json::parse(std::move(text)));
  Scenario scenario;
  scenario.token = std::string(json["token"].string().value_or(""));
  if (scenario.token.empty()) scenario.token = fresh_jwt();
  const Names names{scenario.token, folder};
  scenario.settings = names.map(json["settings"]);
  scenario.variables = names.map(json["environment"]);
  for (const auto& [name, content] : names.map(json["files"])) std::ofstream(folder + "/" + name) << content;
  for (const auto& answer : json["answers"].elements())
    scenario.answers.push_back(read_answer(answer, names));
  scenario.secrets = {scenario.token};
  for (const auto& secret : json["secrets"].elements())
    scenario.secrets.push_back(names.fill(std::string(secret.string().value_or(""))));
  return scenario;
}

}  // namespace wif::conformance
