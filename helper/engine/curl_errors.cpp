// SPDX-License-Identifier: Apache-2.0
#include "engine/curl_errors.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>

#include <unistd.h>

#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_network_hint = "check the address, this machine's network and https_proxy/no_proxy";

std::string words_of(const CurlTrouble& trouble) {
  const std::string_view words = trim(trouble.words);
  return printable(redact(words.empty() ? curl_easy_strerror(trouble.code) : words), 200);
}

HttpFailure unreachable(NoAnswer reason, std::string message, std::string hint) {
  return {Error{Category::unreachable, std::move(message), std::move(hint), {}}, reason};
}

bool reached(CURL* curl, CURLINFO moment) {
  curl_off_t microseconds = 0;
  return curl_easy_getinfo(curl, moment, &microseconds) == CURLE_OK && microseconds > 0;
}

std::string seconds_words(std::int64_t milliseconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(milliseconds) / 1000);
  return text.data();
}

HttpFailure timed_out(const CurlTrouble& trouble, const std::string& peer) {
  std::string after = " (waited ";
  after.append(seconds_words(trouble.timeout_ms)).append(")");
  if (!reached(trouble.curl, CURLINFO_NAMELOOKUP_TIME_T))
    return unreachable(NoAnswer::address, "time-out: the address of " + peer + " was not found" + after,
                       "check this machine's DNS");
  if (!reached(trouble.curl, CURLINFO_CONNECT_TIME_T))
    return unreachable(NoAnswer::connection, "time-out: " + peer + " does not accept a connection" + after,
                       k_network_hint);
  if (!reached(trouble.curl, CURLINFO_PRETRANSFER_TIME_T))
    return unreachable(NoAnswer::connection,
                       "time-out: the TLS handshake with " + peer + " did not finish" + after,
                       k_network_hint);
  if (!reached(trouble.curl, CURLINFO_STARTTRANSFER_TIME_T))
    return unreachable(NoAnswer::lost,
                       "time-out: " + peer + " accepted the request and did not answer" + after,
                       "try again, or allow more with --timeout");
  return unreachable(NoAnswer::lost, "time-out: " + peer + " did not finish its answer" + after,
                     "try again, or allow more with --timeout");
}

// Whom libcurl tried, from "Failed to connect to HOST port N after …": it is the proxy where it isn't the peer.
std::string proxy_in(const CurlTrouble& trouble, const std::string& peer) {
  if (peer.starts_with('/'))
    return {};  // a socket's path: no proxy is asked, and the words name a host that nobody meant
  const std::string_view words = trouble.words;
  constexpr std::string_view k_before = "Failed to connect to ";
  const std::size_t begin = words.find(k_before);
  const std::size_t port = words.find(" port ");
  if (begin == words.npos || port == words.npos || port < begin + k_before.size()) return {};
  const std::string host(words.substr(begin + k_before.size(), port - begin - k_before.size()));
  if (peer.find(host) != peer.npos) return {};
  return host + ":" + std::string(words.substr(port + 6, words.find(' ', port + 6) - port - 6));
}

HttpFailure not_connected(const CurlTrouble& trouble, const std::string& peer) {
  long error = 0;
  curl_easy_getinfo(trouble.curl, CURLINFO_OS_ERRNO, &error);
  const std::string why = error != 0 ? errno_text(static_cast<int>(error)) : words_of(trouble);
  const std::string proxy = proxy_in(trouble, peer);
  if (proxy.empty())
    return unreachable(NoAnswer::connection, "cannot connect to " + peer + ": " + why, k_network_hint);
  return unreachable(NoAnswer::connection,
                     "cannot connect to " + proxy + ", the proxy on the way to " + peer + ": " + why,
                     "check https_proxy and no_proxy");
}

// What the proxy said to CONNECT, where it didn't let us through.
std::optional<HttpFailure> refused_by_proxy(const CurlTrouble& trouble, const std::string& peer) {
  long status = 0;
  curl_easy_getinfo(trouble.curl, CURLINFO_HTTP_CONNECTCODE, &status);
  if (status < 300) return {};
  const std::string said = "the proxy on the way to " + peer + " answered HTTP " + std::to_string(status);
  if (status == 407)
    return unreachable(
        NoAnswer::connection, said + ": it wants a user and password, or others",
        "give them in https_proxy (http://USER:PASSWORD@HOST:PORT), or name the host in no_proxy");
  return unreachable(NoAnswer::connection, said + " and doesn't let us through",
                     "have it let " + peer + " through, or check https_proxy and no_proxy");
}

