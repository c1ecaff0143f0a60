// SPDX-License-Identifier: Apache-2.0
#include "fault_effects.hpp"

#include "access_tokens.hpp"
#include "connection.hpp"

#include <chrono>
#include <ctime>
#include <memory>

namespace testbed {
namespace {

constexpr std::int64_t k_big = 10 << 20;

void hang(const FaultContext& context, const httplib::Request& request) {
  const int socket = socket_of(request);
  while (!context.gate.stopping() && socket >= 0 && !peer_left(socket, 50)) {
  }
  // No answer may follow, not even to a peer that has only closed its sending half.
  reset_connection(socket);
}

void add_retry_after(const FaultContext& context, const Fault& fault, httplib::Response& response) {
  if (!fault.has("retry_after")) {
    return;
  }
  std::string value = fault.text("retry_after");
  if (value.starts_with("date")) {
    value = http_date(context.clock.now() + (value.size() > 4 ? std::stoll(value.substr(4)) : 0));
  }
  put_header(response, "Retry-After", value);
}

void change_expiry(Json& body, const std::string& value) {
  if (value == "absent") {
    body.erase("expires_in");
    return;
  }
  body.set("expires_in", Json::parse(value).value_or(Json(value)));
}

void change_token(const Fault& fault, httplib::Response& response) {
  auto body = Json::parse(response.body);
  if (response.status != 200 || !body || !body->is_object()) {
    return;
  }
  if (fault.has("empty_token")) {
    body->set("access_token", "");
  }
  if (fault.has("unsafe_token")) {
    body->set("access_token", std::string(k_canary) + "unsafe\r\nX-Injected: yes");
  }
  if (fault.has("expires_in")) {
    change_expiry(*body, fault.text("expires_in"));
  }
  if (fault.has("token_type")) {
    body->set("token_type", fault.text("token_type"));
  }
  response.body = body->dump();
}

void change_body(const Fault& fault, httplib::Response& response) {
  if (fault.has("empty_token") || fault.has("unsafe_token") || fault.has("expires_in") ||
      fault.has("token_type")) {
    change_token(fault, response);
  }
  if (fault.has("invalid_json")) {
    response.body = "{\"access_token\": \"" + std::string(k_canary) + "broken";
  }
  if (fault.has("html")) {
    reply(response, response.status, "<html><body><h1>Sign in to the guest network</h1></body></html>",
          "text/html");
  }
  if (fault.has("big")) {
    const auto size = static_cast<std::size_t>(fault.number("big", k_big));
    reply(response, response.status, "{\"padding\":\"" + std::string(size, 'x') + "\"}", "application/json");
  }
}

// Sends the body through a provider, the one way to promise more than is sent, or to send it slowly.
void stream(httplib::Response& response, std::size_t promised, httplib::ContentProvider provider) {
  const std::string type = response.get_header_value("Content-Type");
  response.headers.erase("Content-Type");
  response.headers.erase("Content-Length");
  response.body.clear();
  response.set_content_provider(promised, type, std::move(provider));
}

void truncate(httplib::Response& response) {
  const std::string body = response.body;
  stream(response, body.size() + 100, [body](std::size_t offset, std::size_t, httplib::DataSink& sink) {
    const std::size_t half = body.size() / 2;
    return offset < half && sink.write(body.data() + offset, half - offset);
  });
}

void drip(Gate& gate, std::int64_t milliseconds, httplib::Response& response) {
  const std::string body = response.body;
  stream(response, body.size(),
         [&gate, milliseconds, body](std::size_t offset, std::size_t, httplib::DataSink& sink) {
           gate.sleep(std::chrono::milliseconds(milliseconds));
           return !gate.stopping() && sink.write(body.data() + offset, 1);
         });
}

}  // namespace

bool apply_before(const FaultContext& context, const Fault& fault, const httplib::Request& request,
                  httplib::Response& response) {
  context.gate.sleep(std::chrono::milliseconds(fault.number("latency", 0)));
  if (fault.has("hang")) {
    hang(context, request);
    return true;
  }
  if (fault.has("reset")) {
    reset_connection(socket_of(request));
    return true;
  }
  if (fault.has("redirect")) {
    reply(response, static_cast<int>(fault.number("status", 307)), "", "text/plain");
    put_header(response, "Location", fault.text("redirect"));
    return true;
  }
  if (fault.has("status")) {
    const std::string body = fault.has("body") ? fault.text("body") : "{}";
    reply(response, static_cast<int>(fault.number("status", 500)), body, "application/json");
    return true;
  }
  return false;
}

void apply_after(const FaultContext& context, const Fault& fault, httplib::Response& response) {
  put_header(response, "Date", http_date(context.clock.now() + fault.number("skew", 0)));
  add_retry_after(context, fault, response);
  change_body(fault, response);
  if (fault.has("truncate")) {
    truncate(response);
  }
  if (fault.has("drip")) {
    drip(context.gate, fault.number("drip", 10), response);
  }
}

std::string http_date(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, length};
}

}  // namespace testbed
