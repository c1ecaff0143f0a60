# SPDX-License-Identifier: Apache-2.0
# wif_generate_descriptors(OUT_VAR): the built-in providers' and exchange presets' descriptors as a C++ source, whose path OUT_VAR gets.
# Needs the targets wif_util and wif_descriptor_parser, and runs the tool it builds, so a cross build needs
# CMAKE_CROSSCOMPILING_EMULATOR.

function(wif_generate_descriptors OUT_VAR)
  include(${PROJECT_SOURCE_DIR}/providers/providers.cmake)
  set(modules "")
  foreach(name IN LISTS WIF_PROVIDERS)
    list(APPEND modules ${PROJECT_SOURCE_DIR}/providers/${name}/${name}.module)
  endforeach()

  include(${PROJECT_SOURCE_DIR}/helper/engine/exchange/presets/presets.cmake)
  foreach(name IN LISTS WIF_PRESETS)
    list(APPEND modules ${PROJECT_SOURCE_DIR}/helper/engine/exchange/presets/${name}.exchange)
  endforeach()

  add_executable(descriptor_gen
    ${PROJECT_SOURCE_DIR}/cmake/descriptor_gen.cpp $<TARGET_OBJECTS:wif_descriptor_parser>)
  target_link_libraries(descriptor_gen PRIVATE wif_util)

  set(output ${CMAKE_CURRENT_BINARY_DIR}/built_in_descriptors.cpp)
  # The two lists too: the command has to run again when a provider or preset is taken away.
  add_custom_command(OUTPUT ${output}
    COMMAND descriptor_gen ${output} ${modules}
    DEPENDS descriptor_gen ${modules} ${PROJECT_SOURCE_DIR}/providers/providers.cmake
      ${PROJECT_SOURCE_DIR}/helper/engine/exchange/presets/presets.cmake
    COMMENT "Descriptors of built-in providers and presets"
    VERBATIM)
  set(${OUT_VAR} ${output} PARENT_SCOPE)
endfunction()
