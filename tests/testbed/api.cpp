// SPDX-License-Identifier: Apache-2.0
#include "api.hpp"

#include "digest.hpp"

#include <utility>
#include <vector>

namespace testbed {
namespace {

// Where a stream can be held before its last event, as a request can by its path.
const std::string k_stream_end = "/v1/responses#end";
const std::vector<std::string> k_words{"Hello", " from", " the", " testbed", "."};

bool authorized(const State& state, const httplib::Request& request) {
  const std::string value = request.get_header_value("Authorization");
  return value.starts_with("Bearer ") && state.tokens.accepts(value.substr(7), state.clock.now());
}

void refuse(httplib::Response& response) {
  const Json error = Json::object({{"message", "Incorrect or expired credential provided."},
                                   {"type", "invalid_request_error"},
                                   {"param", Json()},
                                   {"code", "invalid_api_key"}});
  reply(response, 401, Json::object({{"error", error}}));
}

Json model(const std::string& id) {
  return Json::object({{"id", id}, {"object", "model"}, {"created", 1735689600}, {"owned_by", "testbed"}});
}

Json message(const std::string& id, const std::string& status, const std::string& text) {
  const Json content =
      Json::object({{"type", "output_text"}, {"text", text}, {"annotations", Json::array()}});
  return Json::object({{"id", "msg_" + id},
                       {"type", "message"},
                       {"status", status},
                       {"role", "assistant"},
                       {"content", text.empty() ? Json::array() : Json::array({content})}});
}

Json response_object(const State& state, const std::string& id, const std::string& status,
                     const std::string& text) {
  const bool done = status == "completed";
  return Json::object({{"id", "resp_" + id},
                       {"object", "response"},
                       {"created_at", state.clock.now()},
                       {"status", status},
                       {"error", Json()},
                       {"model", "gpt-testbed"},
                       {"output", done ? Json::array({message(id, status, text)}) : Json::array()},
                       {"parallel_tool_calls", true},
                       {"tool_choice", "auto"},
                       {"tools", Json::array()}});
}

std::string event(Json data, const std::string& type, std::int64_t number) {
  data.set("type", type);
  data.set("sequence_number", number);
  return "event: " + type + "\ndata: " + data.dump() + "\n\n";
}

std::vector<std::string> events(const State& state, const std::string& id) {
  std::int64_t number = 0;
  std::string text;
  std::vector<std::string> all{
      event(Json::object({{"response", response_object(state, id, "in_progress", "")}}), "response.created",
            number++)};
  const auto item = [&](const std::string& status) {
    return Json::object({{"output_index", 0}, {"item", message(id, status, text)}});
  };
  all.push_back(event(item("in_progress"), "response.output_item.added", number++));
  for (const std::string& word : k_words) {
    text += word;
    const Json delta =
        Json::object({{"item_id", "msg_" + id}, {"output_index", 0}, {"content_index", 0}, {"delta", word}});
    all.push_back(event(delta, "response.output_text.delta", number++));
  }
  all.push_back(event(item("completed"), "response.output_item.done", number++));
  const Json done = Json::object({{"response", response_object(state, id, "completed", text)}});
  all.push_back(event(done, "response.completed", number));
  return all;
}

void stream(State& state, httplib::Response& response, const std::vector<std::string>& all) {
  response.status = 200;
  auto send_next = [&state, all, next = std::size_t{0}](std::size_t, httplib::DataSink& sink) mutable {
    if (next + 1 == all.size()) {
      state.gate.pass(k_stream_end);
    }
    if (next < all.size() && !sink.write(all[next].data(), all[next].size())) {
      return false;
    }
    if (++next >= all.size()) {
      sink.done();
    }
    return true;
  };
  response.set_chunked_content_provider("text/event-stream", std::move(send_next));
}

}  // namespace

void list_models(State& state, const httplib::Request& request, httplib::Response& response) {
  if (!authorized(state, request)) {
    refuse(response);
    return;
  }
  const Json models = Json::array({model("gpt-testbed"), model("gpt-testbed-mini")});
  reply(response, 200, Json::object({{"object", "list"}, {"data", models}}));
}

void create_response(State& state, const httplib::Request& request, httplib::Response& response) {
  if (!authorized(state, request)) {
    refuse(response);
    return;
  }
  const std::string id = random_text(16);
  const auto body = Json::parse(request.body);
  if (body && (*body)["stream"].flag()) {
    stream(state, response, events(state, id));
    return;
  }
  std::string text;
  for (const std::string& word : k_words) {
    text += word;
  }
  reply(response, 200, response_object(state, id, "completed", text));
}

}  // namespace testbed
