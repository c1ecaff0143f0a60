// SPDX-License-Identifier: Apache-2.0
// What a relying party that said no is understood to say: RFC 6749 section 5.2, or an API's own error object.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/engine_protocol.hpp"
#include "engine/http.hpp"
#include "engine/subject.hpp"

namespace wif {

struct RelyingParty {
  std::string host;                   // and port
  std::string url;                    // what was asked, for redirects
  std::string_view refusal_hint;      // what to compare when it refuses and its code says no more
  std::string_view internal_error;    // what a bare 500 mostly means there; empty: nothing is known
  std::string_view status_page = {};  // where its outages are told
};

// What an error answer says: RFC 6749 section 5.2, or the API's own {"error": {"code", "message"}}. Printable, without `secret`.
struct Complaint {
  std::string code;
  std::string words;
};
Complaint read_complaint(const HttpResponse& response, std::string_view secret);

// The title of a web page in an answer's place, in quotes, or "without a title"; nothing where it is no page.
std::optional<std::string> page_title(const HttpResponse& response);

// Any status but 200.
EngineError http_error(const HttpResponse& response, const RelyingParty& party, const SubjectToken& subject);

// A status of 200, and `what` ("without an access_token").
tl::unexpected<Error> unusable(const std::string& host, const std::string& what);

// What the server calls this request, printable; empty if it doesn't say.
std::string request_id(const HttpResponse& response);

}  // namespace wif
