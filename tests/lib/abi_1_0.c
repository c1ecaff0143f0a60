/* SPDX-License-Identifier: Apache-2.0
 * The interface of libwif as programs were built against it by version WIF_1.0. wif.h has to agree with it for this to
 * compile, and libwif_abi_test.py compares the library that it makes with libwif.so.1. It is never changed: a later version
 * (WIF_1.1) has a file of its own.
 */
#include "wif/wif.h"

/* What the compiler put into those programs. */
_Static_assert(WIF_OK == 0 && WIF_USAGE == 2 && WIF_CONFIGURATION == 3 && WIF_NO_IDENTITY == 4, "statuses");
_Static_assert(WIF_REFUSED == 5 && WIF_UNREACHABLE == 6 && WIF_CACHE == 7 && WIF_BUG == 70, "statuses");
_Static_assert(WIF_NO_CACHE == 1 && WIF_RENEW == 2, "flags");
_Static_assert(WIF_TOKEN_HASH_SIZE == 65, "the size of a hash");

#pragma GCC diagnostic ignored "-Wunused-parameter"
// clang-format off
const char* wif_version(void) { return 0; }

wif_error* wif_error_new(void) { return 0; }
void wif_error_free(wif_error* error) {}
int32_t wif_error_status(const wif_error* error) { return 0; }
const char* wif_error_message(const wif_error* error) { return 0; }
const char* wif_error_hint(const wif_error* error) { return 0; }
const char* wif_error_cause(const wif_error* error) { return 0; }

wif_options* wif_options_new(void) { return 0; }
void wif_options_free(wif_options* options) {}
int32_t wif_options_set_profile(wif_options* options, const char* name) { return 0; }
int32_t wif_options_set_config(wif_options* options, const char* path) { return 0; }
int32_t wif_options_add_setting(wif_options* options, const char* key, const char* value) { return 0; }
int32_t wif_options_set_timeout(wif_options* options, int64_t milliseconds) { return 0; }
int32_t wif_options_set_min_remaining(wif_options* options, int64_t seconds) { return 0; }
int32_t wif_options_set_flags(wif_options* options, uint32_t flags) { return 0; }

int32_t wif_get(const wif_options* options, wif_credential** credential, wif_error* error) { return 0; }
void wif_credential_free(wif_credential* credential) {}
const char* wif_credential_access_token(const wif_credential* credential) { return 0; }
const char* wif_credential_token_type(const wif_credential* credential) { return 0; }
const char* wif_credential_aws_access_key_id(const wif_credential* credential) { return 0; }
const char* wif_credential_aws_secret_access_key(const wif_credential* credential) { return 0; }
const char* wif_credential_aws_session_token(const wif_credential* credential) { return 0; }
const char* wif_credential_scope(const wif_credential* credential) { return 0; }
const char* wif_credential_profile(const wif_credential* credential) { return 0; }
int64_t wif_credential_issued_at(const wif_credential* credential) { return 0; }
int64_t wif_credential_expires_at(const wif_credential* credential) { return 0; }
int64_t wif_credential_refresh_at(const wif_credential* credential) { return 0; }
const char* wif_credential_warning(const wif_credential* credential, uint32_t index) { return 0; }
void wif_credential_token_sha256(const wif_credential* credential, char hash[65]) {}

int32_t wif_reject(const char* token_sha256, int64_t timeout_ms, uint32_t* removed, wif_error* error) { return 0; }
