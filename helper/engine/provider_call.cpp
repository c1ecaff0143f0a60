// SPDX-License-Identifier: Apache-2.0
#include "engine/provider_call.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "util/text.hpp"

namespace {

// A module reads one byte past the 1 MiB that it allows, to see that there is more.
constexpr std::size_t k_largest_secret = 2 << 20;

static_assert(static_cast<int>(wif::NoAnswer::other) == WIF_HTTP_FAILED &&
              static_cast<int>(wif::NoAnswer::address) == WIF_HTTP_NO_ADDRESS &&
              static_cast<int>(wif::NoAnswer::connection) == WIF_HTTP_NO_CONNECTION &&
              static_cast<int>(wif::NoAnswer::lost) == WIF_HTTP_LOST &&
              static_cast<int>(wif::NoAnswer::tls) == WIF_HTTP_NO_TLS);

// What one HTTP call handed to the module: the arrays point into the response.
struct Answered {
  wif::HttpResponse response;
  std::vector<wif_http_header> headers;
};

struct Block {
  void* memory;
  std::size_t size;
};

}  // namespace

// The interface's opaque call.
struct wif_call {
  explicit wif_call(const wif::ProviderServices& s) : services(s) {}
  wif_call(const wif_call&) = delete;
  wif_call& operator=(const wif_call&) = delete;
  ~wif_call() {
    for (std::string& value : values) wif::wipe(value);
    for (const Block& block : blocks) {
      explicit_bzero(block.memory, block.size);
      std::free(block.memory);
    }
  }

  const wif::ProviderServices& services;
  std::optional<wif::Error> error;
  std::deque<std::string> values;  // of the environment; a deque: what was handed out stays where it is
  std::deque<Answered> answers;
  std::vector<Block> blocks;
};

