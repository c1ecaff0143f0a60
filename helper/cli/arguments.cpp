// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

namespace wif {

struct Arguments::Impl {
  explicit Impl(const std::string& summary) : app(summary) {}
  CLI::App app;
  std::string usage;
  std::string group = "Options";
};

Arguments::Arguments(const std::string& usage, const std::string& summary)
    : m_impl(std::make_unique<Impl>(summary)) {
  m_impl->usage = usage;
  m_impl->app.set_help_flag("-h,--help", "show this");
}

Arguments::~Arguments() = default;

void Arguments::flag(const char* names, bool& target, const char* help) {
  m_impl->app.add_flag(names, target, help)->group(m_impl->group);
}

void Arguments::counter(const char* names, int& target, const char* help) {
  m_impl->app.add_flag(names, target, help)->group(m_impl->group);
}

void Arguments::option(const char* names, const char* placeholder, std::optional<std::string>& target,
                       const char* help) {
  m_impl->app.add_option(names, target, help)->type_name(placeholder)->group(m_impl->group);
}

void Arguments::list(const char* names, const char* placeholder, std::vector<std::string>& target,
                     const char* help) {
  m_impl->app.add_option(names, target, help)
      ->type_name(placeholder)
      ->group(m_impl->group)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void Arguments::positional(const char* name, std::optional<std::string>& target, const char* help) {
  m_impl->app.add_option(name, target, help)->type_name("");
}

void Arguments::group(const char* title) { m_impl->group = title; }

void Arguments::examples(const std::string& text) { m_impl->app.footer("\nExamples:\n" + text); }

Result<bool> Arguments::parse(const std::vector<std::string>& words) {
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 takes them
    m_impl->app.parse(std::move(reversed));
    return true;
  } catch (const CLI::CallForHelp&) {
    return false;
  } catch (const CLI::ParseError& error) {
    return fail(Category::usage, error.what(), "usage: " + m_impl->usage + " (--help says more)");
  }
}

std::string Arguments::help() const {
  auto formatter = std::make_shared<CLI::Formatter>();
  formatter->column_width(30);
  m_impl->app.formatter(formatter);
  std::string text = m_impl->app.help();
  // CLI11 makes a usage line of its own; ours tells more.
  const std::size_t begin = text.find("Usage:");
  const std::size_t end = text.find('\n', begin);
  if (begin != std::string::npos && end != std::string::npos)
    text.replace(begin, end - begin, "Usage: " + m_impl->usage);
  return text;
}

}  // namespace wif
