// SPDX-License-Identifier: Apache-2.0
#include "engine/exchange/post.hpp"

#include "engine/exchange/failure.hpp"
#include "util/json.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_try_timeout_ms = 15000;
constexpr std::string_view k_hex = "0123456789ABCDEF";

bool is_plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

void append_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_plain(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += k_hex[byte >> 4U];
    out += k_hex[byte & 15U];
  }
}

}  // namespace

void add_field(PostFields& fields, std::string_view name, std::string_view value) {
  fields.emplace_back(name, Secret(value));
}

void add_if_set(PostFields& fields, std::string_view name, std::string_view value) {
  if (!value.empty()) add_field(fields, name, value);
}

std::string form_encode(std::string_view text) {
  std::string out;
  append_encoded(out, text);
  return out;
}

Secret form_body(const PostFields& fields) {
  std::size_t size = 0;
  for (const auto& [name, value] : fields) size += 3 * (name.size() + value.size()) + 2;
  std::string body;
  body.reserve(size);
  for (const auto& [name, value] : fields) {
    if (!body.empty()) body += '&';
    append_encoded(body, name);
    body += '=';
    append_encoded(body, value.view());
  }
  return Secret(std::move(body));
}

Secret json_body(const PostFields& fields) {
  JsonWriter writer;
  writer.object();
  for (const auto& [name, value] : fields) writer.member(name, value.view());
  writer.end();
  return Secret(writer.take());
}

HttpRequest post_request(const ExchangeInput& input, std::string url, std::string_view content_type) {
  HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers.push_back({"Content-Type", Secret(content_type)});
  request.headers.push_back({"Accept", Secret(std::string_view("application/json"))});
  request.has_body = true;
  request.ca_file = input.setting("ca_file");
  request.ca_dir = input.setting("ca_dir");
  request.try_timeout_ms = k_try_timeout_ms;
  return request;
}

tl::expected<HttpResponse, EngineError> post(Http& http, const HttpRequest& request) {
  auto response = http.send(request);
  if (!response) return tl::unexpected(engine_error(std::move(response.error().error)));
  return std::move(*response);
}

EngineError engine_error(Error error) {
  EngineError failure;
  failure.error = std::move(error);
  return failure;
}

ExchangeResult with_request_id(Result<Credential> credential, const HttpResponse& response) {
  if (credential) return std::move(*credential);
  EngineError failure = engine_error(std::move(credential.error()));
  failure.request_id = request_id(response);
  return tl::unexpected(std::move(failure));
}

}  // namespace wif
