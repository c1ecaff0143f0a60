// SPDX-License-Identifier: Apache-2.0
#include "cli/setup_report.hpp"

#include <utility>

#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_longest = 1000;
constexpr std::size_t k_width = 78;

std::string shown(const std::string& text) { return printable(text, k_longest); }

// The relying party's own words for its two things.
struct Party {
  const char* name;
  const char* provider;  // what knows the issuer
  const char* mapping;   // what knows the workload
};

Party party_of(const std::string& kind) {
  if (kind == "anthropic") return {"Anthropic's Console", "Federation issuer", "Federation rule: match"};
  if (kind == "openai") return {"OpenAI's dashboard", "Workload Identity Provider", "Mapping: attributes"};
  return {"the relying party", "Trusted issuer", "Claims to match"};
}

std::string keys_words(const Advice& advice) {
  return advice.keys.upload ? "upload the JWKS" : "OIDC discovery";
}

std::string paragraph(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t used = k_width;
  for (const auto word : split(text, ' ')) {
    if (used + 1 + word.size() > k_width) {
      out += (out.empty() ? "" : "\n") + std::string(indent, ' ');
      used = indent;
    } else {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
  }
  return out + "\n";
}

std::string field(const char* name, const std::string& value) {
  std::string out = std::string("  ") + name;
  out.resize(14, ' ');
  return out + value + "\n";
}

std::string jwks_words(const SetupReport& report) {
  if (!report.jwks_file.empty()) return "the key set is in " + report.jwks_file;
  if (!report.advice.keys.upload) return {};
  if (report.advice.keys.jwks.empty() && report.advice.service_account)
    return "get the key set with `kubectl get --raw /openid/v1/jwks > jwks.json`";
  return "write the key set with --jwks-output FILE, where the issuer can be reached";
}

// Lines for people below the fields, the same in text and in Markdown.
std::vector<std::string> notes(const SetupReport& report) {
  std::vector<std::string> out;
  if (report.advice.more_audiences)
    out.emplace_back("the token has several audiences, of which the first is meant");
  for (const auto& concern : report.concerns) out.push_back(concern);
  return out;
}

void write_row(JsonWriter& writer, const MappingRow& row) {
  writer.object().member("key", std::string_view(row.key)).member("value", std::string_view(row.value));
  writer.member("recommended", row.recommended).member("reason", std::string_view(row.reason)).end();
}

std::string code_block(const char* language, const std::string& text) {
  return std::string("```") + language + "\n" + text + "```\n";
}

// For a cell: what is shown has no backquote, which printable takes for a quote, and no bar may end the cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : shown(text)) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

}  // namespace

std::string kubernetes_objects(const ServiceAccount& account, const std::string& audience) {
  const auto quoted = [](const std::string& text) {  // JSON's strings are YAML's
    JsonWriter writer;
    writer.value(std::string_view(text));
    return writer.take();
  };
  const std::string name = quoted(account.name);
  const std::string space = quoted(account.space);
  return "apiVersion: v1\n"
         "kind: ServiceAccount\n"
         "metadata:\n"
         "  name: " +
         name +
         "\n"
         "  namespace: " +
         space +
         "\n"
         "---\n"
         "apiVersion: v1\n"
         "kind: Pod\n"
         "metadata:\n"
         "  name: wif-example\n"
         "  namespace: " +
         space +
         "\n"
         "spec:\n"
         "  serviceAccountName: " +
         name +
         "\n"
         "  containers:\n"
         "    - name: app\n"
         "      image: registry.example/app:latest\n"
         "      volumeMounts:\n"
         "        - name: identity\n"
         "          mountPath: /var/run/secrets/tokens\n"
         "          readOnly: true\n"
         "  volumes:\n"
         "    - name: identity\n"
         "      projected:\n"
         "        sources:\n"
         "          - serviceAccountToken:\n"
         "              path: token\n"
         "              audience: " +
         quoted(audience) +
         "\n"
         "              expirationSeconds: 3600\n";
}

