// SPDX-License-Identifier: Apache-2.0
#include "engine/http.hpp"

#include "util/text.hpp"

namespace wif {

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& header : headers)
    if (header.name.size() == name.size() && starts_with_ignoring_case(header.name, name))
      return header.value.view();
  return {};
}

}  // namespace wif
