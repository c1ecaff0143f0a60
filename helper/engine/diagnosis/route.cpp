// SPDX-License-Identifier: Apache-2.0
#include "engine/diagnosis/route.hpp"

#include "core/system.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr Way k_endpoint = {{"dns", "address of the token endpoint"},
                            {"proxy", "proxy on the way"},
                            {"tcp", "connection"},
                            {"tls", "TLS"}};

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

class Teller {
 public:
  Teller(const Way& way, const Url& url, const std::string& proxy, const StepSink& step)
      : m_way(way), m_url(url), m_proxy(proxy), m_step(step) {}

  void arrived(const HttpTimings& timings) const {
    found(timings.address.empty() ? "found" : timings.address, timings.lookup_ms);
    m_step(timed(accepts(), timings.connect_ms));
    m_step(timed(secured(timings.certificate.empty() ? "verified" : "verified; " + timings.certificate),
                 timings.tls_ms));
  }

  bool failed(const HttpFailure& failure) const {
    switch (failure.reason) {
      case NoAnswer::address:
        m_step(failed_step(m_way.dns.id, m_way.dns.checked, by_proxy(failure.error)));
        tell_proxy();
        skip(m_way.tcp, "no address");
        skip(m_way.tls, "no address");
        return false;
      case NoAnswer::connection:
        found("found", 0);
        m_step(failed_step(m_way.tcp.id, m_way.tcp.checked, by_proxy(failure.error)));
        skip(m_way.tls, "no connection");
        return false;
      case NoAnswer::tls:
        found("found", 0);
        m_step(accepts());
        m_step(failed_step(m_way.tls.id, m_way.tls.checked, failure.error));
        return false;
      case NoAnswer::lost:
        found("found", 0);
        lost(failure.error);
        return false;
      case NoAnswer::other:
        found("found", 0);
        m_step(accepts());
        m_step(secured("no trouble met"));
        return true;
    }
    return true;
  }

 private:
  Error by_proxy(Error error) const {
    if (!m_proxy.empty()) error.message += " (" + m_proxy + ")";
    return error;
  }
  // Connected, and then nothing: another request may have better luck.
  void lost(const Error& error) const {
    DoctorStep step = failed_step(m_way.tcp.id, m_way.tcp.checked, error);
    step.certain = false;
    m_step(std::move(step));
    skip(m_way.tls, "no usable connection");
  }
  void found(const std::string& where, std::int64_t ms) const {
    const std::string found = m_proxy.empty() ? where : "left to the proxy to find";
    m_step(timed(ok_step(m_way.dns.id, m_way.dns.checked, m_url.host + " is " + found), ms));
    tell_proxy();
  }
  void tell_proxy() const {
    m_step(ok_step(m_way.proxy.id, m_way.proxy.checked, m_proxy.empty() ? "none" : m_proxy));
  }
  DoctorStep accepts() const {
    return ok_step(m_way.tcp.id, m_way.tcp.checked, m_url.authority + " accepts");
  }
  DoctorStep secured(const std::string& how) const {
    return m_url.is_https() ? ok_step(m_way.tls.id, m_way.tls.checked, how)
                            : skipped_step(m_way.tls.id, m_way.tls.checked, "plain http, to this machine");
  }
  void skip(const WayStep& one, const std::string& why) const {
    m_step(skipped_step(one.id, one.checked, why));
  }

  const Way& m_way;
  const Url& m_url;
  const std::string& m_proxy;
  const StepSink& m_step;
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

bool tell_way(const Way& way, const Url& url, const std::string& proxy, const HttpResult& met,
              const StepSink& step) {
  const Teller teller(way, url, proxy, step);
  if (!met) return teller.failed(met.error());
  teller.arrived(met->timings);
  return true;
}

void skip_way(const Way& way, const std::string& why, const StepSink& step) {
  for (const WayStep& one : {way.dns, way.proxy, way.tcp, way.tls})
    step(skipped_step(one.id, one.checked, why));
}

void check_route(const RouteQuestion& question, Http& http, const StepSink& step, const DateSink& date) {
  const auto url = check_url(question.url, {});
  if (!url) {
    step(failed_step(k_endpoint.dns.id, k_endpoint.dns.checked, url.error()));
    for (const WayStep& one : {k_endpoint.proxy, k_endpoint.tcp, k_endpoint.tls})
      step(skipped_step(one.id, one.checked, "no usable address"));
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
  const auto response = http.send(request);
  if (response) date(*response, url->authority);
  tell_way(k_endpoint, *url, question.proxy, response, step);
}

}  // namespace wif
