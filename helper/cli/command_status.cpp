// SPDX-License-Identifier: Apache-2.0
// wif status: every profile on one screen, and the same for Prometheus. Fetches and exchanges nothing.
#include <algorithm>

#include "cli/command.hpp"
#include "cli/token_file.hpp"
#include "core/cache.hpp"
#include "util/encode.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr mode_t k_public = 0644;
constexpr std::int64_t k_default_min_ttl = 120;
constexpr std::size_t k_longest = 200;

struct Row {
  std::string name;
  std::string provider;
  std::string exchange;
  std::string identity;
  std::optional<Error> problem;  // why no more is known
  State state = State::invalid;
  std::optional<std::int64_t> expires_at;  // of a record
  std::int64_t refresh_at = 0;
  std::optional<Failure> failure;
};

// The value of one line of a binding.
std::string binding_value(std::string_view binding, std::string_view key) {
  for (const auto line : split(binding, '\n'))
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == '=')
      return std::string(line.substr(key.size() + 1));
  return {};
}

Status look_up(const Config& config, const Store* store, Row& row) {
  Catalogue catalogue(real_system());
  TRY_ASSIGN(const Profile profile, config.profile(catalogue, row.name));
  row.provider = profile.links.empty() ? std::string(profile.provider.name)
                                       : "profile " + profile.links.front().profile->name;
  row.exchange = profile.exchange.name;
  TRY_ASSIGN(const std::string binding, make_binding(real_system(), profile));
  row.identity = binding_value(binding, "identity.sub");
  if (store == nullptr) return {};
  const std::string name = record_name(binding);
  row.failure = store->read_failure(name, binding);
  TRY_ASSIGN(const auto record, store->read_record(name, binding));
  if (!record) return {};
  const std::int64_t min_ttl = parse_duration(profile.get("cache.min_ttl")).value_or(k_default_min_ttl);
  row.state = state_of(*record, real_system().now(), min_ttl);
  row.expires_at = record->credential.expires_at;
  row.refresh_at = record->refresh_at;
  return {};
}

const char* word_of(const Row& row) {
  if (row.problem) return "unusable";
  if (!row.expires_at) return "no record";
  switch (row.state) {
    case State::fresh:
      return "fresh";
    case State::stale:
      return "stale";
    case State::invalid:
      return "expired";
  }
  return "expired";
}

std::string in_time(std::int64_t at, std::int64_t now) {
  return at > now ? "in " + duration_words(at - now) : duration_words(now - at) + " ago";
}

std::string failure_text(const Failure& failure, std::int64_t now) {
  return "    failed " + circumstances(failure, now) + "\n    " +
         printable(failure.error.message, k_longest) + "\n";
}

std::string row_text(const Row& row, std::int64_t now) {
  std::string text = row.name + "  " + word_of(row);
  if (row.expires_at) {
    text += ", expires " + in_time(*row.expires_at, now);
    if (row.state != State::invalid) text += ", refresh due " + in_time(row.refresh_at, now);
  }
  text += "\n";
  if (!row.provider.empty())
    text += "    " + row.provider + (row.identity.empty() ? "" : " " + printable(row.identity, k_longest)) +
            " -> " + row.exchange + "\n";
  if (row.problem) text += "    " + printable(row.problem->message, k_longest) + "\n";
  if (row.failure) text += failure_text(*row.failure, now);
  return text;
}

void write_failure_json(JsonWriter& writer, const Failure& failure) {
  writer.key("last_failure").object();
  writer.member("at", std::string_view(rfc3339(failure.at)));
  writer.member("attempts", failure.attempts);
  writer.member("step", std::string_view(failure.step));
  writer.member("category", to_string(failure.error.category));
  writer.member("code", std::string_view(failure.error.cause));
  writer.member("message", std::string_view(failure.error.message));
  writer.member("request_id", std::string_view(failure.request_id));
  writer.member("next_try_at", std::string_view(rfc3339(failure.not_before)));
  writer.end();
}

void write_row(JsonWriter& writer, const Row& row, std::int64_t now) {
  writer.object().member("profile", std::string_view(row.name));
  writer.member("state", word_of(row)).member("provider", std::string_view(row.provider));
  writer.member("identity", std::string_view(row.identity));
  writer.member("exchange", std::string_view(row.exchange));
  if (row.expires_at) {
    writer.member("expires_at", std::string_view(rfc3339(*row.expires_at)));
    writer.member("expires_in", *row.expires_at - now);
    writer.member("refresh_at", std::string_view(rfc3339(row.refresh_at)));
  }
  if (row.problem) writer.member("problem", std::string_view(row.problem->message));
  if (row.failure) write_failure_json(writer, *row.failure);
  writer.end();
}

