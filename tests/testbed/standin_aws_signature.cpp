// SPDX-License-Identifier: Apache-2.0
#include "standin_aws_signature.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace testbed {
namespace {

std::string hex(const std::string& bytes) {
  static constexpr char k_digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += k_digits[byte >> 4U];
    text += k_digits[byte & 15U];
  }
  return text;
}

std::string sha256(const std::string& bytes) {
  std::string sum(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(sum.data()));
  return sum;
}

std::string hmac(const std::string& key, const std::string& text) {
  std::string sum(SHA256_DIGEST_LENGTH, '\0');
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(sum.data()), &size);
  return sum;
}

// Without white space around it, and runs of spaces made one.
std::string canonical_value(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == ' ' && (out.empty() || out.back() == ' ')) continue;
    out += c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string canonical_query(const std::string& query) {
  std::vector<std::string> pairs;
  for (std::size_t begin = 0; begin < query.size();) {
    const std::size_t end = std::min(query.find('&', begin), query.size());
    std::string pair = query.substr(begin, end - begin);
    if (!pair.empty()) pairs.push_back(pair.find('=') == std::string::npos ? pair + "=" : pair);
    begin = end + 1;
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const std::string& pair : pairs) out += (out.empty() ? "" : "&") + pair;
  return out;
}

std::string canonical_request(const SignedRequest& request) {
  std::string lines;
  std::string names;
  for (const auto& [name, value] : request.headers) {
    lines += name + ":" + canonical_value(value) + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  return request.method + "\n" + request.path + "\n" + canonical_query(request.query) + "\n" + lines + "\n" +
         names + "\n" + hex(sha256(request.body));
}

}  // namespace

std::string aws_signature(const SignedRequest& request, const CredentialScope& scope,
                          const std::string& secret) {
  const auto date = request.headers.find("x-amz-date");
  const std::string text = "AWS4-HMAC-SHA256\n" + (date == request.headers.end() ? "" : date->second) + "\n" +
                           scope.date + "/" + scope.region + "/" + scope.service + "/aws4_request\n" +
                           hex(sha256(canonical_request(request)));
  std::string key = "AWS4" + secret;
  for (const std::string& part : {scope.date, scope.region, scope.service, std::string("aws4_request")})
    key = hmac(key, part);
  return hex(hmac(key, text));
}

}  // namespace testbed
