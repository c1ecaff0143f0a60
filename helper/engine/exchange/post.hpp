// SPDX-License-Identifier: Apache-2.0
// What every exchange over HTTP does: one POST with a body of ours, and errors with what the server called the request.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/exchange/exchange.hpp"

namespace wif {

// Fields of a request, in their order; names may repeat.
using PostFields = std::vector<std::pair<std::string, Secret>>;

void add_field(PostFields& fields, std::string_view name, std::string_view value);
void add_if_set(PostFields& fields, std::string_view name, std::string_view value);

// application/x-www-form-urlencoded, and a JSON object of strings. No copy of a value is left behind.
Secret form_body(const PostFields& fields);
Secret json_body(const PostFields& fields);
// What form_body does to one value.
std::string form_encode(std::string_view text);

// With the settings ca_file and ca_dir, and without a body.
HttpRequest post_request(const ExchangeInput& input, std::string url, std::string_view content_type);
tl::expected<HttpResponse, EngineError> post(Http& http, const HttpRequest& request);

EngineError engine_error(Error error);
ExchangeResult with_request_id(Result<Credential> credential, const HttpResponse& response);

}  // namespace wif
