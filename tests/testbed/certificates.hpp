// SPDX-License-Identifier: Apache-2.0
// A certificate authority of our own and the server's certificate for 127.0.0.1 and localhost, made at every start.
#pragma once

#include <filesystem>
#include <string>

namespace testbed {

struct CertificateFiles {
  std::filesystem::path ca_file;
  // An OpenSSL hashed directory that holds the CA.
  std::filesystem::path ca_dir;
  std::filesystem::path certificate;
  std::filesystem::path key;
};

// What is wrong with the server's certificate: "" nothing, "expired", "name" (another host's), "untrusted" (its CA
// isn't the one in ca_file). Throws std::runtime_error when OpenSSL or the disk fails.
CertificateFiles make_certificates(const std::filesystem::path& directory, const std::string& flaw);

}  // namespace testbed
