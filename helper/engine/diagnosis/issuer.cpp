// SPDX-License-Identifier: Apache-2.0
#include "engine/diagnosis/issuer.hpp"

#include <algorithm>
#include <optional>

#include "core/lock.hpp"
#include "engine/diagnosis/comparison.hpp"
#include "engine/diagnosis/jwks.hpp"
#include "engine/diagnosis/route.hpp"
#include "engine/url.hpp"
#include "util/encode.hpp"
#include "util/fd.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_largest_set = std::size_t{1} << 20;
constexpr const char* k_discovery = "issuer's discovery document";
constexpr const char* k_jwks = "issuer's key set";
constexpr const char* k_key = "token's key in it";
constexpr const char* k_signature = "token's signature";
constexpr const char* k_uploaded = "uploaded key set";
constexpr Way k_issuer = {{"issuer_dns", "address of the issuer"},
                          {"issuer_proxy", "proxy to the issuer"},
                          {"issuer_tcp", "connection to the issuer"},
                          {"issuer_tls", "TLS of the issuer"}};
constexpr const char* k_upload =
    "OpenAI can't read it there either, unless it reaches what this machine can't: "
    "upload the key set, and name its copy in expect.jwks_file";

std::string shown(std::string_view text) { return "'" + printable(text, 120) + "'"; }

HttpResult ask(const IssuerQuestion& question, Http& http, const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.ca_file = question.ca_file;
  request.ca_dir = question.ca_dir;
  request.try_timeout_ms = question.try_timeout_ms;
  request.retry = false;
  request.describe_certificate = true;
  return http.send(request);
}

Result<Json> json_of(const HttpResult& response, const std::string& url, const DateSink& date) {
  if (!response) return tl::unexpected(response.error().error);
  const auto parts = check_url(url, {});
  const std::string host = parts ? parts->authority : url;
  date(*response, host);
  if (response->status != 200)
    return fail(response->status >= 500 ? Category::unreachable : Category::refused,
                host + " answered HTTP " + std::to_string(response->status) + " to " + printable(url, 160));
  auto json = Json::parse(response->body.reveal());
  if (!json) return fail(Category::refused, host + " answered no JSON to " + printable(url, 160));
  return json;
}

DoctorStep supposed(DoctorStep step, std::string cause, std::string mend) {
  return told(std::move(step), StepStatus::failed, std::move(cause), std::move(mend));
}

// A set that belongs to a question: the issuer's or the uploaded one.
struct KeySet {
  Json json;
  std::vector<JsonValue> keys;
};

Result<KeySet> key_set(Result<Json> json, const std::string& what) {
  if (!json) return tl::unexpected(std::move(json.error()));
  KeySet set{std::move(*json), {}};
  auto keys = keys_of(set.json);
  if (!keys) return fail(Category::refused, what + " " + keys.error().message);
  set.keys = std::move(*keys);
  return set;
}

Result<KeySet> uploaded_set(const std::string& path) {
  auto text = read_file(path, k_largest_set, Category::configuration);
  if (!text) return tl::unexpected(std::move(text.error()));
  return key_set(Json::parse(std::move(*text)), path);
}

class IssuerCheck {
 public:
  IssuerCheck(const IssuerQuestion& question, Http& http, const StepSink& step, const DateSink& date)
      : m_question(question), m_http(http), m_step(step), m_date(date) {}

  void run() {
    discover();
    std::optional<KeySet> uploaded;
    if (!m_question.jwks_file.empty()) uploaded = read_uploaded();
    // OpenAI uses the uploaded set if there is one.
    const KeySet* used = uploaded ? &*uploaded : m_question.jwks_file.empty() && m_set ? &*m_set : nullptr;
    verify(used);
  }

 private:
  void give(DoctorStep step, std::int64_t began) {
    step.ms = monotonic_ms() - began;
    m_step(std::move(step));
  }
  // Of whose name or page the error speaks, beside the token endpoint's.
  static Error unread(Error error, const char* what = k_discovery) {
    error.message = std::string("the ") + what + " can't be read: " + error.message;
    return error;
  }
  bool uploads() const { return !m_question.jwks_file.empty(); }

  // With an uploaded set nobody needs the issuer to be reached.
  DoctorStep unreached(DoctorStep step) const {
    step.certain = false;
    if (uploads()) {
      step.status = StepStatus::warning;
      step.mend = "none is needed: OpenAI has the uploaded key set";
    } else if (step.mend.empty() || step.category == Category::unreachable) {
      step.mend = k_upload;
    }
    return step;
  }

  void discover() {
    const auto document = fetch_document();
    if (!document) return m_step(skipped_step("jwks", k_jwks, "no discovery document"));
    fetch_keys(std::string((*document)["jwks_uri"].string().value_or("")));
  }

