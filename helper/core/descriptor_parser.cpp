// SPDX-License-Identifier: Apache-2.0
#include "core/descriptor_parser.hpp"

#include <algorithm>
#include <array>

#include "core/descriptor_file.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::string_view k_jwt_type = "urn:ietf:params:oauth:token-type:jwt";
constexpr std::string_view k_suffix = ".module";

struct IdentityName {
  std::string_view name;
  IdentityInput::Kind kind;
};
constexpr std::array k_identities = {
    IdentityName{"jwt_file", IdentityInput::Kind::jwt_file},
    IdentityName{"jwt_variable", IdentityInput::Kind::jwt_variable},
    IdentityName{"variable", IdentityInput::Kind::variable},
    IdentityName{"variables", IdentityInput::Kind::variables},
};

// One descriptor being read. Member functions are in the order of the file's parts.
class Parser : private DescriptorFile {
 public:
  explicit Parser(const std::string& path) : DescriptorFile(path, k_suffix) {}

  Result<ParsedDescriptor> read(std::string_view text) {
    TRY_ASSIGN(const toml::table root, parse(text));
    TRY(known_keys(root, {"name", "summary", "module", "token_type", "settings", "detect", "identity"}));
    TRY(read_head(root));
    // These two stand beside the settings in a profile's `subject`.
    TRY(read_settings(root, {"provider", "profile"}, m_out.settings));
    TRY(for_each_table(root, "detect", [this](const toml::table& table) { return read_detection(table); }));
    TRY(for_each_table(root, "identity", [this](const toml::table& table) { return read_identity(table); }));
    return std::move(m_out);
  }

 private:
  Status read_head(const toml::table& root) {
    TRY(read_name(root, "provider", m_out.name, m_out.summary));
    m_out.module = "wif-provider-" + m_out.name + ".so";
    m_out.token_type = k_jwt_type;
    TRY(take_string(root, "module", m_out.module));
    return take_string(root, "token_type", m_out.token_type);
  }

  Status read_detection(const toml::table& table) {
    ParsedDetection detection;
    TRY(known_keys(table,
                   {"rank", "variables", "files", "dmi_vendor", "dmi_product", "dmi_asset_tag", "set"}));
    const toml::node* rank = table.get("rank");
    if (rank == nullptr) return error_at(table, "'rank' is missing");
    if (!rank->is_integer() || rank->as_integer()->get() < 0 || rank->as_integer()->get() > 1000)
      return error_at(*rank, "'rank' has to be an integer from 0 to 1000");
    detection.rank = static_cast<int>(rank->as_integer()->get());
    TRY(read_conditions(table, detection));
    if (detection.conditions.empty())
      return error_at(table,
                      "a detection without a condition: 'variables', 'files', 'dmi_vendor', 'dmi_product' or "
                      "'dmi_asset_tag'");
    TRY(read_implied(table, detection));
    m_out.detections.push_back(std::move(detection));
    return {};
  }

  Status read_conditions(const toml::table& table, ParsedDetection& detection) const {
    constexpr std::array k_lists = {std::pair("variables", Condition::Kind::variable),
                                    std::pair("files", Condition::Kind::file)};
    for (const auto& [key, kind] : k_lists) {
      std::vector<std::string> whats;
      if (const toml::node* node = table.get(key)) TRY(take_strings(*node, key, whats));
      for (std::string& what : whats) detection.conditions.push_back({kind, std::move(what)});
    }
    constexpr std::array k_strings = {std::pair("dmi_vendor", Condition::Kind::dmi_vendor),
                                      std::pair("dmi_product", Condition::Kind::dmi_product),
                                      std::pair("dmi_asset_tag", Condition::Kind::dmi_asset_tag)};
    for (const auto& [key, kind] : k_strings) {
      std::string what;
      TRY(take_string(table, key, what));
      if (!what.empty()) detection.conditions.push_back({kind, std::move(what)});
    }
    return {};
  }

  Status read_implied(const toml::table& table, ParsedDetection& detection) const {
    const toml::node* node = table.get("set");
    if (node == nullptr) return {};
    const auto* set = node->as_table();
    if (set == nullptr) return error_at(*node, "'set' has to be a table of settings");
    for (const auto& [key, value] : *set) {
      TRY(known_setting(key.str(), key.source().begin));
      std::string text;
      TRY(take_string(*set, std::string(key.str()).c_str(), text));
      detection.implies.emplace_back(key.str(), std::move(text));
    }
    return {};
  }

  Status known_setting(std::string_view name, const toml::source_position& at) const {
    std::vector<std::string> names;
    for (const ParsedSetting& setting : m_out.settings) {
      if (setting.name == name) return {};
      names.push_back(setting.name);
    }
    return error_at(at, "there is no setting " + quoted(name) + nearest_words(name, names));
  }

  Status read_identity(const toml::table& table) {
    TRY(known_keys(table, {"jwt_file", "jwt_variable", "variable", "variables"}));
    if (table.size() != 1)
      return error_at(table,
                      "one of 'jwt_file', 'jwt_variable', 'variable' and 'variables' in each [[identity]]");
    for (const IdentityName& known : k_identities) {
      ParsedIdentity identity{known.kind, {}};
      TRY(take_string(table, known.name.data(), identity.name));
      if (identity.name.empty()) continue;
      if (known.kind != IdentityInput::Kind::variable)
        TRY(known_setting(identity.name, table.get(known.name)->source().begin));
      m_out.identities.push_back(std::move(identity));
    }
    return {};
  }

  ParsedDescriptor m_out;
};

}  // namespace

bool is_provider_name(std::string_view name) {
  constexpr std::size_t k_longest = 64;
  return !name.empty() && name.size() <= k_longest && name.front() != '-' && name.front() != '_' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

Result<ParsedDescriptor> parse_descriptor(std::string_view toml, const std::string& path) {
  return Parser(path).read(toml);
}

}  // namespace wif
