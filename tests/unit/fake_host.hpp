// SPDX-License-Identifier: Apache-2.0
// The host's side of wif/provider.h, in memory, to call a provider's code without an engine.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "wif/provider.h"

namespace wif {

// Stands behind the handle; not a wif_call itself, as the engine in the same test program has its own.
class FakeCall {
 public:
  std::map<std::string, std::string> settings;
  std::map<std::string, std::string> variables;
  bool out_of_memory = false;
  int64_t time_left_ms = 1000;
  // What http() answers, one after the other; status 0 is no answer at all. Then, too, there is none.
  struct Answer {
    int32_t status = 200;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    int32_t failure = WIF_HTTP_NO_CONNECTION;  // of a status 0
  };
  std::vector<Answer> answers;
  struct Asked {
    std::string method;
    std::string url;
    std::string body;
    std::map<std::string, std::string> headers;
    uint32_t flags = 0;
    std::string unix_socket;
  };
  std::vector<Asked> asked;
  std::vector<std::string> logged;
  int32_t status = WIF_OK;
  std::string message;
  std::string hint;

  wif_call* handle() { return reinterpret_cast<wif_call*>(this); }
  static const wif_host& host() {
    static const wif_host table = {WIF_PROVIDER_ABI, sizeof(wif_host), setting, variable,     http, log,
                                   allocate,         time_left,        fail,    error_message};
    return table;
  }

 private:
  static FakeCall& of(wif_call* call) { return *reinterpret_cast<FakeCall*>(call); }
  static const char* find(const std::map<std::string, std::string>& map, const char* name) {
    const auto found = map.find(name);
    return found == map.end() ? nullptr : found->second.c_str();
  }
  static const char* setting(wif_call* call, const char* name) { return find(of(call).settings, name); }
  static const char* variable(wif_call* call, const char* name) { return find(of(call).variables, name); }
  static int32_t http(wif_call* handle, const wif_http_request* request, wif_http_response* response) {
    FakeCall& call = of(handle);
    Asked& asked = call.asked.emplace_back();
    asked.method = request->method;
    asked.url = request->url;
    if (request->body != nullptr) asked.body.assign(request->body, request->body_size);
    for (size_t i = 0; i < request->header_count; ++i)
      asked.headers[request->headers[i].name] = request->headers[i].value;
    asked.flags = request->flags;
    if (request->unix_socket != nullptr) asked.unix_socket = request->unix_socket;
    const size_t index = call.asked.size() - 1;
    response->status = 0;
    response->failure =
        index < call.answers.size() ? call.answers[index].failure : int32_t{WIF_HTTP_NO_CONNECTION};
    if (index >= call.answers.size() || call.answers[index].status == 0)
      return fail(handle, WIF_UNREACHABLE, "no network here", nullptr);
    const Answer& answer = call.answers[index];
    auto& headers = call.m_headers.emplace_back();
    for (const auto& [name, value] : answer.headers) headers.push_back({name.c_str(), value.c_str()});
    response->status = answer.status;
    response->failure = WIF_HTTP_FAILED;
    response->headers = headers.data();
    response->header_count = headers.size();
    response->body = answer.body.c_str();
    response->body_size = answer.body.size();
    return WIF_OK;
  }
  static const char* error_message(wif_call* call) { return of(call).message.c_str(); }
  static void log(wif_call* call, int32_t, const char* line) { of(call).logged.emplace_back(line); }
  static void* allocate(wif_call* call, size_t size) {
    if (of(call).out_of_memory) return nullptr;
    return of(call).m_memory.emplace_back(std::make_unique<char[]>(size)).get();
  }
  static int64_t time_left(wif_call* call) { return of(call).time_left_ms; }
  static int32_t fail(wif_call* call, int32_t status, const char* message, const char* hint) {
    of(call).status = status;
    of(call).message = message;
    of(call).hint = hint == nullptr ? "" : hint;
    return status;
  }

  std::vector<std::unique_ptr<char[]>> m_memory;
  std::deque<std::vector<wif_http_header>> m_headers;
};

}  // namespace wif
