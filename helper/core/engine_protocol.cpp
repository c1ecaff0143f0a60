// SPDX-License-Identifier: Apache-2.0
#include "core/engine_protocol.hpp"

#include "util/text.hpp"

namespace wif {
namespace {

// Both programs are of one build: its version is the protocol's.
constexpr std::string_view k_version = WIF_VERSION;

void write_values(JsonWriter& writer, std::string_view name, const NamedValues& values) {
  writer.key(name).object();
  for (const auto& [key, value] : values) writer.member(key, std::string_view(value));
  writer.end();
}

NamedValues read_values(JsonValue object) {
  NamedValues values;
  for (const auto& [key, value] : object.members()) values.emplace_back(key, value.string().value_or(""));
  return values;
}

std::string text_of(JsonValue value) { return std::string(value.string().value_or("")); }

void write_error(JsonWriter& writer, const EngineError& failure) {
  writer.key("error").object();
  writer.member("category", static_cast<int>(failure.error.category));
  writer.member("message", std::string_view(failure.error.message));
  writer.member("hint", std::string_view(failure.error.hint));
  writer.member("cause", std::string_view(failure.error.cause));
  writer.member("retry_after", failure.retry_after);
  writer.member("reused_subject", failure.reused_subject);
  writer.member("subject_sha256", std::string_view(failure.subject_hash));
  writer.member("request_id", std::string_view(failure.request_id));
  writer.member("stage", std::string_view(failure.stage));
  writer.end();
}

EngineError read_error(JsonValue value) {
  EngineError failure;
  failure.error.category = category_from_code(static_cast<int>(value["category"].integer().value_or(70)));
  failure.error.message = text_of(value["message"]);
  failure.error.hint = text_of(value["hint"]);
  failure.error.cause = text_of(value["cause"]);
  failure.retry_after = value["retry_after"].integer().value_or(0);
  failure.reused_subject = value["reused_subject"].boolean().value_or(false);
  failure.subject_hash = text_of(value["subject_sha256"]);
  failure.request_id = text_of(value["request_id"]);
  failure.stage = text_of(value["stage"]);
  return failure;
}

void write_subject(JsonWriter& writer, const FetchedSubject& subject) {
  writer.key("subject").object();
  writer.member("token", subject.token.view());
  writer.member("token_type", std::string_view(subject.token_type));
  writer.member("expires_at", subject.expires_at);
  writer.end();
}

FetchedSubject read_subject(JsonValue value) {
  return {Secret(value["token"].string().value_or("")), text_of(value["token_type"]),
          value["expires_at"].integer().value_or(0)};
}

void write_members(JsonWriter& writer, const EngineRequest& request) {
  writer.member("profile", std::string_view(request.profile));
  writer.member("deadline_ms", request.deadline_ms);
  writer.member("verbosity", request.verbosity);
  writer.member("json_log", request.json_log);
  writer.member("provider", std::string_view(request.provider));
  writer.member("module", std::string_view(request.module));
  writer.member("token_type", std::string_view(request.token_type));
  write_values(writer, "subject", request.subject);
  if (request.subject_token != nullptr) writer.member("subject_token", request.subject_token->view());
  writer.member("exchange", std::string_view(request.exchange));
  write_values(writer, "exchange_settings", request.exchange_settings);
  writer.member("role", std::string_view(request.role));
  writer.member("min_ttl", request.min_ttl);
  writer.key("links").array();
  for (const auto& link : request.links) {
    writer.object();
    write_members(writer, link);
    writer.end();
  }
  writer.end();
  writer.member("store", request.store);
  writer.member("cache_directory", std::string_view(request.cache_directory));
  writer.member("record_name", std::string_view(request.record_name));
  writer.member("binding", std::string_view(request.binding));
  writer.member("refused_subject", std::string_view(request.refused_subject));
  writer.member("key_set_of", std::string_view(request.key_set_of));
  writer.member("subject_only", request.subject_only);
  writer.member("diagnose", request.diagnose);
  writer.member("api_url", std::string_view(request.api_url));
  write_values(writer, "expect", request.expect);
}

EngineRequest read_members(JsonValue json) {
  EngineRequest request;
  request.profile = text_of(json["profile"]);
  request.deadline_ms = json["deadline_ms"].integer().value_or(0);
  request.verbosity = static_cast<int>(json["verbosity"].integer().value_or(0));
  request.json_log = json["json_log"].boolean().value_or(false);
  request.provider = text_of(json["provider"]);
  request.module = text_of(json["module"]);
  request.token_type = text_of(json["token_type"]);
  request.subject = read_values(json["subject"]);
  if (const auto token = json["subject_token"].string())
    request.subject_token = std::make_shared<const Secret>(*token);
  request.exchange = text_of(json["exchange"]);
  request.exchange_settings = read_values(json["exchange_settings"]);
  request.role = text_of(json["role"]);
  request.min_ttl = json["min_ttl"].integer().value_or(0);
  for (const JsonValue link : json["links"].elements()) request.links.push_back(read_members(link));
  request.store = json["store"].boolean().value_or(false);
  request.cache_directory = text_of(json["cache_directory"]);
  request.record_name = text_of(json["record_name"]);
  request.binding = text_of(json["binding"]);
  request.refused_subject = text_of(json["refused_subject"]);
  request.key_set_of = text_of(json["key_set_of"]);
  request.subject_only = json["subject_only"].boolean().value_or(false);
  request.diagnose = json["diagnose"].boolean().value_or(false);
  request.api_url = text_of(json["api_url"]);
  request.expect = read_values(json["expect"]);
  return request;
}

}  // namespace

std::string write_request(const EngineRequest& request) {
  JsonWriter writer;
  writer.object();
  writer.member("version", k_version);
  write_members(writer, request);
  writer.end();
  return writer.take();
}

Result<EngineRequest> read_request(std::string text) {
  TRY_ASSIGN(const Json json, Json::parse(std::move(text)));
  const auto version = json["version"].string();
  if (!version || *version != k_version)
    return fail(Category::bug,
                "wif-engine is version " + std::string(k_version) + " and was started by wif " +
                    std::string(version.value_or("of no known version")),
                "install wif and wif-engine from one package");
  return read_members(json.root());
}

std::string write_stage(std::string_view stage) {
  JsonWriter writer;
  writer.object().member("stage", stage).end();
  return writer.take() + "\n";
}

std::string write_step_line(const DoctorStep& step) {
  JsonWriter writer;
  writer.object().key("step");
  write_step(writer, step);
  writer.end();
  return writer.take() + "\n";
}

std::string write_answer(const EngineAnswer& answer) {
  JsonWriter writer;
  writer.object();
  if (answer.subject) write_subject(writer, *answer.subject);
  if (answer.document) {
    writer.member("document", std::string_view(*answer.document));
  } else if (answer.diagnosed) {
    writer.member("diagnosed", true);
  } else if (answer.outcome) {
    writer.key("credential").object();
    write_credential(writer, *answer.outcome);
    writer.end();
  } else if (!answer.subject || !answer.outcome.error().error.message.empty()) {
    write_error(writer, answer.outcome.error());
  }
  if (!answer.warning.empty()) writer.member("warning", std::string_view(answer.warning));
  writer.end();
  return writer.take() + "\n";
}

std::vector<DoctorStep> read_steps(const std::string& text) {
  std::vector<DoctorStep> steps;
  for (const std::string_view line : split(text, '\n'))
    if (const auto json = Json::parse(std::string(line)); json && (*json)["step"])
      steps.push_back(read_step((*json)["step"]));
  return steps;
}

Result<EngineAnswer> read_answer(const std::string& text, std::string& stage) {
  EngineAnswer answer;
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    TRY_ASSIGN(const Json json, Json::parse(std::string(line)));
    if (const auto named = json["stage"].string()) {
      stage = *named;
      continue;
    }
    if (json["step"]) continue;
    answer.warning = text_of(json["warning"]);
    answer.diagnosed = json["diagnosed"].boolean().value_or(false);
    if (answer.diagnosed) return answer;
    if (const auto document = json["document"].string()) {
      answer.document = std::string(*document);
      return answer;
    }
    if (json["subject"]) answer.subject = read_subject(json["subject"]);
    if (json["error"]) {
      answer.outcome = tl::unexpected(read_error(json["error"]));
    } else if (!answer.subject) {
      TRY_ASSIGN(answer.outcome, read_credential(json["credential"]));
    }
    return answer;
  }
  return fail(Category::bug, "wif-engine ended without an answer");
}

}  // namespace wif
