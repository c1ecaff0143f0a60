# SPDX-License-Identifier: Apache-2.0
# wif::options: the language level, warnings and hardening that every target of ours is built with.
# wif::static_program: a fully static, position-independent executable (the front: see helper/cli/README.md).

include(CheckLinkerFlag)

option(WIF_WERROR "Warnings are errors (CI and tests/run turn this on)" OFF)
set(WIF_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined")

option(WIF_STATIC "wif-engine fully static, with all providers linked in (packaging/static/README.md)" OFF)
option(WIF_FUZZ "tests/fuzz as libFuzzer programs (clang only)" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(wif_options INTERFACE)
add_library(wif::options ALIAS wif_options)
target_compile_options(wif_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wundef -Wvla
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast>
  $<$<BOOL:${WIF_WERROR}>:-Werror>
  -fstack-protector-strong -fstack-clash-protection -ffunction-sections -fdata-sections)
target_compile_definitions(wif_options INTERFACE WIF_VERSION="${PROJECT_VERSION}" _GNU_SOURCE)
target_link_options(wif_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections)

# GCC 12 sees overlaps in std::string's operator+ and uninitialised optionals that aren't there (GCC bugs 105651, 80635).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(wif_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict -Wno-maybe-uninitialized>)
endif()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|i.86")
  target_compile_options(wif_options INTERFACE -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
  target_compile_options(wif_options INTERFACE -mbranch-protection=standard)
endif()

if(WIF_SANITIZE)
  # -g1: names and lines for the reports, and a third less time to compile than -g.
  target_compile_options(wif_options INTERFACE -fsanitize=${WIF_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(wif_options INTERFACE -fsanitize=${WIF_SANITIZE})
  if(WIF_FUZZ)
    target_compile_options(wif_options INTERFACE -fsanitize=fuzzer-no-link
      -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/fuzz/ignorelist.txt)
  endif()
else()
  # _FORTIFY_SOURCE needs optimisation, and gets in a sanitizer's way.
  target_compile_options(wif_options INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()

add_library(wif_static_program INTERFACE)
add_library(wif::static_program ALIAS wif_static_program)
if(NOT WIF_SANITIZE)
  target_link_options(wif_static_program INTERFACE -static-pie)
  # Thousands of relocations are read at every start: packed, they are a page instead of twenty.
  check_linker_flag(CXX "-Wl,-z,pack-relative-relocs" WIF_HAS_PACKED_RELOCATIONS)
  if(WIF_HAS_PACKED_RELOCATIONS)
    target_link_options(wif_static_program INTERFACE -Wl,-z,pack-relative-relocs)
  endif()
endif()

# wif::hit_path: for what a cached answer runs through. Everything there runs once, from cold: what it costs is code
# fetched, not instructions retired (helper/cli/README.md has both figures).
add_library(wif_hit_path INTERFACE)
add_library(wif::hit_path ALIAS wif_hit_path)
target_compile_options(wif_hit_path INTERFACE $<$<NOT:$<CONFIG:Debug,RelWithDebInfo>>:-Os>)

# Third-party headers are system headers, so that our warnings stay ours.
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_path(WIF_RAPIDJSON_INCLUDE rapidjson/document.h REQUIRED)
find_path(WIF_TOMLPP_INCLUDE toml++/toml.h REQUIRED)
add_library(wif_toml INTERFACE)
add_library(wif::toml ALIAS wif_toml)
target_include_directories(wif_toml SYSTEM INTERFACE ${WIF_TOMLPP_INCLUDE})
# Its other way to read a number is a stringstream, which would link iostreams and locales into wif.
target_compile_definitions(wif_toml INTERFACE TOML_EXCEPTIONS=0 TOML_ENABLE_FORMATTERS=0 TOML_FLOAT_CHARCONV=1)
find_path(WIF_EXPECTED_INCLUDE tl/expected.hpp REQUIRED)