  // With the way to it; nothing if it couldn't be had.
  std::optional<Json> fetch_document() {
    const std::string& issuer = m_question.jwt.issuer;
    if (issuer.empty()) {
      skip_way(k_issuer, "the token names no issuer", m_step);
      m_step(skipped_step("discovery", k_discovery, "the token names no issuer"));
      return {};
    }
    const std::string url = discovery_url(issuer);
    const auto parts = check_url(url, {});
    if (!parts) {
      skip_way(k_issuer, "no usable address", m_step);
      m_step(unreached(failed_step("discovery", k_discovery, unread(parts.error()))));
      return {};
    }
    const std::int64_t began = monotonic_ms();
    const HttpResult response = ask(m_question, m_http, url);
    const auto on_the_way = [this](DoctorStep step) {
      if (step.status == StepStatus::failed) {
        step.cause = unread({step.category, step.cause, {}, {}}).message;
        step = unreached(std::move(step));
      }
      m_step(std::move(step));
    };
    if (!tell_way(k_issuer, *parts, m_question.proxy, response, on_the_way)) {
      m_step(skipped_step("discovery", k_discovery, "the issuer isn't reached"));
      return {};
    }
    auto document = json_of(response, url, m_date);
    if (!document) {
      give(unreached(failed_step("discovery", k_discovery, unread(document.error()))), began);
      return {};
    }
    give(name_step(*document), began);
    return std::move(*document);
  }

  DoctorStep name_step(const Json& document) const {
    const std::string& issuer = m_question.jwt.issuer;
    const std::string named(document["issuer"].string().value_or(""));
    DoctorStep step = ok_step("discovery", k_discovery, "issuer " + printable(named, 120));
    if (named == issuer) return step;
    return unreached(supposed(std::move(step),
                              "the discovery document names another issuer: token " + shown(issuer) +
                                  ", document " + shown(named) + apart(issuer, named),
                              "make the issuer's own address and its tokens' iss the same"));
  }

  void fetch_keys(const std::string& url) {
    const std::int64_t began = monotonic_ms();
    if (url.empty())
      return m_step(unreached(
          failed_step("jwks", k_jwks,
                      {Category::refused, "the discovery document has no jwks_uri", "mend the issuer", {}})));
    auto set = key_set(json_of(ask(m_question, m_http, url), url, m_date), printable(url, 120));
    if (!set) return give(unreached(failed_step("jwks", k_jwks, unread(set.error(), k_jwks))), began);
    m_set = std::move(*set);
    give(ok_step("jwks", k_jwks, std::to_string(m_set->keys.size()) + " keys: " + key_ids(m_set->keys)),
         began);
  }

  static std::string key_ids(const std::vector<JsonValue>& keys) {
    std::string out;
    for (const JsonValue key : keys) {
      const std::string id = name_of(key).key_id;
      out += (out.empty() ? "" : ", ") + (id.empty() ? std::string("(no kid)") : printable(id, 64));
    }
    return out;
  }

  std::optional<KeySet> read_uploaded() {
    const std::int64_t began = monotonic_ms();
    auto set = uploaded_set(m_question.jwks_file);
    if (!set) {
      set.error().hint = "write the key set that was uploaded to OpenAI there, or take expect.jwks_file out";
      DoctorStep step = failed_step("uploaded_jwks", k_uploaded, set.error());
      step.certain = false;  // what OpenAI has may be better than its copy here
      give(std::move(step), began);
      return {};
    }
    give(compare(*set), began);
    return std::move(*set);
  }

