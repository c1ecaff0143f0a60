// SPDX-License-Identifier: Apache-2.0
// Codex: the command of a model provider's `auth`, which prints the bare token. Codex keeps what it printed for
// `refresh_interval_ms` (five minutes), and runs it again after a 401, up to five times within seconds, with no word of why.
//
// https://developers.openai.com/codex/config-advanced (model_providers.NAME.auth)
#include <array>

#include "core/integration.hpp"

namespace wif {
namespace {

// Codex' five minutes, and time for the request that it is used for at the end of them.
constexpr std::int64_t k_needed = 360;

constexpr std::array k_files = {ConsumerFile{"CODEX_HOME", "~/.codex/config.toml"}};

}  // namespace

extern constinit const Integration integration_codex;
constinit const Integration integration_codex = {
    .name = "codex",
    .program = nullptr,
    .usage = "wif codex [OPTIONS]",
    .summary = "answer Codex as a model provider's auth command",
    .examples =
        "  [model_providers.openai-wif.auth]\n  command = \"wif\"\n  args = [\"codex\", \"-p\", \"prod\"]\n",
    .min_remaining = k_needed,
    .repeats_after_rejection = true,
    .protocol = bare_token_protocol,
    .formats = {},
    .files = k_files,
};

}  // namespace wif
