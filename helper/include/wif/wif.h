/* SPDX-License-Identifier: Apache-2.0
 *
 * wif/wif.h - libwif: a short-lived credential from wif's cache, in-process.
 *
 *   wif_options* options = wif_options_new();
 *   wif_options_set_profile(options, "prod");
 *   wif_error* error = wif_error_new();
 *   wif_credential* credential;
 *   if (wif_get(options, &credential, error) == WIF_OK) {
 *     use(wif_credential_access_token(credential));
 *     wif_credential_free(credential);
 *   } else {
 *     fprintf(stderr, "%s\n%s\n", wif_error_message(error), wif_error_hint(error));
 *   }
 *   wif_error_free(error);
 *   wif_options_free(options);
 *
 * What it does is what `wif get` does, with the same configuration, cache and locks: a good record is answered from disk
 * (call wif_get whenever a credential is needed, and keep none longer than that); a stale one too, and wif-engine
 * refreshes it in the background; without one, wif_get waits for an exchange, which it makes or somebody else does.
 *
 * Objects. All are opaque, so that a newer library may make them larger. Every pointer that is returned points into the
 * object it was asked of, is NUL-terminated, and lives as long as that object (of a wif_error: until it is used again).
 * The free functions take NULL. What held a token is wiped before it is freed.
 *
 * Threads. Any number of threads may call at once. A wif_credential never changes: many threads may read one. A
 * wif_options may be used by many threads as long as none sets it. A wif_error is one thread's at a time. Nothing here is
 * global, but the environment is the process's: no thread may call setenv() while another one is in wif_get().
 * wif_get and wif_reject are no cancellation points (pthread_cancel), and must not be called from a signal handler.
 *
 * fork. A program may fork at any time, also while threads are in wif_get; parent and child may both go on calling, and
 * both own their copies of what was there.
 *
 * Signals and children. No handler is installed, no timer used. While an exchange is made there is one child process
 * more (wif-engine), which is waited for by itself: SIGCHLD may come for it and, for a background refresh, for one
 * that ends at once. A program that waits for any child may do so; it only costs the cause in an error of WIF_BUG. The
 * library writes to none of the program's standard streams.
 *
 * Deadlines. wif_get returns at the options' time-out (wif_options_set_timeout) or a fraction of a second later.
 *
 * Trust. Environment variables that name files (WIF_CONFIG, WIF_CACHE_DIR, WIF_ENGINE, HOME, ...) are ignored in a program
 * with raised privileges (AT_SECURE). Core files of the program hold its tokens, as those of any program that has
 * some: wif itself switches them off, a library leaves that to the program.
 *
 * Versions. Functions are never removed or changed, new ones come with a new symbol version (WIF_1.1, ...).
 */
#ifndef WIF_WIF_H
#define WIF_WIF_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WIF_EXPORT __attribute__((visibility("default")))
#else
#define WIF_EXPORT
#endif

/* What every int32_t below is; the values are wif's exit codes. Newer libraries may have more: take those for WIF_BUG. */
#ifndef WIF_HAS_STATUS
#define WIF_HAS_STATUS
enum wif_status {
  WIF_OK = 0,
  WIF_USAGE = 2,         /* a bad argument, such as a NULL where none may be */
  WIF_CONFIGURATION = 3, /* a file, a profile or a setting is missing or wrong */
  WIF_NO_IDENTITY = 4,   /* there is no subject token here */
  WIF_REFUSED = 5,       /* the relying party said no: asking again won't help */
  WIF_UNREACHABLE = 6,   /* time-out, DNS, TLS, 5xx or 429 past the retries */
  WIF_CACHE = 7,         /* a cache directory or record that can't be trusted */
  WIF_BUG = 70           /* no memory, no wif-engine, a crash */
};
#endif

typedef struct wif_options wif_options;
typedef struct wif_credential wif_credential;
typedef struct wif_error wif_error;

/* The library's version, such as "0.1.0"; static. */
WIF_EXPORT const char* wif_version(void);

/* Errors. A call that fails fills the caller's wif_error; one that succeeds empties it. Where a function takes a wif_error
 * it takes NULL, too: then only the returned category tells. wif_error_new returns NULL if there is no memory. Messages
 * never hold a token; hints speak of the command line's options (--set, -p), which say the same as the functions
 * below. */
WIF_EXPORT wif_error* wif_error_new(void);
WIF_EXPORT void wif_error_free(wif_error* error);
WIF_EXPORT int32_t wif_error_status(const wif_error* error);
WIF_EXPORT const char* wif_error_message(
    const wif_error* error); /* one line: what was tried, what came back */