// "self-signed certificate in certificate chain" out of "SSL certificate problem: …".
HttpFailure certificate(const CurlTrouble& trouble, const std::string& peer, const TrustAnchors& anchors) {
  std::string why = words_of(trouble);
  constexpr std::string_view k_prefix = "SSL certificate problem: ";
  if (why.rfind(k_prefix, 0) == 0) why.erase(0, k_prefix.size());
  const std::string tried = !anchors.file.empty() ? anchors.file : anchors.directory;
  if (tried.empty())
    return unreachable(
        NoAnswer::tls,
        "the certificate of " + peer + " can't be verified: " + why +
            " (wif found no trust anchors on this system)",
        "name a PEM file of the CAs to trust as ca_file or SSL_CERT_FILE, or install ca-certificates");
  return unreachable(
      NoAnswer::tls,
      "the certificate of " + peer + " can't be verified: " + why + " (trust anchors: " + tried + ")",
      "if a private CA signed it, or a proxy that opens TLS, name that CA's PEM file as ca_file or SSL_CERT_FILE; "
      "if it is said to be expired or not yet valid, check this machine's clock");
}

HttpFailure bad_anchors(const std::string& peer, const TrustAnchors& anchors) {
  const std::string tried = !anchors.file.empty() ? anchors.file : anchors.directory;
  const int error = tried.empty() || access(tried.c_str(), R_OK) == 0 ? 0 : errno;
  return {
      Error{Category::configuration,
            "cannot load the trust anchors for " + peer + " from " + (tried.empty() ? "the system" : tried) +
                (anchors.named_by.empty() ? "" : ", which " + anchors.named_by + " names") +
                (error == 0 ? "" : ": " + errno_text(error)),
            anchors.named_by.empty()
                ? "install ca-certificates"
                : "let " + anchors.named_by +
                      " name a readable file of PEM certificates, or take it out where the system's do",
            {}},
      NoAnswer::tls};
}

HttpFailure handshake(const CurlTrouble& trouble, const std::string& peer) {
  const std::string why = words_of(trouble);
  // OpenSSL's way to say that the connection ended.
  const bool lost = why.find("SYSCALL") != std::string::npos ||
                    why.find("unexpected eof") != std::string::npos || why.find("reset") != std::string::npos;
  const std::string message = "the TLS handshake with " + peer + " failed: " + why;
  if (lost) return unreachable(NoAnswer::connection, message, k_network_hint);
  return unreachable(NoAnswer::tls, message,
                     "the server has to speak TLS 1.2 or newer there; a plain http port does not");
}

}  // namespace

HttpFailure explain(const CurlTrouble& trouble, const std::string& peer, const TrustAnchors& anchors) {
  const char* large = trouble.code == CURLE_FILESIZE_EXCEEDED ? "a body over 1 MiB" : trouble.too_large;
  if (large != nullptr)
    return unreachable(NoAnswer::other, "the answer of " + peer + " has " + large,
                       "this is hardly the right address: check it");
  if (auto refusal = refused_by_proxy(trouble, peer)) return std::move(*refusal);
  switch (trouble.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return unreachable(NoAnswer::address, "the address of " + peer + " was not found (DNS)",
                         "check the name, and this machine's DNS");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return unreachable(NoAnswer::address,
                         "the address of the proxy on the way to " + peer + " was not found (DNS)",
                         "check https_proxy and no_proxy");
    case CURLE_COULDNT_CONNECT:
      return not_connected(trouble, peer);
    case CURLE_OPERATION_TIMEDOUT:
      return timed_out(trouble, peer);
    case CURLE_PEER_FAILED_VERIFICATION:
      return certificate(trouble, peer, anchors);
    case CURLE_SSL_CACERT_BADFILE:
      return bad_anchors(peer, anchors);
    case CURLE_SSL_CONNECT_ERROR:
      return handshake(trouble, peer);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return unreachable(
          NoAnswer::lost,
          "the connection to " + peer + " was lost before its answer was whole: " + words_of(trouble),
          "try again; if it stays so, look at what lies between, such as a proxy");
    case CURLE_OUT_OF_MEMORY:
      return {Error{Category::bug, "out of memory", {}, {}}};
    default:
      return unreachable(NoAnswer::other, "no usable answer from " + peer + ": " + words_of(trouble),
                         k_network_hint);
  }
}

}  // namespace wif
