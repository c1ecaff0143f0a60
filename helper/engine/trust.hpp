// SPDX-License-Identifier: Apache-2.0
// Where the TLS trust anchors come from. Loading a system's whole bundle takes longer than all the rest of an
// exchange, so a hashed directory, out of which OpenSSL loads only the one it needs, goes first.
#pragma once

#include <string>
#include <vector>

#include "core/system.hpp"

namespace wif {

// Both empty: libcurl's own default, which the static build's has not.
struct TrustAnchors {
  std::string file;       // PEM bundle
  std::string directory;  // hashed by `openssl rehash`
  std::string named_by;   // the settings or variables that say so; empty: nobody, they are the system's
};

// The system's places, in order of preference; tests have their own.
struct TrustPlaces {
  std::vector<std::string> directories;
  std::vector<std::string> files;
};
const TrustPlaces& system_trust_places();

// The settings ca_file and ca_dir, else SSL_CERT_FILE and SSL_CERT_DIR (not under AT_SECURE), else the first of the
// places' directories that is hashed, else the first of its files that exists.
TrustAnchors choose_trust_anchors(const System& system, const TrustPlaces& places, const std::string& ca_file,
                                  const std::string& ca_dir);

}  // namespace wif
