// SPDX-License-Identifier: Apache-2.0
#include "engine/curl_transport.hpp"

#include <algorithm>
#include <array>

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>

#include "core/lock.hpp"
#include "engine/curl_errors.hpp"
#include "engine/trust.hpp"
#include "engine/url.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::int64_t k_connect_timeout_ms = 10000;
// Older versions of libcurl have no limit of their own; that of newer ones is a little higher and looks like a lost connection.
constexpr std::size_t k_header_limit = 256 << 10;

struct EasyCleanup {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

// A list of header lines, which hold tokens: wiped before it is freed.
class HeaderLines {
 public:
  HeaderLines() = default;
  HeaderLines(const HeaderLines&) = delete;
  HeaderLines& operator=(const HeaderLines&) = delete;
  ~HeaderLines() {
    for (curl_slist* line = m_list; line != nullptr; line = line->next)
      explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(m_list);
  }
  void add(std::string line) {
    if (curl_slist* longer = curl_slist_append(m_list, line.c_str())) m_list = longer;
    wipe(line);
  }
  curl_slist* get() const { return m_list; }

 private:
  curl_slist* m_list = nullptr;
};

// What arrives, in buffers that are wiped when they grow.
struct Received {
  std::vector<HttpHeader> headers;
  std::string body;
  std::size_t header_size = 0;
  const char* too_large = nullptr;  // what was, and where it was cut off

