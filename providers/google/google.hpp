// SPDX-License-Identifier: Apache-2.0
// The parts of the provider `google` that need neither host nor network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/http.hpp"

namespace wif::google {

struct Question {
  std::string server;  // scheme, host and port, without a slash at the end
  std::string service_account = "default";
  std::string audience;
  bool licenses = false;
  bool documented_host =
      true;                    // Google's own, or the one that GCE_METADATA_HOST names: plain http is its way
  bool in_kubernetes = false;  // for the words of an error
};

// "host", "host:port", "http://host:port/" as scheme, host and port. `name` is said in the error
// (configuration).
kit::Result<std::string> server_url(std::string_view address, const std::string& name);
bool is_service_account(std::string_view name);
kit::Request build_request(const Question& question);
// See google.cpp for what is asked again. `starting`: this may be a machine or a pod of Google's whose DNS isn't up yet.
std::optional<std::int64_t> pause_before_next(const kit::Try& made, bool starting);
// The token: a view into the answer's body.
kit::Result<std::string_view> read_answer(const kit::Response& answer, const Question& question);

}  // namespace wif::google
