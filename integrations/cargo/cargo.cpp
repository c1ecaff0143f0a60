// SPDX-License-Identifier: Apache-2.0
// cargo's credential providers: `cargo-credential-wif --cargo-plugin` says which versions it speaks, and answers each line of JSON
// with one.
//
// https://doc.rust-lang.org/cargo/reference/credential-provider-protocol.html
#include <algorithm>
#include <array>

#include "core/integration.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_version = 1;
constexpr std::string_view k_sparse = "sparse+";
constexpr std::array<std::string_view, 5> k_operations = {"read", "publish", "yank", "unyank", "owners"};

Reply error_reply(std::string_view kind, const std::optional<std::string>& message = {}) {
  JsonWriter writer;
  writer.object().key("Err").object().member("kind", kind);
  if (message) writer.member("message", std::string_view(*message)).key("caused-by").array().end();
  writer.end().end();
  // The conversation was in order, whatever came of it.
  return Reply{line_of(writer), 0};
}

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Category::usage, "cargo's request " + what, "cargo 1.74 or later runs it, with --cargo-plugin");
}

class Cargo final : public Protocol {
 public:
  void describe(Arguments& arguments) override {
    arguments.flag("--cargo-plugin", m_plugin, "requests are on standard input");
    arguments.flag("--bearer", m_bearer_always, "answer \"Bearer TOKEN\", for registries that want it");
  }

  RequestInput input() const override { return m_plugin ? RequestInput::lines : RequestInput::none; }

  std::string greeting() const override { return m_plugin ? "{\"v\":[1]}\n" : ""; }

  Result<ConsumerRequest> read(const System&, std::string_view input) override {
    if (!m_plugin) return fail(Category::usage, "cargo runs it with --cargo-plugin");
    const auto json_or = Json::parse(std::string(input));
    if (!json_or) return malformed("is " + json_or.error().message);
    const Json& json = *json_or;
    if (json["v"].integer() != k_version) return malformed("is of a version that wasn't offered");
    const auto kind = json["kind"].string();
    const auto index = json["registry"]["index-url"].string();
    if (!kind || !index) return malformed("has no kind, or names no registry");
    if (!is_supported(*kind, json["operation"])) return answered(error_reply("operation-not-supported"));
    ConsumerRequest request;
    TRY(read_arguments(json["args"], request));
    auto target = parse_target(index->starts_with(k_sparse) ? index->substr(k_sparse.size()) : *index);
    if (!target) return answered(error_reply("url-not-supported"));
    request.target = std::move(*target);
    if (*kind == "logout") {
      request.want = ConsumerRequest::Want::forget;
      request.reply.text = Secret("{\"Ok\":{\"kind\":\"logout\"}}\n");
    }
    return request;
  }

  Result<Reply> answer(const Grant& grant) override {
    TRY(one_token(grant.profile, grant.credential));
    const Secret token((m_bearer ? "Bearer " : "") + grant.credential.access_token.reveal());
    JsonWriter writer;
    writer.object().key("Ok").object().member("kind", "get").member("token", token.view());
    writer.member("cache", "expires").member("expiration", grant.credential.expires_at);
    writer.member("operation_independent", true).end().end();
    return Reply{line_of(writer), 0};
  }

  // Where there is no identity cargo may ask its other providers, such as `cargo login`'s.
  Reply failure(const Error& error) override {
    if (!m_plugin) return Protocol::failure(error);
    if (error.category == Category::no_identity) return error_reply("not-found");
    return error_reply("other", one_line(error));
  }

  std::optional<Reply> not_mine() override { return error_reply("url-not-supported"); }

 private:
  static ConsumerRequest answered(Reply reply) {
    ConsumerRequest request;
    request.want = ConsumerRequest::Want::nothing;
    request.reply = std::move(reply);
    return request;
  }

  static bool is_supported(std::string_view kind, JsonValue operation) {
    if (kind != "get") return kind == "logout";
    return std::find(k_operations.begin(), k_operations.end(), operation.string().value_or("")) !=
           k_operations.end();
  }

  // What stands behind the program's name in cargo's configuration.
  Status read_arguments(JsonValue words, ConsumerRequest& request) {
    Arguments arguments("credential-provider = [\"cargo-credential-wif\", \"-p\", \"NAME\", \"--bearer\"]",
                        "");
    m_bearer = m_bearer_always;
    arguments.option("-p,--profile", "NAME", request.profile, "");
    arguments.flag("--bearer", m_bearer, "");
    std::vector<std::string> texts;
    for (const JsonValue word : words.elements()) texts.emplace_back(word.string().value_or(""));
    TRY_ASSIGN(const bool parsed, arguments.parse(texts));
    if (!parsed) return malformed("asks for --help");
    return {};
  }

  bool m_plugin = false;
  bool m_bearer_always = false;
  bool m_bearer = false;
};

constexpr std::array k_files = {ConsumerFile{"CARGO_HOME", "~/.cargo/config.toml"}};

}  // namespace

extern constinit const Integration integration_cargo;
constinit const Integration integration_cargo = {
    .name = "cargo",
    .program = "cargo-credential-wif",
    .usage = "wif cargo --cargo-plugin [OPTIONS]",
    .summary = "answer cargo as its credential provider",
    .examples =
        "  credential-provider = \"cargo-credential-wif\"                 in ~/.cargo/config.toml\n"
        "  credential-provider = [\"cargo-credential-wif\", \"-p\", \"prod\"]\n",
    // Within the last minute cargo asks for each request.
    .min_remaining = 120,
    .repeats_after_rejection = false,
    .protocol = make_protocol<Cargo>,
    .formats = {},
    .files = k_files,
};

}  // namespace wif
