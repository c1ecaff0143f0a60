// SPDX-License-Identifier: Apache-2.0
#include "core/cache.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <unistd.h>

#include "core/jwt.hpp"
#include "util/encode.hpp"
#include "util/secret.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_refresh_before_expiry = 1200;
constexpr double k_jitter = 0.1;
constexpr std::int64_t k_first_pause = 1;
constexpr std::int64_t k_longest_pause = 60;
constexpr std::int64_t k_longest_retry_after = 3600;

bool is_upstream(const Error& error) {
  return error.category == Category::refused || error.category == Category::unreachable;
}

// "key=value" with what would end the line escaped, so that no value can pose as another line.
void add(std::string& binding, std::string_view key, std::string_view value) {
  binding.append(key).push_back('=');
  for (const char c : value) {
    if (c == '\\') {
      binding += "\\\\";
    } else if (c == '\n') {
      binding += "\\n";
    } else {
      binding += c;
    }
  }
  binding += '\n';
}

// The identity in a token, or a hash of the whole where it isn't a JWT.
void add_token_identity(std::string& binding, std::string_view token) {
  const auto jwt = decode_jwt(trim(token));
  if (!jwt) return add(binding, "identity.sha256", sha256_hex(trim(token)));
  add(binding, "identity.iss", jwt->issuer);
  add(binding, "identity.sub", jwt->subject);
  for (const auto& audience : jwt->audience) add(binding, "identity.aud", audience);
}

void add_variable(std::string& binding, const System& system, const std::string& key,
                  const std::string& name) {
  auto value = system.variable(name.c_str());
  add(binding, key, value ? sha256_hex(*value) : "");
  if (value) wipe(*value);
}

tl::unexpected<Error> unreadable(const std::string& path, int error) {
  const bool forbidden = error == EACCES || error == EPERM;
  return fail(
      Category::no_identity, "cannot read the token file " + path + ": " + errno_text(error),
      forbidden
          ? "run as the user it was mounted for, or in Kubernetes set fsGroup in the pod's securityContext"
          : "`wif providers` shows what else was looked for; in Kubernetes, mount a projected token there");
}

Status add_identity(std::string& binding, const System& system, const Profile& profile,
                    const IdentityInput& input) {
  const std::string key = "subject." + std::string(input.name);
  switch (input.kind) {
    case IdentityInput::Kind::jwt_file: {
      const std::string path(profile.get(key));
      if (path.empty()) return {};
      auto token = system.read(path);
      if (!token) return unreadable(path, errno);
      add_token_identity(binding, *token);
      wipe(*token);
      return {};
    }
    case IdentityInput::Kind::jwt_variable: {
      const std::string name(profile.get(key));
      if (name.empty()) return {};
      auto token = system.variable(name.c_str());
      if (!token)
        return fail(Category::no_identity, "the environment variable " + name + " is not set",
                    "set it to the subject token, or name another one in subject.variable");
      add_token_identity(binding, *token);
      wipe(*token);
      return {};
    }
    case IdentityInput::Kind::variable: {
      const std::string name(input.name);
      add_variable(binding, system, "identity." + name, name);
      return {};
    }
    case IdentityInput::Kind::variables: {
      // Another prefix, since a user's choice of names must not pose as a token's claims.
      for (const std::string_view name : split(profile.get(key), '\n'))
        if (!name.empty() &&
            name.find('=') == std::string_view::npos)  // NAME=VALUE says it all in the setting
          add_variable(binding, system, "variable." + std::string(name), std::string(name));
      return {};
    }
  }
  return {};
}

bool decides_identity(std::string_view key) {
  return key.starts_with("subject.") || key.starts_with("exchange.");
}

// Suspend stops no wall clock and a step of the wall clock stops no boot clock: the older of the two ages counts.
std::int64_t age_of(const Credential& credential, const Now& now) {
  return std::max(now.wall - credential.issued_at, now.boot() - credential.issued_boot);
}

}  // namespace

