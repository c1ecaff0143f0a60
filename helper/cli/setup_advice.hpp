// SPDX-License-Identifier: Apache-2.0
// What a relying party has to be told so that it takes the tokens of this machine: worked out from one of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/jwt.hpp"

namespace wif {

// One row of a mapping: a claim, or an attribute of a transformation, and the value that it has here.
struct MappingRow {
  std::string key;
  std::string value;
  std::string reason;
  bool recommended = true;  // else it only narrows further
};

// An attribute that the relying party has to derive, for what no row can name: nested claims.
struct Transformation {
  std::string attribute;
  std::string expression;
  std::string reason;
};

// Where the relying party gets the issuer's keys from.
struct KeySource {
  bool upload = false;  // else by discovery
  std::string reason;
  std::string jwks;  // the key set's text, where it could be read
};

// The Kubernetes objects that the token belongs to.
struct ServiceAccount {
  std::string space;  // the namespace
  std::string name;
};

struct Advice {
  std::string issuer;
  std::string audience;  // the first of several
  bool more_audiences = false;
  KeySource keys;
  std::vector<MappingRow> rows;
  std::vector<Transformation> transformations;
  std::optional<ServiceAccount> service_account;
};

// Everything but `keys`.
Advice advise(const Jwt& jwt);

// Whether anybody can read the issuer's keys from where they are, as far as its name tells; why not, if not.
std::optional<std::string> why_upload(std::string_view issuer);

}  // namespace wif
