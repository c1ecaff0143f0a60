// SPDX-License-Identifier: Apache-2.0
// The parts of the provider that touch no network. azure.cpp joins them and has the protocols' references.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/http.hpp"
#include "kit/kit.hpp"
#include "util/json.hpp"

namespace wif::azure {

// Nearer than wif's own of the same names.
using kit::fail;
using kit::Failure;
using kit::Result;

// Who hands out tokens: the instance metadata service of a virtual machine, the endpoint of App Service, Functions and
// Container Apps, or the agent of Azure Arc.
enum class Kind { imds, app_service, arc };

// The managed identity that is wanted, by one of the settings client_id, object_id and msi_res_id. Without a name it is
// left to Azure.
struct Identity {
  std::string name;
  std::string value;
};

struct Question {
  std::string audience;
  Identity identity;
};

// What decides whom to ask; all may be empty.
struct Surroundings {
  std::string_view endpoint;           // the setting
  std::string_view identity_endpoint;  // the variables of these names
  std::string_view identity_header;
  std::string_view imds_endpoint;
  std::string_view server_thumbprint;  // IDENTITY_SERVER_THUMBPRINT
  std::string_view authority_host;     // AZURE_POD_IDENTITY_AUTHORITY_HOST
  bool has_arc_agent = false;
};

struct Place {
  Kind kind = Kind::imds;
  std::string url;                   // without our query
  std::string_view identity_header;  // a secret; app_service only
};

// "Azure's instance metadata service"
const char* name_of(Kind kind);

Result<Place> place_of(const Surroundings& here);
// `authorization`: a secret, for Arc's second request; empty for none.
kit::Request request_for(const Place& place, const Question& question, std::string_view authorization = {});

// How long to wait until the instance metadata service is asked again, in milliseconds; nothing: enough.
std::optional<std::int64_t> imds_pause(const kit::Try& made);

// The file that holds the key for Arc's challenge, if it is one that may be read and sent: right in `folder`, *.key.
Result<std::string> challenged_file(std::string_view www_authenticate, std::string_view folder);
// Its content, at most 4096 bytes, in the host's memory.
Result<std::string_view> read_key(const kit::Host& host, const std::string& path);

// A token as it was answered.
struct Answer {
  Json json;
  std::string_view token;       // in `json`
  std::int64_t expires_at = 0;  // Unix seconds; 0: not said
};

// The body of a 200. `now`: Unix seconds.
Result<Answer> read_answer(Kind kind, const kit::Response& response, std::int64_t now);
// Nothing if the answer is for the wanted identity. Arc's agents of before 2026 answer for the machine's own, whichever
// is asked for, so there silence is a failure too.
std::optional<Failure> other_identity(Kind kind, const Json& json, const Identity& wanted);
// What to warn of if the token is for somebody else than was asked for; else nothing.
std::optional<std::string> other_audience(std::string_view token, std::string_view audience);

// No answer at all: the host's words, and where to look.
Failure unanswered(Kind kind, Failure failure);
// Any other answer, in words. `secret` was sent, and is kept out of them; it may be empty.
Failure refusal(Kind kind, const Question& question, const kit::Response& response, std::string_view secret);

}  // namespace wif::azure
