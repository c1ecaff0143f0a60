// SPDX-License-Identifier: Apache-2.0
// wif cache ls|clear|path. Nothing here ever prints a token.
#include "cli/command.hpp"
#include "core/lock.hpp"
#include "util/encode.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_min_ttl = 120;
constexpr std::int64_t k_longest_wait_ms = 5000;  // for the lock of somebody who is exchanging

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

const char* word_of(State state) {
  switch (state) {
    case State::fresh:
      return "fresh";
    case State::stale:
      return "stale";
    case State::invalid:
      return "expired";
  }
  return "expired";
}

struct Row {
  std::string name;
  std::optional<Record> record;
  std::optional<Failure> failure;
  std::string profile() const { return record ? record->profile : failure ? failure->profile : ""; }
};

// The value of one line of a binding.
std::string binding_value(std::string_view binding, std::string_view key) {
  for (const auto line : split(binding, '\n'))
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == '=')
      return std::string(line.substr(key.size() + 1));
  return {};
}

// Whose credential it is, for people: the subject, or the command that was wrapped.
std::string owner_of(const Record& record) {
  std::string subject = binding_value(record.binding, "identity.sub");
  return subject.empty() ? binding_value(record.binding, "subject.command") : subject;
}

void write_row(JsonWriter& writer, const Row& row, const Now& now) {
  writer.object();
  writer.member("name", std::string_view(row.name));
  writer.member("profile", std::string_view(row.profile()));
  if (row.record) {
    const auto& credential = row.record->credential;
    writer.member("state", word_of(state_of(*row.record, now, k_min_ttl)));
    writer.member("provider", std::string_view(binding_value(row.record->binding, "provider")));
    writer.member("subject", std::string_view(binding_value(row.record->binding, "identity.sub")));
    writer.member("exchange", std::string_view(binding_value(row.record->binding, "exchange")));
    if (credential.output)
      writer.member("command", std::string_view(binding_value(row.record->binding, "subject.command")));
    writer.member("issued_at", std::string_view(rfc3339(credential.issued_at)));
    writer.member("refresh_at", std::string_view(rfc3339(row.record->refresh_at)));
    writer.member("expires_at", std::string_view(rfc3339(credential.expires_at)));
    if (!credential.scope.empty()) writer.member("scope", std::string_view(credential.scope));
  }
  if (row.failure) {
    writer.key("failure").object();
    writer.member("at", std::string_view(rfc3339(row.failure->at)));
    writer.member("attempts", row.failure->attempts);
    writer.member("category", to_string(row.failure->error.category));
    writer.member("message", std::string_view(row.failure->error.message));
    writer.end();
  }
  writer.end();
}

std::string list_json(const std::vector<Row>& rows, const Now& now) {
  JsonWriter writer;
  writer.object().member("version", 1).key("records").array();
  for (const auto& row : rows) write_row(writer, row, now);
  writer.end().end();
  return writer.take() + "\n";
}

std::string list_text(const std::vector<Row>& rows, const Now& now) {
  std::string text;
  for (const auto& row : rows) {
    text += row.name + "  " + row.profile() + "  ";
    if (row.record) {
      const std::int64_t left = row.record->credential.expires_at - now.wall;
      text += std::string(word_of(state_of(*row.record, now, k_min_ttl))) +
              (left > 0 ? ", expires in " : ", expired ago ") + duration_words(left);
      if (const std::string owner = owner_of(*row.record); !owner.empty()) text += "  " + owner;
    } else {
      text += "no record";
    }
    text += "\n";
    if (row.failure)
      text += "    failed " + duration_words(now.wall - row.failure->at) +
              " ago: " + row.failure->error.message + "\n";
  }
  return text;
}

Result<std::vector<Row>> read_rows(const Store& store) {
  std::vector<Row> rows;
  for (const auto& name : store.names()) {
    TRY_ASSIGN(auto record, store.read_record(name));
    rows.push_back(Row{name, std::move(record), store.read_failure(name)});
  }
  return rows;
}

