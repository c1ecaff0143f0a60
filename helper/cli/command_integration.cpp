// SPDX-License-Identifier: Apache-2.0
// A consumer's call, whatever its protocol: read the request, look the credential up, answer, or fail in the protocol's way.
#include "cli/caller.hpp"
#include "cli/command.hpp"
#include "cli/standard_input.hpp"
#include "cli/token_file.hpp"
#include "core/lock.hpp"
#include "util/secret.hpp"

namespace wif {
namespace {

constexpr mode_t k_file_mode = 0600;

class Conversation {
 public:
  Conversation(const Integration& integration, Protocol& protocol, const GlobalOptions& global)
      : m_integration(integration), m_protocol(protocol), m_global(global) {}

  Result<int> run() {
    if (const std::string greeting = m_protocol.greeting(); !greeting.empty()) TRY(print(greeting));
    switch (m_protocol.input()) {
      case RequestInput::none:
        return serve({});
      case RequestInput::whole:
        return serve_whole();
      case RequestInput::lines:
        return serve_lines();
    }
    return 0;
  }

  Result<int> give_failure(const Error& error) {
    report(error);
    // The consumer may be gone, or take no more than it needs to see that it failed: then that is all there is to tell.
    const auto given = give(m_protocol.failure(error));
    return given ? *given : static_cast<int>(error.category);
  }

 private:
  Result<int> serve_whole() {
    TRY_ASSIGN(const SessionOptions options, m_global.session_options());
    const auto input =
        read_input(std::string("wif ") + m_integration.name, monotonic_ms() + options.timeout_ms);
    if (!input) return give_failure(input.error());
    return serve(input->view());
  }

  // The last request's exit code.
  Result<int> serve_lines() {
    InputLines lines;
    int code = 0;
    for (;;) {
      const auto line = lines.next();
      if (!line) return give_failure(line.error());
      if (!*line) return code;
      TRY_ASSIGN(code, serve((*line)->view()));
    }
  }

  Result<int> serve(std::string_view input) {
    auto request = m_protocol.read(real_system(), input);
    if (!request) return give_failure(request.error());
    if (request->want == ConsumerRequest::Want::nothing) return give(std::move(request->reply));
    if (request->want == ConsumerRequest::Want::forget) return forget(std::move(*request));
    auto answered = with_credential(
        m_global,
        [this](const Profile& profile, const Credential& credential) -> Result<int> {
          TRY_ASSIGN(Reply reply, m_protocol.answer({profile, credential, real_system().now()}));
          return give(std::move(reply));
        },
        wanted(std::move(*request)));
    if (answered) return answered;
    if (answered.error().cause == k_not_served)
      if (auto reply = m_protocol.not_mine()) return give(std::move(*reply));
    return give_failure(answered.error());
  }

  Wanted wanted(ConsumerRequest request) const {
    Wanted wanted;
    wanted.target = std::move(request.target);
    wanted.profile = std::move(request.profile);
    wanted.subject = request.want == ConsumerRequest::Want::subject;
    wanted.settings = std::move(request.settings);
    wanted.subject_token = std::move(request.subject_token);
    wanted.min_remaining = m_integration.min_remaining;
    if (m_integration.repeats_after_rejection) wanted.caller = calling_process();
    wanted.silent = m_integration.reads_standard_error;
    wanted.consumer = m_integration.name;
    return wanted;
  }

  // A cache that isn't there, or can't be trusted, has nothing to forget; the next look-up says what is wrong with it. Nor has
  // a host that no profile serves.
  Result<int> forget(ConsumerRequest request) {
    Reply reply = std::move(request.reply);
    const std::string token_sha256 = std::move(request.token_sha256);
    std::optional<std::string> profile;
    if (token_sha256.empty()) {
      auto chosen = choose_profile(m_global, wanted(std::move(request)));
      if (!chosen && chosen.error().cause == k_not_served) return give(std::move(reply));
      if (!chosen) return give_failure(chosen.error());
      profile = chosen->name;
    }
    const auto directory = cache_directory(real_system());
    if (!directory) return give(std::move(reply));
    std::string why;
    const auto store = Store::open(*directory, false, why);
    if (store && *store && profile) clear_records(**store, profile);
    if (store && *store && !profile) static_cast<void>(clear_rejected(**store, token_sha256));
    return give(std::move(reply));
  }

  static Result<int> give(Reply reply) {
    if (!reply.file.empty()) {
      auto written = replace_file(reply.file, k_file_mode, reply.file_text.view());
      if (!written && reply.text.empty()) return tl::unexpected(std::move(written.error()));
    }
    if (!reply.text.empty()) TRY(print(reply.text.view()));
    return reply.exit_code;
  }

  const Integration& m_integration;
  Protocol& m_protocol;
  const GlobalOptions& m_global;
};

}  // namespace

Result<int> run_integration(const Integration& integration, const Invocation& invocation) {
  const auto protocol = integration.protocol();
  Arguments arguments(integration.usage, integration.summary);
  arguments.examples(integration.examples);
  protocol->describe(arguments);
  GlobalOptions global;
  global.describe_wait(arguments);
  const auto parsed = parse_arguments(arguments, global, invocation);
  Conversation conversation(integration, *protocol, global);
  if (!parsed) return conversation.give_failure(parsed.error());
  return *parsed ? conversation.run() : 0;
}

}  // namespace wif
