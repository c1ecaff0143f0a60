// SPDX-License-Identifier: Apache-2.0
#include "engine/module_rules.hpp"

#include <cstddef>

#include "util/text.hpp"

namespace wif {
namespace {

Error table_error(const std::string& path, const std::string& message, std::string hint = {}) {
  return {Category::bug, "module " + path + " " + message, std::move(hint), {}};
}

constexpr std::size_t k_smallest_table = offsetof(wif_provider, fetch) + sizeof(wif_provider::fetch);

}  // namespace

std::vector<std::string> development_folders(const System& system) {
  std::vector<std::string> folders;
  if (const auto path = system.trusted_variable("WIF_MODULE_PATH"))
    for (const auto one : split(*path, ':'))
      if (!one.empty() && one.front() == '/') folders.emplace_back(one);
  return folders;
}

Result<const wif_provider*> check_table(const wif_provider* table, const std::string& path,
                                        const std::string& name) {
  constexpr const char* k_mend = "tell whoever made the module; `wif doctor` shows more";
  if (table == nullptr)
    return tl::unexpected(table_error(
        path,
        "serves no interface version up to " + std::to_string(WIF_PROVIDER_ABI) + ", which is this wif's",
        "install a newer wif, or an older version of the module"));
  if (table->abi_version > WIF_PROVIDER_ABI || table->abi_version == 0)
    return tl::unexpected(table_error(path,
                                      "follows interface version " + std::to_string(table->abi_version) +
                                          ", and this wif speaks up to " + std::to_string(WIF_PROVIDER_ABI),
                                      "install a newer wif, or an older version of the module"));
  if (table->struct_size < k_smallest_table)
    return tl::unexpected(table_error(path,
                                      "has a table of " + std::to_string(table->struct_size) +
                                          " bytes, too small for version " +
                                          std::to_string(table->abi_version),
                                      k_mend));
  if (table->name == nullptr || name != table->name)
    return tl::unexpected(table_error(
        path,
        "is provider '" + printable(table->name == nullptr ? "" : table->name, 64) + "', not '" + name + "'",
        "correct `module` or `name` in the descriptor"));
  if (table->fetch == nullptr) return tl::unexpected(table_error(path, "has no fetch function", k_mend));
  return table;
}

}  // namespace wif
