// SPDX-License-Identifier: Apache-2.0
#include "kit/http.hpp"

#include <cerrno>
#include <ctime>

#include "util/text.hpp"

namespace wif::kit {
namespace {

constexpr std::int64_t k_shortest_try_ms = 250;

std::int64_t monotonic_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

void sleep_ms(std::int64_t duration) {
  timespec left{static_cast<time_t>(duration / 1000), static_cast<long>(duration % 1000 * 1'000'000)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

}  // namespace

std::optional<std::string_view> Response::header(std::string_view name) const {
  for (std::size_t i = 0; i < header_count; ++i)
    if (to_lower(headers[i].name) == to_lower(name)) return headers[i].value;
  return {};
}

namespace {

// `failure`: why there is no answer (wif_http_failure).
Result<Response> attempt(const Host& host, const Request& request, const std::string& doing,
                         std::int32_t& failure) {
  // A view need not end in a NUL.
  std::vector<wif_http_header> headers;
  for (const auto& header : request.headers)
    headers.push_back({header.name.c_str(), host.secret_copy(header.value).data()});
  wif_http_request raw{};
  raw.struct_size = sizeof raw;
  raw.flags = request.flags;
  raw.method = request.method.c_str();
  raw.url = request.url.c_str();
  raw.headers = headers.data();
  raw.header_count = headers.size();
  raw.body = request.body ? request.body->data() : nullptr;
  raw.body_size = request.body ? request.body->size() : 0;
  raw.unix_socket = or_null(request.unix_socket);
  raw.try_timeout_ms = request.try_timeout_ms;
  if (request.aws) {
    raw.aws_sigv4 = request.aws->scope.c_str();
    raw.aws_access_key_id = request.aws->access_key_id.c_str();
    raw.aws_secret_access_key = host.secret_copy(request.aws->secret_access_key).data();
  }
  wif_http_response answer{};
  answer.struct_size = sizeof answer;
  const std::int32_t status = host.table()->http(host.call(), &raw, &answer);
  failure = answer.failure;
  if (status != WIF_OK) return fail(status, doing + ": " + host.table()->error_message(host.call()));
  return Response{answer.status, answer.headers, answer.header_count, {answer.body, answer.body_size}};
}

}  // namespace

Result<Response> send(const Host& host, const Request& request, const std::string& doing) {
  std::int32_t failure = WIF_HTTP_FAILED;
  return attempt(host, request, doing, failure);
}

bool leaves_time(const Host& host, std::int64_t pause_ms) {
  return pause_ms + k_shortest_try_ms < host.time_left_ms();
}

Result<Response> send(const Host& host, Request request, const std::string& doing, const RetryRule& rule) {
  request.flags |= WIF_HTTP_NO_RETRY;
  const std::int64_t began = monotonic_ms();
  for (int number = 1;; ++number) {
    std::int32_t failure = WIF_HTTP_FAILED;
    auto response = attempt(host, request, doing, failure);
    if (!response && (failure == WIF_HTTP_FAILED || failure == WIF_HTTP_NO_TLS)) return response;
    const auto pause = rule(Try{response ? response->status : 0, number, monotonic_ms() - began, failure});
    if (!pause || !leaves_time(host, *pause)) return response;
    sleep_ms(*pause);
  }
}

std::string url_encode(std::string_view text) {
  constexpr std::string_view k_hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', k_hex[byte >> 4U], k_hex[byte & 15U]};
    }
  }
  return out;
}

std::string with_query(std::string url,
                       std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  // What follows a fragment's mark isn't sent.
  url.resize(std::min(url.find('#'), url.size()));
  for (const auto& [name, value] : values) {
    const std::size_t mark = url.find('?');
    if (mark == std::string::npos) {
      url += '?';
    } else if (mark + 1 != url.size() && url.back() != '&') {
      url += '&';
    }
    url += url_encode(name) + "=" + url_encode(value);
  }
  return url;
}

std::string excerpt(std::string_view body, std::size_t limit) { return printable(body, limit); }

}  // namespace wif::kit
