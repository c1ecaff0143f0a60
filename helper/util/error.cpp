// SPDX-License-Identifier: Apache-2.0
#include "util/error.hpp"

#include <cstring>

namespace wif {

Category category_from_code(int code) {
  switch (code) {
    case 2:
      return Category::usage;
    case 3:
      return Category::configuration;
    case 4:
      return Category::no_identity;
    case 5:
      return Category::refused;
    case 6:
      return Category::unreachable;
    case 7:
      return Category::cache;
    default:
      return Category::bug;
  }
}

const char* to_string(Category category) {
  switch (category) {
    case Category::usage:
      return "usage";
    case Category::configuration:
      return "configuration";
    case Category::no_identity:
      return "no identity";
    case Category::refused:
      return "refused";
    case Category::unreachable:
      return "unreachable";
    case Category::cache:
      return "cache";
    case Category::bug:
      return "bug";
  }
  return "bug";
}

std::string errno_text(int error) {
  char buffer[128];
  return strerror_r(error, buffer, sizeof buffer);
}

}  // namespace wif
