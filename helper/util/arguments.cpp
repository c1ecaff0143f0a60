// SPDX-License-Identifier: Apache-2.0
#include "util/arguments.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace wif {
namespace {

constexpr std::size_t k_help_column = 30;

// A word longer than this was not meant as an option; it might even be a token.
constexpr std::size_t k_longest_shown = 60;

std::string shown(std::string_view word) { return printable(redact(word), k_longest_shown); }

bool is_one_of(std::string_view names, std::string_view name) {
  const std::size_t comma = names.find(',');
  if (comma == std::string_view::npos) return names == name;
  return names.substr(0, comma) == name || names.substr(comma + 1) == name;
}

std::string help_line(std::string_view names, const char* placeholder, const char* help) {
  std::string line = "  ";
  for (const char c : names) line += c == ',' ? ", " : std::string(1, c);
  if (placeholder != nullptr) line += std::string(" ") + placeholder;
  line.resize(std::max(line.size() + 2, k_help_column), ' ');
  return line + help + "\n";
}

// Sets a flag (no value) or an option to what was given.
struct Set {
  const std::string* value;
  void operator()(bool* target) const { *target = true; }
  void operator()(int* target) const { ++*target; }
  void operator()(std::optional<std::string>* target) const { *target = *value; }
  void operator()(std::vector<std::string>* target) const { target->push_back(*value); }
};

}  // namespace

Arguments::Arguments(const char* usage, const char* summary) : m_usage(usage), m_summary(summary) {
  m_options.reserve(16);
  flag("-h,--help", m_help, "show this");
}

void Arguments::flag(const char* names, bool& target, const char* help) {
  m_options.push_back({names, nullptr, help, m_group, &target});
}

void Arguments::counter(const char* names, int& target, const char* help) {
  m_options.push_back({names, nullptr, help, m_group, &target});
}

void Arguments::option(const char* names, const char* placeholder, std::optional<std::string>& target,
                       const char* help) {
  m_options.push_back({names, placeholder, help, m_group, &target});
}

void Arguments::list(const char* names, const char* placeholder, std::vector<std::string>& target,
                     const char* help) {
  m_options.push_back({names, placeholder, help, m_group, &target});
}

void Arguments::positional(const char* name, std::optional<std::string>& target, const char* help) {
  m_positionals.push_back({name, help, &target});
}

void Arguments::group(const char* title) { m_group = title; }

void Arguments::examples(const char* text) { m_examples = text; }

const Arguments::Option* Arguments::find(std::string_view name) const {
  for (const auto& option : m_options)
    if (is_one_of(option.names, name)) return &option;
  return nullptr;
}

tl::unexpected<Error> Arguments::refuse(std::string message, std::string_view unknown) const {
  std::vector<std::string> names;
  for (const auto& option : m_options)
    for (const auto name : split(option.names, ',')) names.emplace_back(name);
  const auto near = unknown.empty() ? std::nullopt : nearest(unknown, names);
  if (near) message += "; did you mean " + *near + "?";
  return fail(Category::usage, std::move(message), std::string("usage: ") + m_usage + " (--help says more)");
}

Status Arguments::parse_long(const std::vector<std::string>& words, std::size_t& at) {
  const std::string_view word = words[at];
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const Option* option = find(name);
  if (option == nullptr) return refuse("unknown option " + shown(name), name);
  const bool takes_value = option->placeholder != nullptr;
  std::string value;
  if (equals != std::string_view::npos) {
    if (!takes_value) return refuse(std::string(name) + " takes no value");
    value = word.substr(equals + 1);
  } else if (takes_value) {
    if (++at == words.size()) return refuse(std::string(name) + " needs a value: " + option->placeholder);
    value = words[at];
  }
  std::visit(Set{&value}, option->target);
  return {};
}

Status Arguments::parse_short(const std::vector<std::string>& words, std::size_t& at) {
  const std::string_view word = words[at];
  for (std::size_t i = 1; i < word.size(); ++i) {
    const std::string name = {'-', word[i]};
    const Option* option = find(name);
    if (option == nullptr) return refuse("unknown option " + shown(i == 1 ? word : name), word);
    const bool takes_value = option->placeholder != nullptr;
    std::string value(takes_value ? word.substr(i + 1) : std::string_view());
    if (takes_value && value.empty()) {
      if (++at == words.size()) return refuse(name + " needs a value: " + option->placeholder);
      value = words[at];
    }
    std::visit(Set{&value}, option->target);
    if (takes_value) break;
  }
  return {};
}

Status Arguments::parse_positional(const std::string& word, std::size_t& count) {
  if (count == m_positionals.size()) return refuse("unexpected argument \"" + shown(word) + "\"");
  *m_positionals[count++].target = word;
  return {};
}

Result<bool> Arguments::parse(const std::vector<std::string>& words) {
  std::size_t positionals = 0;
  for (std::size_t at = 0; at < words.size() && !m_help; ++at) {
    const std::string& word = words[at];
    if (word.size() < 2 || word[0] != '-') {
      TRY(parse_positional(word, positionals));
    } else if (word[1] == '-') {
      TRY(parse_long(words, at));
    } else {
      TRY(parse_short(words, at));
    }
  }
  return !m_help;
}

std::string Arguments::help() const {
  std::string text = std::string(m_summary) + "\n\nUsage: " + m_usage + "\n";
  if (!m_positionals.empty()) text += "\nArguments:\n";
  for (const auto& positional : m_positionals) text += help_line(positional.name, nullptr, positional.help);
  const char* group = nullptr;
  for (const auto& option : m_options) {
    if (option.group != group) text += std::string("\n") + option.group + ":\n";
    group = option.group;
    text += help_line(option.names, option.placeholder, option.help);
  }
  return text + (*m_examples == '\0' ? "" : "\nExamples:\n") + m_examples;
}

}  // namespace wif