  // Keys of `a` that `b` doesn't have, by what they are: a key id is only a name.
  static bool has_name(const std::vector<JsonValue>& keys, std::string_view key_id) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](JsonValue key) { return name_of(key).key_id == key_id; });
  }

  static std::vector<JsonValue> missing_from(const std::vector<JsonValue>& a,
                                             const std::vector<JsonValue>& b) {
    std::vector<JsonValue> missing;
    for (const JsonValue key : a) {
      const JwkName name = name_of(key);
      const bool there = std::any_of(b.begin(), b.end(), [&](JsonValue other) {
        const JwkName its = name_of(other);
        return its.thumbprint == name.thumbprint && its.key_id == name.key_id;
      });
      if (!there) missing.push_back(key);
    }
    return missing;
  }

  DoctorStep compare(const KeySet& uploaded) const {
    DoctorStep step = ok_step("uploaded_jwks", k_uploaded,
                              std::to_string(uploaded.keys.size()) + " keys: " + key_ids(uploaded.keys));
    if (!m_set) {
      step.found += " (the issuer's own couldn't be read to compare)";
      return step;
    }
    const auto absent = missing_from(m_set->keys, uploaded.keys);
    const auto more = missing_from(uploaded.keys, m_set->keys);
    // One more is one that was retired, or one that is to sign next.
    if (absent.empty()) {
      step.found += more.empty() ? ", as the issuer's" : "; the issuer doesn't publish " + key_ids(more);
      return step;
    }
    const auto names_of = [](const std::vector<JsonValue>& keys, const std::vector<JsonValue>& others,
                             bool in_both) {
      std::vector<JsonValue> chosen;
      for (const JsonValue key : keys)
        if (has_name(others, name_of(key).key_id) == in_both) chosen.push_back(key);
      return key_ids(chosen);
    };
    step.cause = "the uploaded key set isn't the issuer's:";
    const auto add = [&](const char* what, const std::string& names) {
      if (!names.empty())
        step.cause += (step.cause.ends_with(':') ? " " : ", and ") + std::string(what) + names;
    };
    add("it lacks ", names_of(absent, more, false));
    add("it has another key by the name of ", names_of(absent, more, true));
    add("it still has ", names_of(more, absent, false));
    step.mend = "upload the issuer's present key set to OpenAI, and put the same into expect.jwks_file";
    step.category = Category::refused;
    // Old keys do no harm until the new one signs; whether it does is what the step `key` says.
    step.status = StepStatus::warning;
    return step;
  }

  void verify(const KeySet* set) {
    const Jwt& jwt = m_question.jwt;
    const std::string where = uploads() ? "the uploaded key set" : "the issuer's key set";
    if (set == nullptr || jwt.key_id.empty()) {
      const std::string why = jwt.key_id.empty() ? "the token names no key" : "no key set";
      m_step(skipped_step("key", k_key, why));
      return m_step(skipped_step("signature", k_signature, why));
    }
    const JsonValue* key = find_key(*set, jwt.key_id);
    if (key == nullptr) {
      m_step(supposed(ok_step("key", k_key, "absent"),
                      "the token is signed with key " + shown(jwt.key_id) + ", and " + where + " has only " +
                          key_ids(set->keys),
                      mend_of_absent_key()));
      return m_step(skipped_step("signature", k_signature, "no key to verify it with"));
    }
    m_step(ok_step("key", k_key, printable(jwt.key_id, 64)));
    check_signature(*key, where);
  }

  static const JsonValue* find_key(const KeySet& set, const std::string& id) {
    const auto key = std::find_if(set.keys.begin(), set.keys.end(),
                                  [&](JsonValue one) { return name_of(one).key_id == id; });
    return key == set.keys.end() ? nullptr : &*key;
  }

  // Which of the two is old: the uploaded set, or the token.
  std::string mend_of_absent_key() const {
    constexpr const char* k_old_set = "the issuer rotated its keys: upload its present key set to OpenAI";
    if (uploads() && !m_set) return std::string(k_old_set) + "; where that was done, fetch a fresh token";
    if (uploads() && find_key(*m_set, m_question.jwt.key_id) != nullptr) return k_old_set;
    return "the issuer doesn't publish that key: if it rotated its keys since, fetch a fresh token; else "
           "the key set that it publishes is old, or the token is of another issuer";
  }

  void check_signature(JsonValue key, const std::string& where) {
    const std::string_view token = m_question.token;
    const std::size_t dot = token.rfind('.');
    std::string signature;
    const bool decoded = base64url_decode(token.substr(dot + 1), signature);
    const auto good = verifies(key, m_question.jwt.algorithm, token.substr(0, dot), signature);
    if (decoded && good && *good) return m_step(ok_step("signature", k_signature, "verifies"));
    m_step(supposed(ok_step("signature", k_signature, "doesn't verify"),
                    "the signature doesn't verify with key " + shown(m_question.jwt.key_id) + " of " + where +
                        (good ? std::string() : ": " + good.error().message),
                    uploads()
                        ? "upload the issuer's present key set to OpenAI, and put the same into "
                          "expect.jwks_file; if they are the same, the token was changed or cut"
                        : "another key has that kid, or the token was changed or cut: fetch a fresh one"));
  }

  const IssuerQuestion& m_question;
  Http& m_http;
  const StepSink& m_step;
  const DateSink& m_date;
  std::optional<KeySet> m_set;  // the issuer's
};

}  // namespace

std::string discovery_url(std::string_view issuer) {
  if (issuer.ends_with('/')) issuer.remove_suffix(1);
  return std::string(issuer) + "/.well-known/openid-configuration";
}

void check_issuer_keys(const IssuerQuestion& question, Http& http, const StepSink& step,
                       const DateSink& date) {
  IssuerCheck(question, http, step, date).run();
}

}  // namespace wif