  Received() = default;
  Received(const Received&) = delete;
  Received& operator=(const Received&) = delete;
  ~Received() { wipe(body); }
};

size_t on_body(char* data, size_t size, size_t count, void* context) {
  auto& received = *static_cast<Received*>(context);
  if (received.body.size() + size * count > k_body_limit) {
    received.too_large = "a body over 1 MiB";
    return 0;
  }
  append_wiping(received.body, {data, size * count});
  return size * count;
}

size_t on_header(char* data, size_t size, size_t count, void* context) {
  auto& received = *static_cast<Received*>(context);
  auto& headers = received.headers;
  received.header_size += size * count;
  if (received.header_size > k_header_limit) {
    received.too_large = "headers over 256 KiB";
    return 0;
  }
  const std::string_view line = trim({data, size * count});
  const std::size_t colon = line.find(':');
  if (line.substr(0, 5) == "HTTP/") {
    headers.clear();  // those of a 1xx, or of the proxy
  } else if (colon != std::string_view::npos && colon > 0) {
    headers.push_back({std::string(line.substr(0, colon)), Secret(trim(line.substr(colon + 1)))});
  }
  return size * count;
}

// A server that leaves Nagle's algorithm on holds the end of its answer back until we acknowledge the beginning, which
// the kernel delays by 40 ms: longer than all the rest. TCP_QUICKACK acknowledges at once, but wears off with each
// segment sent, so it is renewed whenever libcurl reports progress.
int on_socket(void* context, curl_socket_t socket, curlsocktype) {
  *static_cast<curl_socket_t*>(context) = socket;
  return CURL_SOCKOPT_OK;
}

int on_progress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const int on = 1;
  // Fails on a unix socket, and on one that is closed by now: no harm.
  setsockopt(*static_cast<const curl_socket_t*>(context), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  return 0;
}

template <class Value> void set(CURL* curl, CURLoption option, Value value) {
  curl_easy_setopt(curl, option, value);
}

const char* text_or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

void set_tls(CURL* curl, const TrustAnchors& anchors) {
  set(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  set(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
  if (anchors.file.empty() && anchors.directory.empty()) return;
  // Both, always: what isn't chosen has to be cleared, or libcurl loads its own default on top.
  set(curl, CURLOPT_CAINFO, text_or_null(anchors.file));
  set(curl, CURLOPT_CAPATH, text_or_null(anchors.directory));
  set(curl, CURLOPT_PROXY_CAINFO, text_or_null(anchors.file));
  set(curl, CURLOPT_PROXY_CAPATH, text_or_null(anchors.directory));
}

void set_limits(CURL* curl, std::int64_t timeout_ms) {
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(timeout_ms, k_connect_timeout_ms)));
  set(curl, CURLOPT_MAXFILESIZE, static_cast<long>(k_body_limit));
  set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  // Both spellings of the option exist in no one version: 7.85 has the string, Debian 11 and older only the mask.
#if LIBCURL_VERSION_NUM >= 0x075500
  set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(curl, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

void set_route(CURL* curl, const HttpRequest& request, const Url& url) {
  set(curl, CURLOPT_URL, request.url.c_str());
  set(curl, CURLOPT_TCP_NODELAY, 1L);
  set(curl, CURLOPT_HTTP_VERSION,
      static_cast<long>(request.http2_prior_knowledge ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                                                      : CURL_HTTP_VERSION_1_1));
  // libcurl 7.88 (Debian 12) can't use a kept one of these: "Error in the HTTP2 framing layer" (curl issue 10634).
  set(curl, CURLOPT_FORBID_REUSE, request.http2_prior_knowledge ? 1L : 0L);
  if (!request.unix_socket.empty()) set(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
  if (url.local || request.metadata_host || !request.unix_socket.empty()) set(curl, CURLOPT_NOPROXY, "*");
}

void set_quick_acknowledgement(CURL* curl, curl_socket_t& socket) {
  set(curl, CURLOPT_SOCKOPTFUNCTION, &on_socket);
  set(curl, CURLOPT_SOCKOPTDATA, static_cast<void*>(&socket));
  set(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(curl, CURLOPT_XFERINFODATA, static_cast<void*>(&socket));
  set(curl, CURLOPT_NOPROGRESS, 0L);
}

void set_message(CURL* curl, const HttpRequest& request, HeaderLines& lines) {
  for (const auto& header : request.headers) lines.add(header.name + ": " + header.value.reveal());
  // No pause for a 100 Continue. libcurl 7.88 would sign this as a header and then not send it, so a signed request
  // goes without: its body is far below the 1 MiB from which libcurl asks for one.
  if (!request.aws) lines.add("Expect:");
  set(curl, CURLOPT_USERAGENT, "wif/" WIF_VERSION);
  if (request.has_body) {
    set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(curl, CURLOPT_POSTFIELDS, request.body.reveal().c_str());
  } else if (request.method == "HEAD") {
    set(curl, CURLOPT_NOBODY, 1L);
  }
  if (request.method != "HEAD") set(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(curl, CURLOPT_HTTPHEADER, lines.get());
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. libcurl signs what it sends.
void set_signature(CURL* curl, const AwsSignature& signature) {
  set(curl, CURLOPT_AWS_SIGV4, signature.scope.c_str());
  set(curl, CURLOPT_USERNAME, signature.access_key_id.c_str());
  set(curl, CURLOPT_PASSWORD, signature.secret_access_key.reveal().c_str());
}

// A line break in a header's name or value would be another header.
bool has_unsafe_header(const HttpRequest& request) {
  const auto unsafe = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != text.npos;
  };
  return unsafe(request.method) ||
         std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
           return header.name.empty() || unsafe(header.name) || unsafe(header.value.view());
         });
}

std::int64_t time_of(CURL* curl, CURLINFO what) {
  curl_off_t microseconds = 0;
  return curl_easy_getinfo(curl, what, &microseconds) == CURLE_OK ? microseconds / 1000 : 0;
}

// Of the leaf, out of OpenSSL's names for a certificate's fields.
std::string certificate_of(CURL* curl) {
  curl_certinfo* chain = nullptr;
  if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == nullptr ||
      chain->num_of_certs < 1)
    return {};
  std::string issuer;
  std::string end;
  for (const curl_slist* line = chain->certinfo[0]; line != nullptr; line = line->next) {
    const std::string_view text = line->data;
    if (text.starts_with("Issuer:")) issuer = printable(text.substr(7), 80);
    if (text.starts_with("Expire date:")) end = printable(text.substr(12), 40);
  }
  return issuer.empty() ? std::string() : "issued by " + issuer + ", until " + end;
}

HttpTimings timings_of(CURL* curl, bool describe_certificate) {
  const std::int64_t lookup = time_of(curl, CURLINFO_NAMELOOKUP_TIME_T);
  const std::int64_t connect = time_of(curl, CURLINFO_CONNECT_TIME_T);
  const std::int64_t tls = time_of(curl, CURLINFO_APPCONNECT_TIME_T);
  HttpTimings timings{
      lookup, std::max<std::int64_t>(connect - lookup, 0), std::max<std::int64_t>(tls - connect, 0), {}, {}};
  const char* address = nullptr;
  if (curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address != nullptr)
    timings.address = address;
  if (describe_certificate) timings.certificate = certificate_of(curl);
  return timings;
}

// Without its query and fragment.
std::string path_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = url.find_first_of("/?#", scheme == std::string::npos ? 0 : scheme + 3);
  if (begin == std::string::npos) return {};
  return url.substr(begin, url.find_first_of("?#", begin) - begin);
}

HttpFailure local_failure(Error error) { return {std::move(error)}; }

}  // namespace

struct CurlTransport::Impl {
  Impl(const System& s, const Log& l) : system(s), log(l) {}
  const System& system;
  const Log& log;
  std::unique_ptr<CURL, EasyCleanup> curl;
  curl_socket_t socket = CURL_SOCKET_BAD;  // the latest one; a kept connection is that one

