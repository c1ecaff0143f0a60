// SPDX-License-Identifier: Apache-2.0
// Bazel's credential helpers, and those of other build tools: `bazel-credential-wif get`, {"uri": ...} on standard input.
//
// https://github.com/EngFlow/credential-helper-spec/blob/main/spec.md
#include <array>

#include "core/integration.hpp"
#include "util/encode.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

// gRPC over TLS, as remote caches and executors are named.
constexpr std::string_view k_grpc_scheme = "grpcs";
constexpr std::string_view k_no_request = "expected {\"uri\": \"https://HOST/...\"} on standard input";

class Bazel final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.positional("VERB", m_verb, "get");
    arguments.flag("--no-expires", m_no_expires,
                   "leave the expiry out: Bazel 7.1 to 7.3 ask far too often with it");
  }

  RequestInput input() const override { return m_verb == "get" ? RequestInput::whole : RequestInput::none; }

  Result<ConsumerRequest> read(const System&, std::string_view input) override {
    if (m_verb != "get")
      return fail(Category::usage, m_verb ? "unknown verb \"" + printable(*m_verb, 40) + "\"" : "no verb",
                  "Bazel adds one: get");
    const auto json = Json::parse(std::string(input));
    if (!json)
      return fail(Category::usage, "the request is " + json.error().message, std::string(k_no_request));
    const auto uri = (*json)["uri"].string();
    if (!uri) return fail(Category::usage, "the request has no \"uri\"", std::string(k_no_request));
    ConsumerRequest request;
    const std::size_t scheme = uri->find("://");
    if (scheme == std::string_view::npos)
      return fail(Category::usage, "\"" + printable(*uri, 80) + "\" is no URI", std::string(k_no_request));
    const bool grpc = to_lower(uri->substr(0, scheme)) == k_grpc_scheme;
    TRY_ASSIGN(request.target, parse_target(grpc ? "https" + std::string(uri->substr(scheme)) : *uri));
    return request;
  }

  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    const Secret header("Bearer " + grant.credential.access_token.reveal());
    JsonWriter writer;
    writer.object().key("headers").object().key("Authorization").array().value(header.view()).end().end();
    if (!m_no_expires) writer.member("expires", std::string_view(rfc3339(grant.credential.expires_at)));
    writer.end();
    return Reply{line_of(writer), 0};
  }

 private:
  std::optional<std::string> m_verb;
  bool m_no_expires = false;
};

constexpr std::array k_files = {ConsumerFile{nullptr, "~/.bazelrc"}};

}  // namespace

extern constinit const Integration integration_bazel;
constinit const Integration integration_bazel = {
    .name = "bazel",
    .program = "bazel-credential-wif",
    .usage = "wif bazel [OPTIONS] get",
    .summary = "answer Bazel and other build tools as their credential helper",
    .examples =
        "  common --credential_helper=*.example.com=bazel-credential-wif     in .bazelrc\n"
        "  echo '{\"uri\": \"https://cache.example.com/\"}' | wif bazel get\n",
    // Without an expiry, or where it isn't looked at, Bazel keeps an answer for --credential_helper_cache_duration.
    .min_remaining = 1800,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Bazel>,
    .formats = {},
    .files = k_files,
};

}  // namespace wif
