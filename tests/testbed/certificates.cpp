// SPDX-License-Identifier: Apache-2.0
#include "certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <ctime>
#include <memory>
#include <stdexcept>

namespace testbed {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using File = std::unique_ptr<std::FILE, Free>;

constexpr long k_day = 24L * 3600;

struct Authority {
  PrivateKey key;
  Certificate certificate;
};

void check(bool good, const char* what) {
  if (!good) {
    throw std::runtime_error(what);
  }
}

PrivateKey make_key() {
  PrivateKey key(EVP_EC_gen("P-256"));
  check(key != nullptr, "no EC key");
  return key;
}

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  check(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "no certificate extension");
}

Certificate make_unsigned(const char* name, EVP_PKEY* key, long serial, long valid_until) {
  Certificate certificate(X509_new());
  check(certificate != nullptr, "no certificate");
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -30 * k_day);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_until);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_pubkey(certificate.get(), key);
  return certificate;
}

Authority make_authority(const char* name) {
  Authority authority{make_key(), nullptr};
  authority.certificate = make_unsigned(name, authority.key.get(), 1, 365 * k_day);
  X509* ca = authority.certificate.get();
  X509_set_issuer_name(ca, X509_get_subject_name(ca));
  extend(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
  extend(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(ca, ca, NID_subject_key_identifier, "hash");
  check(X509_sign(ca, authority.key.get(), EVP_sha256()) > 0, "can't sign the CA");
  return authority;
}

Certificate make_leaf(const Authority& authority, EVP_PKEY* key, const std::string& flaw) {
  const bool elsewhere = flaw == "name";
  const long serial = static_cast<long>(std::time(nullptr));
  const long valid_until = flaw == "expired" ? -k_day : 90 * k_day;
  Certificate leaf = make_unsigned(elsewhere ? "elsewhere.test" : "localhost", key, serial, valid_until);
  X509* ca = authority.certificate.get();
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca));
  extend(leaf.get(), ca, NID_basic_constraints, "critical,CA:FALSE");
  extend(leaf.get(), ca, NID_key_usage, "critical,digitalSignature");
  extend(leaf.get(), ca, NID_ext_key_usage, "serverAuth");
  extend(leaf.get(), ca, NID_subject_alt_name,
         elsewhere ? "DNS:elsewhere.test" : "DNS:localhost,IP:127.0.0.1");
  extend(leaf.get(), ca, NID_subject_key_identifier, "hash");
  extend(leaf.get(), ca, NID_authority_key_identifier, "keyid:always");
  check(X509_sign(leaf.get(), authority.key.get(), EVP_sha256()) > 0, "can't sign the certificate");
  return leaf;
}

File open_for_writing(const std::filesystem::path& path) {
  File file(std::fopen(path.c_str(), "w"));
  check(file != nullptr, "can't write a certificate file");
  return file;
}

void write(const std::filesystem::path& path, X509* certificate) {
  check(PEM_write_X509(open_for_writing(path).get(), certificate) == 1, "can't write a certificate");
}

void write(const std::filesystem::path& path, EVP_PKEY* key) {
  const File file = open_for_writing(path);
  check(PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "can't write a key");
}

std::string hashed_name(X509* certificate) {
  char name[32];
  std::snprintf(name, sizeof name, "%08lx.0", X509_subject_name_hash(certificate));
  return name;
}

}  // namespace

CertificateFiles make_certificates(const std::filesystem::path& directory, const std::string& flaw) {
  check(flaw.empty() || flaw == "expired" || flaw == "name" || flaw == "untrusted",
        "unknown certificate flaw");
  const CertificateFiles files{directory / "ca.pem", directory / "ca", directory / "server.pem",
                               directory / "server.key"};
  const Authority shown = make_authority("wif-testbed CA");
  const Authority other = make_authority("wif-testbed stray CA");
  const PrivateKey key = make_key();
  std::filesystem::create_directories(files.ca_dir);
  write(files.ca_file, shown.certificate.get());
  write(files.ca_dir / hashed_name(shown.certificate.get()), shown.certificate.get());
  write(files.certificate, make_leaf(flaw == "untrusted" ? other : shown, key.get(), flaw).get());
  write(files.key, key.get());
  return files;
}

}  // namespace testbed
