// SPDX-License-Identifier: Apache-2.0
#include "engine/diagnosis/route.hpp"

#include "core/system.hpp"
#include "engine/url.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr const char* k_dns = "address of the token endpoint";
constexpr const char* k_proxy = "proxy on the way";
constexpr const char* k_tcp = "connection";
constexpr const char* k_tls = "TLS";

DoctorStep timed(DoctorStep step, std::int64_t ms) {
  step.ms = ms;
  return step;
}

// libcurl's no_proxy: names, which stand for what is below them as well; "*" for all.
bool is_excepted(const std::string& list, std::string_view host) {
  for (const std::string_view part : split(list, ',')) {
    std::string_view name = trim(part);
    if (name == "*") return true;
    if (name.starts_with('.')) name.remove_prefix(1);
    if (name.empty()) continue;
    if (host == name || (host.ends_with(name) && host[host.size() - name.size() - 1] == '.')) return true;
  }
  return false;
}

std::string without_credentials(const std::string& proxy) {
  const std::size_t at = proxy.rfind('@');
  const std::size_t scheme = proxy.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  if (at == std::string::npos || at < begin) return printable(proxy, 120);
  return printable(proxy.substr(0, begin) + "…@" + proxy.substr(at + 1), 120);
}

class Route {
 public:
  Route(const RouteQuestion& question, const StepSink& step, const Url& url)
      : m_question(question), m_step(step), m_url(url) {}

  void arrived(const HttpTimings& timings) {
    m_step(timed(
        ok_step("dns", k_dns, m_url.host + " is " + (timings.address.empty() ? "found" : timings.address)),
        timings.lookup_ms));
    tell_proxy();
    m_step(timed(ok_step("tcp", k_tcp, m_url.authority + " accepts"), timings.connect_ms));
    m_step(m_url.is_https()
               ? timed(ok_step("tls", k_tls,
                               timings.certificate.empty() ? "verified" : "verified; " + timings.certificate),
                       timings.tls_ms)
               : skipped_step("tls", k_tls, "plain http, to this machine"));
  }

  void failed(const HttpFailure& failure) {
    switch (failure.reason) {
      case NoAnswer::address:
        m_step(failed_step("dns", k_dns, failure.error));
        tell_proxy();
        m_step(skipped_step("tcp", k_tcp, "no address"));
        return m_step(skipped_step("tls", k_tls, "no address"));
      case NoAnswer::connection:
        m_step(ok_step("dns", k_dns, m_url.host + " is found"));
        tell_proxy();
        m_step(failed_step("tcp", k_tcp, failure.error));
        return m_step(skipped_step("tls", k_tls, "no connection"));
      case NoAnswer::tls:
        m_step(ok_step("dns", k_dns, m_url.host + " is found"));
        tell_proxy();
        m_step(ok_step("tcp", k_tcp, m_url.authority + " accepts"));
        return m_step(failed_step("tls", k_tls, failure.error));
      case NoAnswer::lost:
      case NoAnswer::other:
        m_step(ok_step("dns", k_dns, m_url.host + " is found"));
        tell_proxy();
        return not_usable(failure.error);
    }
  }

 private:
  // Connected, and then nothing: what the exchange itself meets says whether that matters.
  void not_usable(const Error& error) {
    DoctorStep step = failed_step("tcp", k_tcp, error);
    step.certain = false;
    m_step(std::move(step));
    m_step(skipped_step("tls", k_tls, "no usable connection"));
  }
  void tell_proxy() {
    m_step(ok_step("proxy", k_proxy, m_question.proxy.empty() ? "none" : m_question.proxy));
  }

  const RouteQuestion& m_question;
  const StepSink& m_step;
  const Url& m_url;
};

}  // namespace

std::string proxy_of(const System& system, const std::string& scheme, const std::string& host) {
  if (is_local_host(host)) return {};
  for (const char* name : {"no_proxy", "NO_PROXY"})
    if (const auto list = system.trusted_variable(name); list && is_excepted(*list, host)) return {};
  // http's is taken in small letters only: a CGI program has HTTP_PROXY from its client.
  const bool https = scheme == "https";
  for (const char* name :
       {https ? "https_proxy" : "http_proxy", https ? "HTTPS_PROXY" : "http_proxy", "all_proxy", "ALL_PROXY"})
    if (const auto proxy = system.trusted_variable(name))
      return std::string(name) + "=" + without_credentials(*proxy);
  return {};
}

void check_route(const RouteQuestion& question, Http& http, const StepSink& step, const DateSink& date) {
  const auto url = check_url(question.url, {});
  if (!url) {
    step(failed_step("dns", k_dns, url.error()));
    for (const auto& [id, what] :
         {std::pair("proxy", k_proxy), std::pair("tcp", k_tcp), std::pair("tls", k_tls)})
      step(skipped_step(id, what, "no usable address"));
    return;
  }
  HttpRequest request;
  request.method = "HEAD";
  request.url = url->scheme + "://" + url->authority + "/";
  request.ca_file = question.ca_file;
  request.ca_dir = question.ca_dir;
  request.try_timeout_ms = question.try_timeout_ms;
  request.retry = false;
  request.describe_certificate = true;
  Route route(question, step, *url);
  const auto response = http.send(request);
  if (!response) return route.failed(response.error());
  date(*response, url->authority);
  route.arrived(response->timings);
}

}  // namespace wif
