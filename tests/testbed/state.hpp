// SPDX-License-Identifier: Apache-2.0
// Everything that the http and the https listener share.
#pragma once

#include "access_tokens.hpp"
#include "answers.hpp"
#include "clock.hpp"
#include "config.hpp"
#include "faults.hpp"
#include "gate.hpp"
#include "journal.hpp"
#include "keys.hpp"
#include "standin_google.hpp"

#include <filesystem>
#include <string>
#include <utility>

namespace testbed {

struct State {
  explicit State(std::string own_url) : issuer(std::move(own_url)), config(issuer) {}

  std::string issuer;
  KeyRing keys;
  Clock clock;
  ConfigStore config;
  AccessTokens tokens;
  Answers answers;
  FaultBook faults;
  Gate gate;
  Journal journal;
  GoogleTokens google_tokens;
  std::filesystem::path folder;  // of the state; set before the first request
  bool verbose = false;
};

}  // namespace testbed
