// SPDX-License-Identifier: Apache-2.0
#include "conformance/checks.hpp"

#include <dlfcn.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "engine/url.hpp"

namespace wif::conformance {
namespace {

constexpr int k_many = 1000;
constexpr int k_warm_up = 50;
#ifdef __SANITIZE_THREAD__
constexpr std::ptrdiff_t k_own_threads = 2;  // the sanitizer has one
#else
constexpr std::ptrdiff_t k_own_threads = 1;
#endif
constexpr std::size_t k_tolerated_growth = std::size_t{64} << 10;
// More requests than this in one call is a loop.
constexpr std::size_t k_most_requests = 50;

// Never closed but where closing is what is looked at.
const wif_provider* load(const Subject& subject, std::uint32_t host_abi = WIF_PROVIDER_ABI) {
  void* handle = dlopen(subject.path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = handle == nullptr ? nullptr : dlsym(handle, "wif_provider_init");
  return symbol == nullptr ? nullptr : reinterpret_cast<wif_provider_init_fn>(symbol)(host_abi);
}

// One call of fetch, and what is wrong with how it went, whatever came of it.
struct Fetched {
  std::int32_t status = WIF_BUG;
  std::string token;
  std::string problem;
};

std::string shown_secret(const FakeCall& call, const Scenario& scenario) {
  for (const auto& secret : scenario.secrets) {
    if (call.message.find(secret) != std::string::npos) return "its message holds a secret";
    if (call.hint.find(secret) != std::string::npos) return "its hint holds a secret";
    for (const auto& line : call.logged)
      if (line.find(secret) != std::string::npos) return "it logs a secret";
  }
  return {};
}

std::string requests_problem(const FakeCall& call) {
  if (call.asked.size() > k_most_requests)
    return "it made " + std::to_string(call.asked.size()) + " requests in one call";
  for (const auto& asked : call.asked) {
    const auto url =
        check_url(asked.url, {(asked.flags & WIF_HTTP_LINK_LOCAL) != 0, !asked.unix_socket.empty()});
    if (!url) return "the host would refuse its request: " + url.error().message;
  }
  return {};
}

std::string failure_problem(const FakeCall& call, std::int32_t status) {
  constexpr std::array k_categories = {WIF_CONFIGURATION, WIF_NO_IDENTITY, WIF_REFUSED, WIF_UNREACHABLE,
                                       WIF_BUG};
  if (std::find(k_categories.begin(), k_categories.end(), status) == k_categories.end())
    return "it returned the status " + std::to_string(status) + ", which is no category for a module";
  if (call.message.empty()) return "it failed without a message";
  if (call.message.find('\n') != std::string::npos) return "its message has more than one line";
  return {};
}

Fetched fetch(const wif_provider& provider, FakeCall& call, const Scenario& scenario) {
  Fetched fetched;
  wif_subject_token token{};
  token.struct_size = sizeof token;
  fetched.status = provider.fetch(&FakeCall::host(), call.handle(), &token);
  fetched.problem = shown_secret(call, scenario);
  if (fetched.problem.empty()) fetched.problem = requests_problem(call);
  if (fetched.status != WIF_OK) {
    if (fetched.problem.empty()) fetched.problem = failure_problem(call, fetched.status);
  } else if (token.token == nullptr || token.token_size == 0) {
    fetched.problem = "it succeeded without a token";
  } else {
    fetched.token.assign(token.token, token.token_size);
  }
  return fetched;
}

std::string table(const Subject& subject) {
  if (load(subject, 0) != nullptr) return "it offers a table to a host that speaks version 0";
  const wif_provider* provider = load(subject);
  if (provider == nullptr) return "it offers no table to a host that speaks version 1";
  if (provider->abi_version == 0 || provider->abi_version > WIF_PROVIDER_ABI)
    return "its table is of version " + std::to_string(provider->abi_version);
  if (provider->struct_size < offsetof(wif_provider, fetch) + sizeof provider->fetch)
    return "its table is too small for fetch";
  if (provider->name == nullptr || provider->name != subject.name)
    return "its table's name isn't the descriptor's, " + subject.name;
  if (provider->fetch == nullptr) return "its table has no fetch";
  const wif_provider* later = load(subject, 99);
  if (later == nullptr || later->abi_version > 99) return "it offers no table to a later host";
  return {};
}

std::string works(const Subject& subject) {
  FakeCall call;
  subject.scenario.prepare(call);
  const Fetched fetched = fetch(*load(subject), call, subject.scenario);
  if (!fetched.problem.empty()) return fetched.problem;
  if (fetched.status != WIF_OK) return "it failed: " + call.message;
  return fetched.token == subject.scenario.token ? ""
                                                 : "it handed over something else than the scenario's token";
}

std::string nothing_there(const Subject& subject) {
  FakeCall call;
  const Fetched fetched = fetch(*load(subject), call, subject.scenario);
  if (!fetched.problem.empty()) return fetched.problem;
  return fetched.status == WIF_OK ? "it succeeded with no setting, no variable and nobody to ask" : "";
}

std::string no_time_left(const Subject& subject) {
  FakeCall call;
  subject.scenario.prepare(call);
  call.time_left_ms = 0;
  return fetch(*load(subject), call, subject.scenario).problem;
}

std::string no_memory(const Subject& subject) {
  FakeCall call;
  subject.scenario.prepare(call);
  call.out_of_memory = true;
  return fetch(*load(subject), call, subject.scenario).problem;
}

// What may come in place of a good answer. Retries of the module's own are kept short.
std::vector<FakeCall::Answer> bad_answers(const FakeCall::Answer& good) {
  std::vector<FakeCall::Answer> bad;
  for (const std::int32_t status : {0, 204, 302, 400, 401, 403, 404, 410, 429, 500, 502, 503})
    bad.push_back({status, good.body, good.headers});
  const std::string half = good.body.substr(0, good.body.size() / 2);
  for (const std::string& body :
       {std::string(), std::string("{}"), std::string("[]"), std::string("null"),
        std::string("\xff\xfe\x00x", 4), std::string("<html><body>Sign in</body></html>"),
        std::string(1 << 20, 'A'), std::string(1 << 16, '['), "{\"error\":\"" + good.body + "\"}"})
    bad.push_back({200, body, good.headers});
  if (half != good.body) bad.push_back({200, half, good.headers});
  return bad;
}

std::string bad_answer(const Subject& subject) {
  const auto& answers = subject.scenario.answers;
  const wif_provider* provider = load(subject);
  for (std::size_t at = 0; at < answers.size(); ++at) {
    for (const auto& bad : bad_answers(answers[at])) {
      FakeCall call;
      subject.scenario.prepare(call);
      call.answers[at] = bad;
      call.time_left_ms = 20;
      const Fetched fetched = fetch(*provider, call, subject.scenario);
      const std::string where = "answer " + std::to_string(at + 1) + " is HTTP " +
                                std::to_string(bad.status) + " with \"" + bad.body.substr(0, 20) + "\": ";
      if (!fetched.problem.empty()) return where + fetched.problem;
      // Whoever works around it has to have come to the same token.
      if (fetched.status == WIF_OK && fetched.token != subject.scenario.token)
        return where + "it handed over \"" + fetched.token.substr(0, 20) + "\"";
    }
  }
  return {};
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

struct Holdings {
  std::size_t memory = mallinfo2().uordblks;
  std::size_t descriptors = open_descriptors();
};

std::string growth(const Holdings& before) {
  const Holdings after;
  if (after.descriptors > before.descriptors)
    return "it left " + std::to_string(after.descriptors - before.descriptors) + " descriptors open";
  // A sanitizer's allocator counts for itself, and tells of leaks at the end.
  if (after.memory > before.memory + k_tolerated_growth)
    return "memory grew by " + std::to_string(after.memory - before.memory) + " bytes";
  const auto threads = std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  return threads <= k_own_threads ? "" : "a thread of it runs on";
}

std::string many_fetches(const Subject& subject) {
  const wif_provider* provider = load(subject);
  Holdings before;
  for (int i = 0; i < k_many + k_warm_up; ++i) {
    if (i == k_warm_up) before = Holdings();
    FakeCall call;
    subject.scenario.prepare(call);
    const Fetched fetched = fetch(*provider, call, subject.scenario);
    if (fetched.token != subject.scenario.token)
      return "fetch " + std::to_string(i + 1) + ": " + call.message;
  }
  return growth(before);
}

std::string many_loads(const Subject& subject) {
  Holdings before;
  for (int i = 0; i < k_many + k_warm_up; ++i) {
    if (i == k_warm_up) before = Holdings();
    void* handle = dlopen(subject.path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return dlerror();
    dlclose(handle);
  }
  return growth(before);
}

constexpr std::array k_checks = {
    Check{"the table is of the version asked for, and has the descriptor's name", table},
    Check{"the scenario's token comes back", works},
    Check{"with nothing there it fails, with a category and a message", nothing_there},
    Check{"without time left it comes back, and makes no endless requests", no_time_left},
    Check{"without memory it fails and doesn't crash", no_memory},
    Check{"a bad answer is an error that holds no secret", bad_answer},
    Check{"a thousand calls leave nothing behind", many_fetches},
    Check{"it can be loaded and unloaded a thousand times", many_loads},
};

}  // namespace

std::span<const Check> checks() { return k_checks; }

}  // namespace wif::conformance
