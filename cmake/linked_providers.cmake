# SPDX-License-Identifier: Apache-2.0
# wif_link_providers(TARGET): links all built-in providers into TARGET, and the table of them (helper/engine/linked_modules.hpp).

function(wif_link_providers target)
  include(${PROJECT_SOURCE_DIR}/providers/providers.cmake)
  set(declarations "")
  set(rows "")
  foreach(name IN LISTS WIF_PROVIDERS)
    string(MAKE_C_IDENTIFIER ${name} symbol)
    string(APPEND declarations "const wif_provider* wif_provider_init_${symbol}(uint32_t host_abi);\n")
    string(APPEND rows "      {\"${name}\", wif_provider_init_${symbol}},\n")
    target_link_libraries(${target} PRIVATE wif_provider_${name})
  endforeach()
  configure_file(${PROJECT_SOURCE_DIR}/helper/engine/linked_providers.cpp.in linked_providers.cpp @ONLY)
  target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/linked_providers.cpp)
endfunction()