std::string setup_text(const SetupReport& report) {
  const Advice& advice = report.advice;
  const Party party = party_of(report.kind);
  std::string text = std::string("Enter in ") + party.name + "\n\n" + party.provider + "\n";
  text += field("Issuer", shown(advice.issuer)) + field("Audience", shown(advice.audience));
  text += field("Keys", keys_words(advice)) + paragraph(advice.keys.reason, 14);
  if (const std::string words = jwks_words(report); !words.empty()) text += paragraph(words, 14);
  if (!advice.transformations.empty()) text += "\nAttribute transformations\n";
  for (const auto& one : advice.transformations)
    text += "  " + one.attribute + " = " + one.expression + "\n" + paragraph(one.reason, 6);
  text += std::string("\n") + party.mapping + "\n";
  for (const auto& row : advice.rows)
    text += "  " + row.key + " = " + shown(row.value) + "\n" +
            paragraph((row.recommended ? "" : "optional: ") + row.reason, 6);
  for (const auto& note : notes(report)) text += "\n! " + note + "\n";
  if (advice.service_account)
    text += "\nKubernetes\n\n" + kubernetes_objects(*advice.service_account, advice.audience);
  return text + "\nProfile for the configuration (--write puts it there)\n\n" + report.profile;
}

std::string setup_markdown(const SetupReport& report) {
  const Advice& advice = report.advice;
  const Party party = party_of(report.kind);
  std::string text = std::string("# Enter in ") + party.name + "\n\n## " + party.provider + "\n\n";
  text += "| field | value |\n| --- | --- |\n| Issuer | `" + cell(advice.issuer) + "` |\n| Audience | `" +
          cell(advice.audience) + "` |\n| Keys | " + keys_words(advice) + ": " + cell(advice.keys.reason) +
          " |\n";
  if (const std::string words = jwks_words(report); !words.empty()) text += "\n" + words + "\n";
  if (!advice.transformations.empty())
    text += "\n## Attribute transformations\n\n| attribute | expression | why |\n| --- | --- | --- |\n";
  for (const auto& one : advice.transformations)
    text += "| `" + cell(one.attribute) + "` | `" + one.expression + "` | " + one.reason + " |\n";
  text +=
      std::string("\n## ") + party.mapping + "\n\n| key | value | enter | why |\n| --- | --- | --- | --- |\n";
  for (const auto& row : advice.rows)
    text += "| `" + cell(row.key) + "` | `" + cell(row.value) + "` | " +
            (row.recommended ? "yes" : "optional") + " | " + row.reason + " |\n";
  for (const auto& note : notes(report)) text += "\n> " + note + "\n";
  if (advice.service_account)
    text += "\n## Kubernetes\n\n" +
            code_block("yaml", kubernetes_objects(*advice.service_account, advice.audience));
  return text + "\n## Profile\n\n" + code_block("toml", report.profile);
}

std::string setup_json(const SetupReport& report) {
  const Advice& advice = report.advice;
  JsonWriter writer;
  writer.object().member("version", 1).member("kind", std::string_view(report.kind));
  writer.member("provider", std::string_view(report.provider));
  writer.member("issuer", std::string_view(advice.issuer));
  writer.member("audience", std::string_view(advice.audience));
  writer.key("keys").object().member("how", advice.keys.upload ? "upload" : "discovery");
  writer.member("reason", std::string_view(advice.keys.reason));
  if (!report.jwks_file.empty()) writer.member("jwks_file", std::string_view(report.jwks_file));
  if (!advice.keys.jwks.empty()) writer.key("jwks").raw(advice.keys.jwks);
  writer.end().key("mapping").array();
  for (const auto& row : advice.rows) write_row(writer, row);
  writer.end().key("transformations").array();
  for (const auto& one : advice.transformations)
    writer.object()
        .member("attribute", std::string_view(one.attribute))
        .member("expression", std::string_view(one.expression))
        .member("reason", std::string_view(one.reason))
        .end();
  writer.end().key("concerns").array();
  for (const auto& note : notes(report)) writer.value(std::string_view(note));
  writer.end();
  if (advice.service_account)
    writer.member("kubernetes",
                  std::string_view(kubernetes_objects(*advice.service_account, advice.audience)));
  writer.member("profile", std::string_view(report.profile)).end();
  return writer.take() + "\n";
}

}  // namespace wif
