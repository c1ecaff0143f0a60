// SPDX-License-Identifier: Apache-2.0
// Host tool: turns the built-in providers' NAME.module files and the exchanges' NAME.exchange files into C++ constants, so
// that the hit path parses none.
//   descriptor_gen OUTPUT.cpp FILE.module... FILE.exchange...
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "core/descriptor_parser.hpp"
#include "core/preset_parser.hpp"

namespace wif {
namespace {

std::string literal(std::string_view text) {
  if (text.empty()) return "{}";  // without a pointer, which would have to be relocated at every start
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      char octal[5];
      std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(byte));
      out += octal;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

const char* text(SettingType type) {
  switch (type) {
    case SettingType::string:
      return "SettingType::string";
    case SettingType::integer:
      return "SettingType::integer";
    case SettingType::boolean:
      return "SettingType::boolean";
    case SettingType::duration:
      return "SettingType::duration";
    case SettingType::list:
      return "SettingType::list";
    case SettingType::strings:
      return "SettingType::strings";
    case SettingType::table:
      return "SettingType::table";
  }
  return "";
}

const char* text(Condition::Kind kind) {
  switch (kind) {
    case Condition::Kind::variable:
      return "Condition::Kind::variable";
    case Condition::Kind::file:
      return "Condition::Kind::file";
    case Condition::Kind::dmi_vendor:
      return "Condition::Kind::dmi_vendor";
    case Condition::Kind::dmi_product:
      return "Condition::Kind::dmi_product";
    case Condition::Kind::dmi_asset_tag:
      return "Condition::Kind::dmi_asset_tag";
  }
  return "";
}

const char* text(IdentityInput::Kind kind) {
  switch (kind) {
    case IdentityInput::Kind::jwt_file:
      return "IdentityInput::Kind::jwt_file";
    case IdentityInput::Kind::jwt_variable:
      return "IdentityInput::Kind::jwt_variable";
    case IdentityInput::Kind::variable:
      return "IdentityInput::Kind::variable";
    case IdentityInput::Kind::variables:
      return "IdentityInput::Kind::variables";
  }
  return "";
}

// Writes `constexpr TYPE NAME[] = {...};` and returns NAME, or "{}" for an empty list: C++ has no empty arrays.
template <class List, class Write>
std::string array(std::ostream& out, const std::string& type, const std::string& name, const List& list,
                  Write write) {
  if (list.empty()) return "{}";
  out << "constexpr " << type << " " << name << "[] = {\n";
  for (const auto& element : list) out << "    {" << write(element) << "},\n";
  out << "};\n";
  return name;
}

std::string write_settings(std::ostream& out, const std::string& name,
                           const std::vector<ParsedSetting>& settings) {
  return array(out, "SettingSpec", name, settings, [](const ParsedSetting& setting) {
    return literal(setting.name) + ", " + text(setting.type) + ", " + literal(setting.default_value) + ", " +
           literal(setting.help) + ", " + (setting.required ? "true" : "false") + ", " +
           literal(setting.variable);
  });
}

std::string write_pairs(std::ostream& out, const std::string& name,
                        const std::vector<std::pair<std::string, std::string>>& pairs) {
  return array(out, "ImpliedSetting", name, pairs,
               [](const auto& pair) { return literal(pair.first) + ", " + literal(pair.second); });
}

// The arrays of one descriptor; returns its own initialiser.
std::string write_descriptor(std::ostream& out, const ParsedDescriptor& from, std::size_t number) {
  const std::string prefix = "k_" + std::to_string(number) + "_";
  out << "\n// " << from.name << "\n";
  const std::string settings = write_settings(out, prefix + "settings", from.settings);
  std::vector<std::string> detections;
  for (const ParsedDetection& detection : from.detections) {
    const std::string name = prefix + std::to_string(detections.size());
    const std::string conditions = array(
        out, "Condition", name + "_conditions", detection.conditions, [](const ParsedCondition& condition) {
          return std::string(text(condition.kind)) + ", " + literal(condition.what);
        });
    const std::string implies = write_pairs(out, name + "_implies", detection.implies);
    detections.push_back(std::to_string(detection.rank) + ", " + conditions + ", " + implies);
  }
  const std::string all =
      array(out, "Detection", prefix + "detections", detections, [](const auto& row) { return row; });
  const std::string identities =
      array(out, "IdentityInput", prefix + "identities", from.identities, [](const ParsedIdentity& identity) {
        return std::string(text(identity.kind)) + ", " + literal(identity.name);
      });
  return literal(from.name) + ", " + literal(from.summary) + ", " + literal(from.module) + ",\n     " +
         literal(from.token_type) + ",\n     " + settings + ", " + all + ", " + identities +
         ", true, \"built in\"";
}

// The same of one preset.
std::string write_preset(std::ostream& out, const ParsedPreset& from, std::size_t number) {
  const std::string prefix = "k_preset_" + std::to_string(number) + "_";
  out << "\n// " << from.name << "\n";
  const std::string settings = write_settings(out, prefix + "settings", from.settings);
  const std::string set = write_pairs(out, prefix + "set", from.set);
  const std::string prefixes = write_pairs(out, prefix + "prefixes", from.prefixes);
  return literal(from.name) + ", " + literal(from.summary) + ", " + settings + ", " + literal(from.base) +
         ", " + set + ", " + literal(from.hosts) + ", \"built in\", " + literal(from.audience) + ", " +
         prefixes;
}

// The arrays of all, and the function that gives them.
template <class Parsed, class Write>
void write_all(std::ostream& out, const std::string& type, const std::string& function,
               const std::vector<Parsed>& parsed, Write write) {
  std::vector<std::string> rows;
  out << "namespace {\n";
  for (const Parsed& one : parsed) rows.push_back(write(out, one, rows.size()));
  out << "\n";
  const std::string all = array(out, type, "k_" + function, rows, [](const auto& row) { return row; });
  out << "\n}  // namespace\n\nstd::span<const " << type << "> " << function << "() { return " << all
      << "; }\n\n";
}

template <class Parsed>
Result<std::vector<Parsed>> read(const std::vector<std::string>& paths, std::string_view suffix,
                                 Result<Parsed> (*parse)(std::string_view, const std::string&)) {
  std::vector<Parsed> all;
  for (const std::string& path : paths) {
    if (!path.ends_with(suffix)) continue;
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(Category::configuration, "cannot open " + path);
    std::ostringstream content;
    content << file.rdbuf();
    TRY_ASSIGN(Parsed parsed, parse(content.str(), path));
    all.push_back(std::move(parsed));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

Result<std::string> generate(const std::vector<std::string>& paths) {
  TRY_ASSIGN(const auto descriptors, read<ParsedDescriptor>(paths, ".module", parse_descriptor));
  TRY_ASSIGN(const auto presets, read<ParsedPreset>(paths, ".exchange", parse_preset));
  for (const auto& descriptor : descriptors)
    if (descriptor.module.find('/') != std::string::npos)
      return fail(Category::configuration,
                  descriptor.name + ".module: a built-in's module is a file name without a folder");
  std::ostringstream out;
  out << "// Made by cmake/descriptor_gen: edit providers/*/NAME.module and helper/engine/exchange/presets.\n"
         "#include \"core/descriptor.hpp\"\n#include \"core/exchange_settings.hpp\"\n\nnamespace wif {\n";
  write_all(out, "Descriptor", "built_in_descriptors", descriptors, write_descriptor);
  write_all(out, "ExchangeKind", "built_in_presets", presets, write_preset);
  out << "}  // namespace wif\n";
  return out.str();
}

}  // namespace
}  // namespace wif

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments, arguments + count);
  if (words.size() < 2) {
    std::cerr << "usage: descriptor_gen OUTPUT.cpp FILE.module... FILE.exchange...\n";
    return 2;
  }
  const auto text = wif::generate({words.begin() + 2, words.end()});
  if (!text) {
    std::cerr << text.error().message << "\n";
    return 3;
  }
  std::ofstream file(words[1], std::ios::binary);
  file << *text;
  file.close();
  if (!file) std::cerr << "cannot write " << words[1] << "\n";
  return file ? 0 : 1;
}