std::string status_json(const std::vector<Row>& rows, std::int64_t now) {
  JsonWriter writer;
  writer.object().member("version", 1).key("profiles").array();
  for (const auto& row : rows) write_row(writer, row, now);
  writer.end().end();
  return writer.take() + "\n";
}

// https://prometheus.io/docs/instrumenting/exposition_formats/: backslash, quote and line end are escaped.
std::string label(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

class Metrics {
 public:
  void family(const std::string& name, const char* help) {
    m_name = "wif_" + name;
    m_text += "# HELP " + m_name + " " + help + "\n# TYPE " + m_name + " gauge\n";
  }
  void sample(const std::string& profile, std::int64_t value) {
    m_text += m_name + "{profile=\"" + label(profile) + "\"} " + std::to_string(value) + "\n";
  }
  std::string take() { return std::move(m_text); }

 private:
  std::string m_name;
  std::string m_text;
};

// Times as such, which stay true however old the file is; only the seconds to expiry are as of its writing.
std::string metrics_of(const std::vector<Row>& rows, std::int64_t now) {
  Metrics metrics;
  metrics.family("usable", "Whether a credential is cached that is good for a call now.");
  for (const auto& row : rows)
    metrics.sample(row.name, row.expires_at && row.state != State::invalid ? 1 : 0);
  metrics.family("expiry_seconds", "Seconds until the cached credential expires, when this was written.");
  for (const auto& row : rows)
    if (row.expires_at) metrics.sample(row.name, *row.expires_at - now);
  metrics.family("expiry_timestamp_seconds", "When the cached credential expires.");
  for (const auto& row : rows)
    if (row.expires_at) metrics.sample(row.name, *row.expires_at);
  metrics.family("refresh_timestamp_seconds", "When the cached credential is due for its refresh.");
  for (const auto& row : rows)
    if (row.expires_at) metrics.sample(row.name, row.refresh_at);
  metrics.family("last_failure_timestamp_seconds", "When it failed last, if nothing came well since.");
  for (const auto& row : rows)
    if (row.failure) metrics.sample(row.name, row.failure->at);
  metrics.family("failures_in_a_row", "How often it failed since it came well.");
  for (const auto& row : rows) metrics.sample(row.name, row.failure ? row.failure->attempts : 0);
  return metrics.take();
}

// Without files there is the one profile that the environment makes.
Result<std::vector<std::string>> names_of(const Config& config, const GlobalOptions& global) {
  if (global.choice.profile) return std::vector<std::string>{*global.choice.profile};
  TRY_ASSIGN(auto names, config.profile_names());
  if (names.empty()) names.emplace_back("default");
  return names;
}

Result<std::vector<Row>> read_rows(const GlobalOptions& global) {
  TRY_ASSIGN(const Config config, Config::load(real_system(), global.choice));
  TRY_ASSIGN(const auto names, names_of(config, global));
  std::optional<Store> store;
  std::string why;
  if (const auto directory = cache_directory(real_system())) {
    TRY_ASSIGN(store, Store::open(*directory, false, why));
  }
  std::vector<Row> rows;
  for (const auto& name : names) {
    Row& row = rows.emplace_back();
    row.name = name;
    if (auto done = look_up(config, store ? &*store : nullptr, row); !done)
      row.problem = std::move(done.error());
  }
  return rows;
}

}  // namespace

Result<int> run_status(const Invocation& invocation) {
  Arguments arguments(
      "wif status [OPTIONS]",
      "Shows every profile's source, identity, record, next refresh and last failure. Fetches\n"
      "nothing and shows no token.");
  arguments.examples(
      "  wif status\n"
      "  wif status --prometheus /var/lib/node_exporter/textfile/wif.prom\n");
  bool json = false;
  std::optional<std::string> prometheus;
  arguments.flag("--json", json, "print JSON");
  arguments.option("--prometheus", "FILE", prometheus, "write that file for a textfile collector instead");
  GlobalOptions global;
  TRY_ASSIGN(const bool parsed, parse_arguments(arguments, global, invocation));
  if (!parsed) return 0;
  if (json && prometheus) return fail(Category::usage, "--json and --prometheus don't go together");
  TRY_ASSIGN(const auto rows, read_rows(global));
  const std::int64_t now = real_system().now().wall;
  if (prometheus) {
    TRY(replace_file(*prometheus, k_public, metrics_of(rows, now)));
    return 0;
  }
  std::string text;
  for (const auto& row : rows) text += row_text(row, now);
  TRY(print(json ? status_json(rows, now) : text));
  return 0;
}

}  // namespace wif