  bool prepare() {
    if (curl) {
      curl_easy_reset(curl.get());  // keeps connections and names
    } else if (curl_global_init(CURL_GLOBAL_SSL) == CURLE_OK) {
      curl.reset(curl_easy_init());
    }
    return curl != nullptr;
  }
};

CurlTransport::CurlTransport(const System& system, const Log& log)
    : m_impl(std::make_unique<Impl>(system, log)) {}
CurlTransport::~CurlTransport() = default;

HttpResult CurlTransport::attempt(const HttpRequest& request, std::int64_t timeout_ms) {
  auto url = check_url(request.url, {request.metadata_host, !request.unix_socket.empty()});
  if (!url) return tl::unexpected(local_failure(std::move(url.error())));
  if (has_unsafe_header(request))
    return tl::unexpected(local_failure(
        {Category::bug, "a request header for " + url->authority + " holds a line break", {}, {}}));
  if (!m_impl->prepare())
    return tl::unexpected(local_failure({Category::bug, "libcurl cannot be set up", {}, {}}));

  CURL* curl = m_impl->curl.get();
  std::array<char, CURL_ERROR_SIZE> words{};
  HeaderLines lines;
  Received received;
  TrustAnchors anchors;
  set(curl, CURLOPT_ERRORBUFFER, words.data());
  if (url->is_https()) {
    anchors = choose_trust_anchors(m_impl->system, system_trust_places(), request.ca_file, request.ca_dir);
    set_tls(curl, anchors);
    if (request.describe_certificate) set(curl, CURLOPT_CERTINFO, 1L);
  }
  set_limits(curl, timeout_ms);
  set_route(curl, request, *url);
  set_message(curl, request, lines);
  if (request.aws) set_signature(curl, *request.aws);
  set_quick_acknowledgement(curl, m_impl->socket);
  set(curl, CURLOPT_WRITEFUNCTION, &on_body);
  set(curl, CURLOPT_WRITEDATA, static_cast<void*>(&received));
  set(curl, CURLOPT_HEADERFUNCTION, &on_header);
  set(curl, CURLOPT_HEADERDATA, static_cast<void*>(&received));

  const std::int64_t began = monotonic_ms();
  const CURLcode code = curl_easy_perform(curl);
  const std::string peer = request.unix_socket.empty() ? url->authority : request.unix_socket;
  if (code != CURLE_OK) {
    const CurlTrouble trouble{curl, code, words.data(), received.too_large, timeout_ms};
    HttpFailure failure = explain(trouble, peer, anchors);
    m_impl->log.http({request.method, peer, path_of(request.url), 0, received.body.size(),
                      monotonic_ms() - began, failure.error.message});
    return tl::unexpected(std::move(failure));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  m_impl->log.http({request.method,
                    peer,
                    path_of(request.url),
                    static_cast<int>(status),
                    received.body.size(),
                    monotonic_ms() - began,
                    {}});
  HttpResponse response;
  response.status = static_cast<int>(status);
  response.headers = std::move(received.headers);
  response.body = Secret(std::move(received.body));
  response.timings = timings_of(curl, request.describe_certificate);
  return response;
}

}  // namespace wif
