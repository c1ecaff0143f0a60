// SPDX-License-Identifier: Apache-2.0
#include "control.hpp"

#include "tokens.hpp"

#include <chrono>
#include <map>
#include <stdexcept>

namespace testbed {
namespace {

using Handler = void (*)(State&, const Json&, httplib::Response&);

void done(httplib::Response& response) { reply(response, 200, Json::object({{"ok", true}})); }

void mint_token(State& state, const Json& options, httplib::Response& response) {
  reply(response, 200, mint({state.keys, state.issuer, state.clock.now()}, options), "text/plain");
}

void change_config(State& state, const Json& options, httplib::Response& response) {
  Json rest = Json::object();
  rest.merge(options);
  rest.erase("answers");
  rest.erase("clock_skew");
  state.config.apply(rest);
  if (options.has("answers")) {
    state.answers.replace(options["answers"].items());
  }
  if (options.has("clock_skew")) {
    state.clock.set_skew(options["clock_skew"].number());
  }
  Json now = state.config.get().to_json();
  now.set("clock_skew", state.clock.skew());
  reply(response, 200, now);
}

void order_fault(State& state, const Json& options, httplib::Response& response) {
  state.faults.order(options["path"].text("/oauth/token"), options["fault"].text(),
                     options["count"].number(1));
  done(response);
}

void hold(State& state, const Json& options, httplib::Response& response) {
  state.gate.hold(options["path"].text("/oauth/token"));
  done(response);
}

void release(State& state, const Json& options, httplib::Response& response) {
  state.gate.release(options["path"].text());
  done(response);
}

// Members of a query are text, those of a body are numbers.
std::int64_t count_in(const Json& value, std::int64_t otherwise) {
  return value.is_text() ? std::stoll(value.text()) : value.number(otherwise);
}

void wait(State& state, const Json& options, httplib::Response& response) {
  const std::string path = options["path"].text("/oauth/token");
  const std::chrono::milliseconds longest(1000 * count_in(options["timeout"], 30));
  const bool arrived = state.gate.wait_for_arrivals(path, count_in(options["count"], 1), longest);
  reply(response, arrived ? 200 : 504, Json::object({{"arrived", state.gate.arrivals(path)}}));
}

// Answers once that access token is no longer accepted.
void wait_expiry(State& state, const Json& options, httplib::Response& response) {
  const std::string token = options["token"].text();
  while (!state.gate.stopping() && state.tokens.accepts(token, state.clock.now()))
    state.gate.sleep(std::chrono::seconds(state.tokens.expiry(token) - state.clock.now()));
  done(response);
}

void counts(State& state, const Json&, httplib::Response& response) {
  reply(response, 200, state.journal.counts());
}

void last(State& state, const Json& options, httplib::Response& response) {
  const Json record = state.journal.last(options["path"].text("/oauth/token"));
  reply(response, record.is_null() ? 404 : 200, record);
}

void revoke(State& state, const Json&, httplib::Response& response) {
  state.tokens.revoke_all();
  done(response);
}

void reset(State& state, const Json&, httplib::Response& response) {
  state.config.reset();
  state.clock.set_skew(0);
  state.answers.reset();
  state.faults.reset();
  state.journal.reset();
  state.gate.reset();
  state.tokens.revoke_all();
  state.google_tokens.forget();
  done(response);
}

// The members of the body, and those of the query.
Json options_of(const httplib::Request& request) {
  Json options = Json::object();
  for (const auto& [key, value] : request.params) {
    // A form-encoded content type, curl's default, makes cpp-httplib read the body as a parameter too.
    if (!key.starts_with("{")) {
      options.set(key, value);
    }
  }
  if (request.body.empty()) {
    return options;
  }
  const auto body = Json::parse(request.body);
  if (!body || !body->is_object()) {
    throw std::invalid_argument("the body must be a JSON object");
  }
  options.merge(*body);
  return options;
}

}  // namespace

void control(State& state, const httplib::Request& request, httplib::Response& response) {
  static const std::map<std::string, Handler> k_handlers{{"/control/config", change_config},
                                                         {"/control/counts", counts},
                                                         {"/control/faults", order_fault},
                                                         {"/control/hold", hold},
                                                         {"/control/last", last},
                                                         {"/control/mint", mint_token},
                                                         {"/control/release", release},
                                                         {"/control/reset", reset},
                                                         {"/control/revoke", revoke},
                                                         {"/control/wait", wait},
                                                         {"/control/wait_expiry", wait_expiry}};
  const auto found = k_handlers.find(request.path);
  if (found == k_handlers.end()) {
    reply(response, 404, Json::object({{"error", "no such control"}}));
    return;
  }
  found->second(state, options_of(request), response);
}

}  // namespace testbed