WIF_EXPORT const char* wif_error_hint(
    const wif_error* error); /* one line: what to do; "" if there is nothing to say */
WIF_EXPORT const char* wif_error_cause(
    const wif_error* error); /* upstream's code ("invalid_grant"); "" if it had none */

/* Options: what the command line's options say. New ones ask for the default profile. All strings are copied, UTF-8, and
 * checked by wif_get, whose error names what is wrong. wif_options_new returns NULL if there is no memory; the others
 * return WIF_OK, WIF_USAGE for a value that is out of range or a NULL that isn't allowed, or WIF_BUG for no memory. */
WIF_EXPORT wif_options* wif_options_new(void);
WIF_EXPORT void wif_options_free(wif_options* options);
/* -p. NULL: the default ($WIF_PROFILE, the file's default_profile, or the only one). */
WIF_EXPORT int32_t wif_options_set_profile(wif_options* options, const char* name);
/* --config: this file only. NULL: $WIF_CONFIG, or the system's and the user's files. */
WIF_EXPORT int32_t wif_options_set_config(wif_options* options, const char* path);
/* --set KEY=VALUE, such as "subject.audience"; once a key. */
WIF_EXPORT int32_t wif_options_add_setting(wif_options* options, const char* key, const char* value);
/* --timeout, in milliseconds: 1 to 3,600,000; 30,000 unless set. */
WIF_EXPORT int32_t wif_options_set_timeout(wif_options* options, int64_t milliseconds);
/* Seconds that a cached credential must still be good for, at least; the profile's cache.min_ttl if that is more. Of a
 * short-lived one, no more than a quarter of its life is asked. 0 to 86,400. */
WIF_EXPORT int32_t wif_options_set_min_remaining(wif_options* options, int64_t seconds);
/* A sum of these; 0 unless set. */
enum wif_flag {
  WIF_NO_CACHE = 1, /* neither read nor write the cache */
  WIF_RENEW = 2     /* a good record won't do: exchange now */
};
WIF_EXPORT int32_t wif_options_set_flags(wif_options* options, uint32_t flags);

/* The credential. `options` may be NULL for the defaults. *credential is the caller's to free, or NULL after a failure. */
WIF_EXPORT int32_t wif_get(const wif_options* options, wif_credential** credential, wif_error* error);
WIF_EXPORT void wif_credential_free(wif_credential* credential);

/* Its fields. It is a token, or a pair of AWS keys with a session token: the fields of the other kind are NULL. */
WIF_EXPORT const char* wif_credential_access_token(const wif_credential* credential);
WIF_EXPORT const char* wif_credential_token_type(const wif_credential* credential); /* "Bearer", ... */
WIF_EXPORT const char* wif_credential_aws_access_key_id(const wif_credential* credential);
WIF_EXPORT const char* wif_credential_aws_secret_access_key(const wif_credential* credential);
WIF_EXPORT const char* wif_credential_aws_session_token(const wif_credential* credential);
WIF_EXPORT const char* wif_credential_scope(const wif_credential* credential); /* NULL: none was said */
WIF_EXPORT const char* wif_credential_profile(const wif_credential* credential);
/* Unix seconds. */
WIF_EXPORT int64_t wif_credential_issued_at(const wif_credential* credential);
WIF_EXPORT int64_t wif_credential_expires_at(const wif_credential* credential);
/* When a later wif_get will look for a newer one; 0 if this one is not from the cache. */
WIF_EXPORT int64_t wif_credential_refresh_at(const wif_credential* credential);
/* What `wif` would have said on stderr, such as why nothing is cached: one line each; NULL past the last. */
WIF_EXPORT const char* wif_credential_warning(const wif_credential* credential, uint32_t index);
/* Names the token (of AWS keys, the session token) without showing it: its SHA-256, 64 hexadecimal digits and a NUL. */
enum { WIF_TOKEN_HASH_SIZE = 65 };
WIF_EXPORT void wif_credential_token_sha256(const wif_credential* credential, char hash[WIF_TOKEN_HASH_SIZE]);

/* Reports that a token was rejected (a 401, say) before it expired, by its hash: the record that still holds it is
 * removed, and the next wif_get exchanges. A late report removes no newer token. Waits up to `timeout_ms` for somebody
 * who is replacing the record just now. *removed (may be NULL) says how many were; none is WIF_OK as well. */
WIF_EXPORT int32_t wif_reject(const char* token_sha256, int64_t timeout_ms, uint32_t* removed,
                              wif_error* error);

#ifdef __cplusplus
}
#endif
#endif
