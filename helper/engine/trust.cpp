// SPDX-License-Identifier: Apache-2.0
#include "engine/trust.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include <dirent.h>

namespace wif {
namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

// "4bfab552.0", as X509_NAME_hash makes it.
bool is_hashed_name(std::string_view name) {
  if (name.size() < 10 || name[8] != '.') return false;
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::all_of(name.begin(), name.begin() + 8, hexadecimal) &&
         std::all_of(name.begin() + 9, name.end(), digit);
}

bool is_hashed_directory(const std::string& path) {
  const std::unique_ptr<DIR, DirectoryCloser> directory(opendir(path.c_str()));
  if (!directory) return false;
  while (const dirent* entry = readdir(directory.get()))
    if (is_hashed_name(entry->d_name)) return true;
  return false;
}

}  // namespace

const TrustPlaces& system_trust_places() {
  static const TrustPlaces places{
      {"/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash",
       "/var/lib/ca-certificates/openssl", "/etc/openssl/certs"},
      {"/etc/ssl/certs/ca-certificates.crt",  // Debian, Arch, Alpine, Nix, distroless images
       "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, RHEL
       "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
       "/etc/ssl/ca-bundle.pem",  // SUSE
       "/var/lib/ca-certificates/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
       "/etc/ssl/cert.pem"}};  // Alpine's base image, BSD
  return places;
}

TrustAnchors choose_trust_anchors(const System& system, const TrustPlaces& places, const std::string& ca_file,
                                  const std::string& ca_dir) {
  if (!ca_file.empty() || !ca_dir.empty()) return {ca_file, ca_dir, ca_file.empty() ? "ca_dir" : "ca_file"};
  const auto file = system.trusted_variable("SSL_CERT_FILE");
  const auto directory = system.trusted_variable("SSL_CERT_DIR");
  if (file || directory)
    return {file.value_or(""), directory.value_or(""), file ? "SSL_CERT_FILE" : "SSL_CERT_DIR"};
  for (const auto& place : places.directories)
    if (is_hashed_directory(place)) return {"", place, ""};
  for (const auto& place : places.files)
    if (system.exists(place)) return {place, "", ""};
  return {};
}

}  // namespace wif
