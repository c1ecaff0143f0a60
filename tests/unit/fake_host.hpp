// SPDX-License-Identifier: Apache-2.0
// The host's side of wif/provider.h, in memory, to call a provider's code without an engine.
#pragma once

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
  int32_t status = WIF_OK;
  std::string message;
  std::string hint;

  wif_call* handle() { return reinterpret_cast<wif_call*>(this); }
  static const wif_host& host() {
    static const wif_host table = {WIF_PROVIDER_ABI, sizeof(wif_host), setting, variable, http, log,
                                   allocate,         time_left,        fail};
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
  static int32_t http(wif_call* call, const wif_http_request*, wif_http_response*) {
    return fail(call, WIF_UNREACHABLE, "no network here", nullptr);
  }
  static void log(wif_call*, int32_t, const char*) {}
  static void* allocate(wif_call* call, size_t size) {
    if (of(call).out_of_memory) return nullptr;
    return of(call).m_memory.emplace_back(std::make_unique<char[]>(size)).get();
  }
  static int64_t time_left(wif_call*) { return 1000; }
  static int32_t fail(wif_call* call, int32_t status, const char* message, const char* hint) {
    of(call).status = status;
    of(call).message = message;
    of(call).hint = hint == nullptr ? "" : hint;
    return status;
  }

  std::vector<std::unique_ptr<char[]>> m_memory;
};

}  // namespace wif