Result<std::string> make_binding(const System& system, const Profile& profile) {
  std::string binding;
  binding.reserve(1024);
  add(binding, "provider", profile.provider.name);
  add(binding, "module", profile.provider.built_in ? "" : profile.provider.module);
  add(binding, "exchange", profile.exchange.name);
  for (const auto& [key, setting] : profile.settings)
    if (decides_identity(key)) add(binding, key, setting.value);
  add(binding, "user", std::to_string(system.user_id()));
  add(binding, "host", system.host_name());
  add(binding, "boot", system.boot_id());
  for (const auto& input : profile.provider.identities) TRY(add_identity(binding, system, profile, input));
  if (profile.subject_token != nullptr) add_token_identity(binding, profile.subject_token->view());
  // Whoever a linked credential is for, this one is for too.
  for (const auto& link : profile.links) {
    TRY_ASSIGN(const std::string linked, make_binding(system, *link.profile));
    add(binding, "link." + link.role, sha256_hex(linked));
  }
  return binding;
}

bool binding_fits(std::string_view binding, std::string_view token) {
  const std::size_t named = binding.find("\nidentity.iss=");
  if (named == std::string_view::npos && binding.find("\nidentity.sha256=") == std::string_view::npos)
    return true;
  std::string identity = "\n";
  add_token_identity(identity, token);
  const std::size_t at = binding.find(identity);
  // One audience of several isn't the same identity.
  return at != std::string_view::npos && !binding.substr(at + identity.size()).starts_with("identity.aud=");
}

bool links_to(std::string_view binding, std::string_view role, std::string_view linked) {
  std::string line = "\n";
  add(line, "link." + std::string(role), sha256_hex(linked));
  return binding.find(line) != std::string_view::npos;
}

std::string record_name(std::string_view binding) { return hex64(fast_hash(binding)); }

std::int64_t refresh_point(const Credential& credential, double jitter) {
  const std::int64_t life = credential.lifetime();
  const std::int64_t half = (life + 1) / 2;
  const std::int64_t latest = std::max(life - k_refresh_before_expiry, half);
  const double spread = static_cast<double>(latest) * k_jitter;
  const std::int64_t earliest = std::max(latest - static_cast<std::int64_t>(spread), half);
  return credential.issued_at + earliest + static_cast<std::int64_t>(spread * jitter);
}

Record make_record(std::string binding, std::string profile, Credential credential) {
  std::uint32_t random = 0;
  if (getentropy(&random, sizeof random) != 0) random = 0;  // a kernel without it has no fleet
  const double jitter = random / 4294967296.0;
  Record record;
  record.binding = std::move(binding);
  record.profile = std::move(profile);
  record.refresh_at = refresh_point(credential, jitter);
  record.credential = std::move(credential);
  return record;
}

State state_of(const Record& record, const Now& now, std::int64_t min_ttl) {
  const Credential& credential = record.credential;
  // The clock went back, or the machine was started anew: how old this is can't be told.
  if (credential.issued_at > now.wall || credential.issued_boot > now.boot()) return State::invalid;
  const std::int64_t age = age_of(credential, now);
  const std::int64_t life = credential.lifetime();
  if (age >= life - std::min(min_ttl, life / 4)) return State::invalid;
  return credential.issued_at + age < record.refresh_at ? State::fresh : State::stale;
}

bool is_short(const Record& record, const Now& now, std::int64_t min_remaining) {
  const std::int64_t life = record.credential.lifetime();
  return life - age_of(record.credential, now) < std::min(min_remaining, life / 2);
}

Failure next_failure(const System& system, const Failure* before, std::string binding, std::string profile,
                     const EngineError& error) {
  const Now now = system.now();
  Failure failure;
  failure.binding = std::move(binding);
  failure.profile = std::move(profile);
  failure.error = error.error;
  failure.request_id = error.request_id;
  failure.step = error.stage;
  failure.at = now.wall;
  failure.at_boot_ms = now.boot_ms;
  // Who waited long for an identity to appear has not yet bothered the relying party.
  const bool again = before != nullptr && is_upstream(before->error) == is_upstream(failure.error);
  failure.attempts = again ? before->attempts + 1 : 1;
  if (error.reused_subject) {
    failure.refused_subject = error.subject_hash;
  } else if (before != nullptr) {
    failure.refused_subject = before->refused_subject;
  }
  const std::int64_t pause = std::min(k_first_pause << std::min(failure.attempts - 1, 6), k_longest_pause);
  failure.not_before = now.wall + std::max(pause, std::min(error.retry_after, k_longest_retry_after));
  return failure;
}

bool is_paused(const Failure& failure, const Now& now) {
  // A failure from the future: the clock went back, and so the pause can't be told.
  return failure.at <= now.wall && now.wall < failure.not_before;
}

bool is_remembered(const Failure& failure, const Now& now) {
  return is_upstream(failure.error) && is_paused(failure, now);
}

}  // namespace wif
