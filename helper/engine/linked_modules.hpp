// SPDX-License-Identifier: Apache-2.0
// The providers that are linked into a static engine; cmake/linked_providers.cmake makes the table from the list in
// providers/providers.cmake.
#pragma once

#include <span>

#include "wif/provider.h"

namespace wif {

struct LinkedModule {
  const char* name;  // of the provider
  wif_provider_init_fn init;
};

std::span<const LinkedModule> linked_modules();

}  // namespace wif