namespace wif {
namespace {

const std::string* find(const NamedValues& values, std::string_view name) {
  for (const auto& [key, value] : values)
    if (key == name && !value.empty()) return &value;
  return nullptr;
}

const char* setting(wif_call* call, const char* name) {
  const std::string* value = name == nullptr ? nullptr : find(call->services.request.subject, name);
  return value == nullptr ? nullptr : value->c_str();
}

const char* environment(wif_call* call, const char* name) {
  auto value = name == nullptr ? std::optional<std::string>() : call->services.system.trusted_variable(name);
  if (!value) return nullptr;
  return call->values.emplace_back(std::move(*value)).c_str();
}

void log_line(wif_call* call, std::int32_t level, const char* message) {
  if (message == nullptr) return;
  const auto clamped = level <= WIF_LOG_DEBUG  ? LogLevel::debug
                       : level == WIF_LOG_INFO ? LogLevel::info
                                               : LogLevel::warning;
  if (clamped == LogLevel::warning && call->services.warn)
    return call->services.warn(printable(redact(message), 500));
  call->services.log.line(clamped, call->services.request.provider + ": " + message);
}

void* secret_alloc(wif_call* call, std::size_t size) {
  if (size > k_largest_secret) return nullptr;
  call->blocks.reserve(call->blocks.size() + 1);
  void* memory = std::calloc(1, size == 0 ? 1 : size);
  if (memory != nullptr) call->blocks.push_back({memory, size});
  return memory;
}

std::int64_t time_left_ms(wif_call* call) { return call->services.deadline.left_ms(); }

std::int32_t fail_call(wif_call* call, std::int32_t status, const char* message, const char* hint) {
  const auto line = [](const char* text) {
    return text == nullptr ? std::string() : printable(redact(text), 500);
  };
  call->error = Error{category_from_code(status), line(message), line(hint), {}};
  return status;
}

HttpRequest read_http_request(wif_call* call, const wif_http_request& from) {
  HttpRequest request;
  request.method = from.method;
  request.url = from.url;
  for (std::size_t i = 0; i < from.header_count; ++i)
    if (from.headers[i].name != nullptr && from.headers[i].value != nullptr)
      request.headers.push_back({from.headers[i].name, Secret(std::string_view(from.headers[i].value))});
  request.has_body = from.body != nullptr;
  if (request.has_body) request.body = Secret(std::string_view(from.body, from.body_size));
  if (from.unix_socket != nullptr) request.unix_socket = from.unix_socket;
  if (const std::string* file = find(call->services.request.subject, "ca_file")) request.ca_file = *file;
  if (const std::string* folder = find(call->services.request.subject, "ca_dir")) request.ca_dir = *folder;
  request.try_timeout_ms = from.try_timeout_ms;
  request.http2_prior_knowledge = (from.flags & WIF_HTTP2_PRIOR_KNOWLEDGE) != 0;
  request.metadata_host = (from.flags & WIF_HTTP_LINK_LOCAL) != 0;
  request.retry = (from.flags & WIF_HTTP_NO_RETRY) == 0;
  if (from.aws_sigv4 != nullptr && from.aws_access_key_id != nullptr && from.aws_secret_access_key != nullptr)
    request.aws = AwsSignature{from.aws_sigv4, from.aws_access_key_id, Secret(from.aws_secret_access_key)};
  return request;
}

void write_http_response(wif_call* call, HttpResponse from, wif_http_response& response) {
  Answered& answered = call->answers.emplace_back(Answered{std::move(from), {}});
  for (const auto& header : answered.response.headers)
    answered.headers.push_back({header.name.c_str(), header.value.reveal().c_str()});
  response.status = answered.response.status;
  response.failure = WIF_HTTP_FAILED;
  response.headers = answered.headers.data();
  response.header_count = answered.headers.size();
  response.body = answered.response.body.reveal().c_str();
  response.body_size = answered.response.body.size();
}

// Both structures are as they were in version 1; larger ones have members that we don't know and leave alone.
bool is_usable(const wif_http_request* request, const wif_http_response* response) {
  return request != nullptr && response != nullptr && request->struct_size >= sizeof(wif_http_request) &&
         response->struct_size >= sizeof(wif_http_response) && request->method != nullptr &&
         request->url != nullptr && (request->headers != nullptr || request->header_count == 0);
}

std::int32_t http(wif_call* call, const wif_http_request* request, wif_http_response* response) {
  if (!is_usable(request, response))
    return fail_call(call, WIF_BUG, "the module made an HTTP request without method, URL or struct_size",
                     nullptr);
  auto result = call->services.http.send(read_http_request(call, *request));
  if (!result) {
    response->status = 0;
    response->failure = static_cast<std::int32_t>(result.error().reason);
    call->error = std::move(result.error().error);
    return static_cast<std::int32_t>(call->error->category);
  }
  write_http_response(call, std::move(*result), *response);
  return WIF_OK;
}

const char* error_message(wif_call* call) { return call->error ? call->error->message.c_str() : ""; }

constexpr wif_host k_host = {WIF_PROVIDER_ABI, sizeof(wif_host), setting,      environment, http,
                             log_line,         secret_alloc,     time_left_ms, fail_call,   error_message};

bool is_modules_category(std::int32_t status) {
  return status == WIF_CONFIGURATION || status == WIF_NO_IDENTITY || status == WIF_REFUSED ||
         status == WIF_UNREACHABLE || status == WIF_BUG;
}

Error module_error(wif_call& call, std::int32_t status) {
  const std::string module = "module '" + call.services.request.provider + "'";
  if (!is_modules_category(status))
    return {Category::bug,
            module + " returned the unknown status " + std::to_string(status),
            "tell whoever made the module",
            {}};
  if (!call.error || call.error->message.empty())
    return {Category::bug,
            module + " failed (" + to_string(category_from_code(status)) + ") without saying why",
            "tell whoever made the module; -vv may show more",
            {}};
  Error error = std::move(*call.error);
  error.category = category_from_code(status);
  return error;
}

// As the module's own structure says it, which may be smaller than ours.
std::optional<wif_probe_step> copied(const wif_probe_step* from) {
  constexpr std::size_t k_first = offsetof(wif_probe_step, mend) + sizeof(from->mend);
  if (from == nullptr || from->struct_size < k_first) return {};
  wif_probe_step step{};
  std::memcpy(&step, from, std::min<std::size_t>(from->struct_size, sizeof step));
  return step;
}

DoctorStep source_step(const wif_probe_step& from) {
  const auto line = [](const char* text) {
    return text == nullptr ? std::string() : printable(redact(text), 300);
  };
  const std::string id = line(from.id);
  const std::string checked = id.empty() ? line(from.checked) : id + ": " + line(from.checked);
  const Error trouble{category_from_code(from.status), line(from.found), line(from.mend), {}};
  switch (from.result) {
    case WIF_PROBE_OK:
      return ok_step("source", checked, trouble.message);
    case WIF_PROBE_SKIPPED:
      return skipped_step("source", checked, trouble.message);
    case WIF_PROBE_WARNING:
      return told(ok_step("source", checked, trouble.message), StepStatus::warning, trouble.message,
                  trouble.hint);
    default:
      return failed_step("source", checked, trouble);
  }
}

}  // namespace

Result<SubjectToken> fetch_subject(const wif_provider& provider, const ProviderServices& services) {
  wif_call call(services);
  wif_subject_token token{};
  token.struct_size = sizeof token;
  const std::int32_t status = provider.fetch(&k_host, &call, &token);
  std::optional<Error> refusal;
  if (status != WIF_OK) refusal = module_error(call, status);
  const bool to_be_looked_at = services.request.subject_only || services.request.diagnose;
  if (refusal && !to_be_looked_at) return tl::unexpected(std::move(*refusal));
  const std::string_view bytes =
      token.token == nullptr ? std::string_view() : trim({token.token, token.token_size});
  if (bytes.empty() && refusal) return tl::unexpected(std::move(*refusal));
  if (bytes.empty())
    return fail(Category::bug,
                "module '" + services.request.provider + "' succeeded with an empty subject token",
                "tell whoever made the module");
  SubjectToken subject;
  subject.token = Secret(bytes);
  if (token.token_type != nullptr) subject.token_type = token.token_type;
  if (token.expires_at > 0) subject.expires_at = token.expires_at;
  subject.refusal = std::move(refusal);
  return subject;
}

void probe_source(const wif_provider& provider, const ProviderServices& services,
                  const std::function<void(DoctorStep)>& step) {
  // The member came with the table's first version, but a module need not fill it in.
  if (provider.probe == nullptr) return;
  wif_call call(services);
  const auto report = [](void* context, const wif_probe_step* from) {
    if (const auto known = copied(from))
      (*static_cast<const std::function<void(DoctorStep)>*>(context))(source_step(*known));
  };
  auto sink = step;
  const std::int32_t status = provider.probe(&k_host, &call, report, &sink);
  if (status == WIF_OK) return;
  // A token may come all the same: what fails then is the step `subject`.
  const Error error = module_error(call, status);
  step(told(ok_step("source", "the module's own look at its source", error.message), StepStatus::warning,
            error.message, error.hint));
}

}  // namespace wif
