// SPDX-License-Identifier: Apache-2.0
// What handlers need of cpp-httplib.
#pragma once

#include "json.hpp"

#include <httplib.h>

#include <string>

namespace testbed {

// Response::set_header adds a second header of the same name.
inline void put_header(httplib::Response& response, const std::string& name, const std::string& value) {
  response.headers.erase(name);
  response.headers.emplace(name, value);
}

inline void reply(httplib::Response& response, int status, const std::string& body, const std::string& type) {
  response.status = status;
  response.headers.erase("Content-Type");
  response.set_content(body, type);
}

inline void reply(httplib::Response& response, int status, const Json& body) {
  reply(response, status, body.dump(), "application/json");
}

}  // namespace testbed
