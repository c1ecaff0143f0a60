// SPDX-License-Identifier: Apache-2.0
#include "cli/profile_file.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include "cli/token_file.hpp"
#include "core/config_layer.hpp"
#include "core/config_sections.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace wif {
namespace {

// JSON's strings are TOML's, but for DEL, which TOML wants escaped.
std::string toml_string(std::string_view text) {
  JsonWriter writer;
  writer.value(text);
  std::string out;
  for (const char c : writer.take()) out += c == 0x7f ? std::string("\\u007f") : std::string(1, c);
  return out;
}

std::string toml_value(const ProfileValue& value) {
  switch (value.type) {
    case SettingType::integer:
    case SettingType::boolean:
      return value.value;
    case SettingType::list:
    case SettingType::strings: {
      std::string out;
      for (const auto one : split(value.value, '\n')) out += (out.empty() ? "" : ", ") + toml_string(one);
      return "[" + out + "]";
    }
    default:
      return toml_string(value.value);
  }
}

bool is_bare(std::string_view key) {
  return !key.empty() &&
         key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
             std::string_view::npos;
}

std::string table(const std::string& header, const std::vector<ProfileValue>& values) {
  if (values.empty()) return {};
  std::string out = "[" + header + "]\n";
  for (const auto& value : values)
    out += (is_bare(value.key) ? value.key : toml_string(value.key)) + " = " + toml_value(value) + "\n";
  return out;
}

std::string table(const std::string& header, const std::vector<std::pair<std::string, std::string>>& values) {
  std::vector<ProfileValue> typed;
  typed.reserve(values.size());
  for (const auto& [key, value] : values) typed.push_back({key, SettingType::string, value});
  return table(header, typed);
}

// Where a section's own lines end: comments and blank lines behind them belong to what follows.
std::size_t own_end(std::string_view file, const Section& section) {
  std::size_t end = section.end;
  while (end > section.begin) {
    const std::size_t before = file.rfind('\n', end - 2 < end ? end - 2 : 0);
    const std::size_t line =
        before == std::string_view::npos || before < section.begin ? section.begin : before + 1;
    const std::string_view text = trim(file.substr(line, end - line));
    if (line == section.begin || (!text.empty() && text.front() != '#')) break;
    end = line;
  }
  return end;
}

Error cannot(const std::string& doing, const std::string& path, int error) {
  return {Category::configuration,
          "cannot " + doing + " " + path + ": " + errno_text(error),
          "name another file with --config",
          {}};
}

Status make_parents(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    const std::string folder = path.substr(0, at);
    if (access(folder.c_str(), F_OK) != 0 && mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      return tl::unexpected<Error>(cannot("make", folder, errno));
  }
  return {};
}

std::string real_path(const std::string& path) {
  std::string out(PATH_MAX, '\0');
  if (realpath(path.c_str(), out.data()) == nullptr) return path;
  out.resize(out.find('\0'));
  return out;
}

}  // namespace

std::string profile_toml(const NewProfile& profile) {
  const std::string head = "profiles." + profile.name;
  std::string out = table(head + ".subject", profile.subject);
  for (const auto& [part, values] :
       {std::pair{".exchange", &profile.exchange}, std::pair{".expect", &profile.expect}})
    if (!values->empty()) out += "\n" + table(head + part, *values);
  for (const auto& [part, values] :
       {std::pair{".expect.claims", &profile.claims}, std::pair{".expect.attributes", &profile.attributes}})
    if (!values->empty()) out += "\n" + table(head + part, *values);
  return out;
}

Result<std::string> with_profile(const std::string& file, std::string_view name, const std::string& toml) {
  const ConfigLayer layer("the configuration", file);
  TRY_ASSIGN(const LayerReader reader, LayerReader::open(layer));
  if (!reader.has(name)) {
    std::string out = file;
    if (!out.empty() && out.back() != '\n') out += '\n';
    return out + (out.empty() ? "" : "\n") + toml;
  }
  const SectionIndex& index = layer.index();
  if (!index.regular() || !index.has(name))
    return fail(Category::configuration,
                "profile \"" + std::string(name) + "\" isn't written as [profiles." + std::string(name) +
                    "] sections, and so can't be replaced",
                "take it out of the file by hand, or choose another --name");
  std::string out;
  std::size_t kept = 0;
  bool placed = false;
  for (const auto& section : index.sections()) {
    if (section.name != name) continue;
    out += file.substr(kept, section.begin - kept);
    if (!placed) out += toml;
    placed = true;
    kept = own_end(file, section);
  }
  return out + file.substr(kept);
}

Status replace_configuration(const std::string& path, std::string_view text) {
  const std::string target = real_path(path);
  TRY(make_parents(target));
  struct stat info {};
  const bool there = stat(target.c_str(), &info) == 0;
  TRY(replace_file(target, there ? info.st_mode & 07777U : 0600, text));
  // Another's file stays theirs, or they could no longer read it.
  if (there && info.st_uid != geteuid() && chown(target.c_str(), info.st_uid, info.st_gid) != 0)
    return tl::unexpected<Error>(cannot("give back", target, errno));
  return {};
}

}  // namespace wif
