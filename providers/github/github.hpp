// SPDX-License-Identifier: Apache-2.0
// The parts of the provider `github` that need neither host nor network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/http.hpp"
#include "util/json.hpp"

namespace wif::github {

// `url` with its scheme, host and port replaced by those of `endpoint`. Category configuration.
kit::Result<std::string> at_endpoint(std::string_view url, std::string_view endpoint);
// `authorization` is the whole header's value, and lives until the call.
kit::Request build_request(const std::string& url, std::string_view authorization, std::string_view audience);
// See github.cpp for what is asked again.
std::optional<std::int64_t> pause_before_next(const kit::Try& made);
// The answer's document, whose member "value" is a token for that audience.
kit::Result<Json> read_answer(const kit::Response& answer, std::string_view audience);

}  // namespace wif::github
