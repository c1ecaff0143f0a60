# SPDX-License-Identifier: Apache-2.0
# CURL::libcurl and OpenSSL::Crypto for the preset `static`: the libcurl that packaging/static/libcurl has built, and the
# libraries below it by name alone, so that the linker takes their archives for a static program and the shared ones for a
# test that isn't.
set(WIF_STATIC_DEPS ${PROJECT_SOURCE_DIR}/build/static-deps CACHE PATH "The folder that packaging/static/libcurl installed into")
if(NOT EXISTS ${WIF_STATIC_DEPS}/lib/libcurl.a)
  message(FATAL_ERROR "${WIF_STATIC_DEPS} has no lib/libcurl.a: run packaging/static/libcurl first (packaging/static/README.md)")
endif()
pkg_check_modules(WIF_BELOW_LIBCURL REQUIRED libnghttp2 libcares libssl)
pkg_check_modules(WIF_LIBCRYPTO REQUIRED libcrypto>=3.0)

add_library(OpenSSL::Crypto INTERFACE IMPORTED)
target_link_libraries(OpenSSL::Crypto INTERFACE ${WIF_LIBCRYPTO_STATIC_LIBRARIES})
add_library(CURL::libcurl STATIC IMPORTED)
set_target_properties(CURL::libcurl PROPERTIES IMPORTED_LOCATION ${WIF_STATIC_DEPS}/lib/libcurl.a)
target_include_directories(CURL::libcurl INTERFACE ${WIF_STATIC_DEPS}/include)
target_compile_definitions(CURL::libcurl INTERFACE CURL_STATICLIB)
target_link_libraries(CURL::libcurl INTERFACE ${WIF_BELOW_LIBCURL_STATIC_LIBRARIES})
