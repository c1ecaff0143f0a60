// SPDX-License-Identifier: Apache-2.0
// Claude Code: `apiKeyHelper`, a shell command that prints the bare token. Claude Code keeps what it printed for
// CLAUDE_CODE_API_KEY_HELPER_TTL_MS (five minutes), and runs it again after a 401, with no word of why. The command's standard
// input is an open socket that never ends.
//
// https://code.claude.com/docs/en/llm-gateway (apiKeyHelper)
#include <array>

#include "core/integration.hpp"

namespace wif {
namespace {

// Claude Code's five minutes, and time for the request that it is used for at the end of them.
constexpr std::int64_t k_needed = 360;

constexpr std::array k_files = {ConsumerFile{"CLAUDE_CONFIG_DIR", "~/.claude/settings.json"}};

}  // namespace

extern constinit const Integration integration_claude;
constinit const Integration integration_claude = {
    .name = "claude",
    .program = nullptr,
    .usage = "wif claude [OPTIONS]",
    .summary = "answer Claude Code as its apiKeyHelper",
    .examples = "  { \"apiKeyHelper\": \"wif claude -p claude\" }\n",
    .min_remaining = k_needed,
    .repeats_after_rejection = true,
    .protocol = bare_token_protocol,
    .formats = {},
    .files = k_files,
};

}  // namespace wif
