// SPDX-License-Identifier: Apache-2.0
#include "standin_google.hpp"

#include "state.hpp"
#include "tokens.hpp"

namespace testbed {
namespace {

constexpr std::int64_t k_life = 3600;
constexpr std::int64_t k_renewed_before_expiry = 300;
constexpr const char* k_instance = "/computeMetadata/v1/instance";
constexpr const char* k_accounts = "/computeMetadata/v1/instance/service-accounts/";
constexpr const char* k_email = "app@testbed.iam.gserviceaccount.com";
constexpr const char* k_other_email = "other@testbed.iam.gserviceaccount.com";
constexpr const char* k_other_id = "220011223344556677889";

struct Account {
  std::string email;
  std::string id;  // empty: the shape's
};

const std::map<std::string, Account>& accounts() {
  static const std::map<std::string, Account> k_all{
      {"default", {k_email, ""}}, {k_email, {k_email, ""}}, {k_other_email, {k_other_email, k_other_id}}};
  return k_all;
}

void answer(httplib::Response& response, int status, const std::string& body) {
  reply(response, status, body, "text/html");
}

// format=full adds who and where, licenses=TRUE what it was made of; both are left out without.
Json mint_options(const Account& account, const std::string& audience, bool full, bool licenses) {
  Json options = Json::object({{"shape", "google"}, {"audience", audience}, {"ttl", k_life}});
  Json claims = Json::object({{"email", account.email}});
  if (!account.id.empty()) {
    claims.set("sub", account.id);
    claims.set("azp", account.id);
  }
  if (licenses) {
    const Json engine = Json::object({{"instance_name", "vm-1"},
                                      {"license_id", Json::array({"1000204"})},
                                      {"project_id", "testbed"},
                                      {"zone", "europe-west1-b"}});
    claims.set("google", Json::object({{"compute_engine", engine}}));
  }
  options.set("claims", claims);
  if (!full) {
    options.set("omit", Json::array({"email", "email_verified", "google"}));
  }
  return options;
}

void identity(State& state, const Account& account, const httplib::Request& request,
              httplib::Response& response) {
  const std::string audience = request.get_param_value("audience");
  const std::string format = request.get_param_value("format");
  if (audience.empty()) {
    return answer(response, 400, "non-empty audience parameter required");
  }
  if (!format.empty() && format != "full" && format != "standard") {
    return answer(response, 400, "invalid format parameter");
  }
  const bool full = format == "full";
  const bool licenses = full && request.get_param_value("licenses") == "TRUE";
  const std::string key =
      account.email + "\n" + audience + "\n" + (full ? "full" : "") + (licenses ? "+licenses" : "");
  answer(response, 200, state.google_tokens.get(key, state.clock, [&] {
    return mint({state.keys, state.issuer, state.clock.now()},
                mint_options(account, audience, full, licenses));
  }));
}

std::string account_names() {
  std::string text;
  for (const auto& [name, account] : accounts()) {
    text += name + "/\n";
  }
  return text;
}

// What recursive=true gives of an account.
Json account_about(const Account& account) {
  return Json::object({{"aliases", Json::array({"default"})},
                       {"email", account.email},
                       {"scopes", Json::array({"https://www.googleapis.com/auth/cloud-platform"})}});
}

void account_folder(const Account& account, const httplib::Request& request, httplib::Response& response) {
  if (request.get_param_value("recursive") == "true") {
    reply(response, 200, account_about(account));
  } else {
    answer(response, 200, "aliases\nemail\nidentity\nscopes\ntoken\n");
  }
}

void service_accounts(State& state, const httplib::Request& request, httplib::Response& response) {
  const std::string rest = request.path.substr(std::string(k_accounts).size());
  const std::size_t slash = rest.find('/');
  const auto account = accounts().find(rest.substr(0, slash));
  if (rest.empty()) {
    answer(response, 200, account_names());
  } else if (account == accounts().end() || slash == std::string::npos) {
    answer(response, 404, "Not Found");
  } else if (rest.substr(slash) == "/") {
    account_folder(account->second, request, response);
  } else if (rest.substr(slash) == "/email") {
    answer(response, 200, account->second.email);
  } else if (rest.substr(slash) == "/identity") {
    identity(state, account->second, request, response);
  } else {
    answer(response, 404, "Not Found");
  }
}

}  // namespace

std::string GoogleTokens::get(const std::string& key, const Clock& clock,
                              const std::function<std::string()>& mint) {
  const std::lock_guard lock(m_mutex);
  Kept& kept = m_kept[key];
  if (kept.token.empty() || kept.expires - clock.now() <= k_renewed_before_expiry) {
    kept = {mint(), clock.now() + k_life};
  }
  return kept.token;
}

void GoogleTokens::forget() {
  const std::lock_guard lock(m_mutex);
  m_kept.clear();
}

void google_metadata(State& state, const httplib::Request& request, httplib::Response& response) {
  put_header(response, "Metadata-Flavor", "Google");
  put_header(response, "Server", "Metadata Server for VM");
  if (request.has_header("X-Forwarded-For")) {
    answer(response, 403, "Request has X-Forwarded-For header");
  } else if (request.get_header_value("Metadata-Flavor") != "Google") {
    answer(response, 403, "Missing Metadata-Flavor:Google header.");
  } else if (request.path.starts_with(k_accounts)) {
    service_accounts(state, request, response);
  } else if (request.path == "/") {
    answer(response, 200, "computeMetadata/\n");
  } else if (request.path == k_instance) {  // a folder without its slash
    put_header(response, "Location", "http://" + request.get_header_value("Host") + k_instance + "/");
    answer(response, 301, "");
  } else if (request.path == std::string(k_instance) + "/") {
    answer(response, 200, "service-accounts/\n");
  } else {
    answer(response, 404, "Not Found");
  }
}

}  // namespace testbed