Result<int> list(const Store& store, bool json) {
  TRY_ASSIGN(const auto rows, read_rows(store));
  const Now now = real_system().now();
  if (!json && rows.empty()) {
    warn("nothing is cached in " + store.directory());
    return 0;
  }
  TRY(print(json ? list_json(rows, now) : list_text(rows, now)));
  return 0;
}

struct Choice {
  std::optional<std::string> profile;
  std::optional<std::string> token_sha256;
};

Result<int> clear(const Store& store, const Choice& choice, bool json) {
  std::int64_t removed = 0;
  if (choice.token_sha256) {
    TRY_ASSIGN(removed, clear_rejected(store, *choice.token_sha256));
  } else {
    removed = clear_records(store, choice.profile);
  }
  JsonWriter writer;
  writer.object().member("version", 1).member("removed", removed).end();
  TRY(print(json ? writer.take() + "\n" : std::to_string(removed) + " removed\n"));
  return 0;
}

}  // namespace

std::int64_t clear_records(const Store& store, const std::optional<std::string>& profile) {
  std::int64_t removed = 0;
  for (const auto& name : store.names()) {
    // One that can't be trusted or read belongs to no profile: it goes with `clear` of everything.
    const auto record = store.read_record(name);
    const auto failure = store.read_failure(name);
    const std::string owner = record && *record ? (*record)->profile : failure ? failure->profile : "";
    if (profile && owner != *profile) continue;
    store.remove(name);
    ++removed;
  }
  return removed;
}

Result<std::int64_t> clear_rejected(const Store& store, const std::string& token_sha256) {
  const std::int64_t deadline_ms = monotonic_ms() + k_longest_wait_ms;
  std::int64_t removed = 0;
  for (const auto& name : store.names()) {
    TRY_ASSIGN(const bool done, remove_rejected(store, name, token_sha256, deadline_ms));
    if (done) ++removed;
  }
  return removed;
}

Result<int> run_cache(const Invocation& invocation) {
  Arguments arguments("wif cache ls|clear|path [OPTIONS]",
                      "Lists, clears or locates what is cached. Shows no token.");
  arguments.examples(
      "  wif cache ls --json\n"
      "  wif cache clear -p prod          that profile's records only\n"
      "  wif cache clear --token-sha256 $(printf %s \"$token\" | sha256sum | cut -c 1-64)\n");
  std::optional<std::string> action;
  bool json = false;
  std::optional<std::string> token_sha256;
  arguments.positional("ACTION", action, "ls, clear or path");
  arguments.option("--token-sha256", "HEX", token_sha256, "clear only the record of a rejected token");
  arguments.flag("--json", json, "print JSON");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  if (token_sha256 && (action != "clear" || global.choice.profile || !is_sha256(*token_sha256)))
    return fail(Category::usage,
                "--token-sha256: goes with `wif cache clear` alone, and takes 64 hexadecimal digits",
                "printf %s \"$token\" | sha256sum");
  if (action != "ls" && action != "clear" && action != "path")
    return fail(Category::usage, action ? "unknown action \"" + *action + "\"" : "no action",
                "use wif cache ls, clear or path");

  const auto directory = cache_directory(real_system());
  if (!directory)
    return fail(Category::cache, "there is no cache directory", "set WIF_CACHE_DIR, XDG_CACHE_HOME or HOME");
  if (action == "path") {
    JsonWriter writer;
    writer.object().member("version", 1).member("path", std::string_view(*directory)).end();
    TRY(print(json ? writer.take() + "\n" : *directory + "\n"));
    return 0;
  }
  std::string why;
  TRY_ASSIGN(const auto store, Store::open(*directory, false, why));
  if (!store) {
    if (json && action == "ls") TRY(print(list_json({}, real_system().now())));
    if (!json) warn("nothing is cached: " + why);
    return 0;
  }
  return action == "ls" ? list(*store, json) : clear(*store, {global.choice.profile, token_sha256}, json);
}

}  // namespace wif
