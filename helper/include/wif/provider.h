/* SPDX-License-Identifier: Apache-2.0
 *
 * wif/provider.h - the interface between wif-engine (the host) and a provider module.
 *
 * A provider turns the environment it runs in into a subject token (RFC 8693, section 2.1: the security
 * token that represents the identity of the party on whose behalf the request is made). It is a pair:
 *
 *   NAME.module             a descriptor (TOML): settings, detection, identity inputs; read without running code
 *   wif-provider-NAME.so    a shared object that exports one function, wif_provider_init
 *
 * Versions. The host passes the highest ABI version it speaks. A module returns its table, or NULL if it can
 * serve no version up to that one. Tables only grow at the end: a member is there if struct_size reaches past it,
 * so old modules work on newer hosts and the other way round.
 *
 * Ownership. Every pointer that the host hands out lives until fetch (or probe) returns and belongs to the host.
 * Every pointer that a module hands back in wif_subject_token must live that long too: use secret_alloc for tokens.
 *
 * Threads. The host calls a module from one thread, one call at a time. A module may not keep threads running
 * after it returns, may not exit, and may not write to standard output.
 *
 * Errors. fetch and probe return WIF_OK or a category; before a category other than WIF_OK is returned, fail() says
 * what happened in words. A C++ module lets no exception out.
 */
#ifndef WIF_PROVIDER_H
#define WIF_PROVIDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WIF_PROVIDER_ABI 1u

#if defined(__GNUC__)
#define WIF_EXPORT __attribute__((visibility("default")))
#else
#define WIF_EXPORT
#endif

/* The categories are wif's exit codes, one to one (wif/wif.h has the same). */
#ifndef WIF_HAS_STATUS
#define WIF_HAS_STATUS
enum wif_status {
  WIF_OK = 0,
  WIF_USAGE = 2,         /* bad arguments (never from a module) */
  WIF_CONFIGURATION = 3, /* a setting is missing or wrong */
  WIF_NO_IDENTITY = 4,   /* there is no subject token here */
  WIF_REFUSED = 5,       /* the source said no: it answered, and asking again won't help */
  WIF_UNREACHABLE = 6,   /* time-out, DNS, TLS, 5xx or 429 past the retries */
  WIF_CACHE = 7,         /* a cache that can't be trusted (never from a module) */
  WIF_BUG = 70           /* a broken promise: of this interface, of a library */
};
#endif

enum wif_log_level { WIF_LOG_DEBUG = 0, WIF_LOG_INFO = 1, WIF_LOG_WARNING = 2 };

/* One call of a module; opaque to it, and passed back to every service. */
typedef struct wif_call wif_call;

struct wif_http_header {
  const char* name;
  const char* value;
};

/* Flags of a request. */
enum {
  WIF_HTTP2_PRIOR_KNOWLEDGE = 1, /* HTTP/2 without an upgrade, as gRPC over plain text speaks it */
  WIF_HTTP_LINK_LOCAL = 2,       /* plain http to this host is the vendor's documented metadata service */
  WIF_HTTP_NO_RETRY = 4          /* the module has a retry rule of its own */
};

/* struct_size is the caller's sizeof; all strings are NUL-terminated UTF-8 unless a size stands beside them. */
struct wif_http_request {
  uint32_t struct_size;
  uint32_t flags;
  const char* method; /* "GET", "POST", ... */
  const char* url;    /* https, or http to loopback, link-local addresses or with WIF_HTTP_LINK_LOCAL */
  const struct wif_http_header* headers;
  size_t header_count;
  const char* body; /* NULL for none */
  size_t body_size;
  const char* unix_socket; /* path of a unix socket to connect to instead of the URL's host, or NULL */
  int32_t try_timeout_ms;  /* of each try; 0: whatever is left of the deadline */
  /* AWS Signature Version 4, if aws_sigv4 isn't NULL: "aws:amz:REGION:SERVICE". A session token goes into the header
   * X-Amz-Security-Token, which is signed with the others. */
  const char* aws_sigv4;
  const char* aws_access_key_id;
  const char* aws_secret_access_key;
};

/* Why no answer came. After the first and the last of them, asking again won't help. */
enum wif_http_failure {
  WIF_HTTP_FAILED = 0,        /* anything else, such as a URL that isn't allowed or an answer over 1 MiB */
  WIF_HTTP_NO_ADDRESS = 1,    /* DNS has no address of the host (or of its proxy), or did not answer */
  WIF_HTTP_NO_CONNECTION = 2, /* refused, no route, or not accepted in time; nothing was sent */
  WIF_HTTP_LOST = 3,          /* sent, and the connection or the time ended before the answer was whole */
  WIF_HTTP_NO_TLS = 4         /* the certificate can't be verified, or no TLS is spoken there */
};

/* Filled by the host; the memory is the host's, and is wiped when the call ends. */
struct wif_http_response {
  uint32_t struct_size;
  int32_t status; /* HTTP status; 0: no answer came */
  const struct wif_http_header* headers;
  size_t header_count; /* trailers follow the headers in the same list */
  const char* body;    /* also NUL-terminated, at most 1 MiB */
  size_t body_size;
  int32_t failure; /* enum wif_http_failure, where http() failed */
};

/* The host's services. A module checks struct_size before it uses a member added after version 1. */
struct wif_host {
  uint32_t abi_version;
  uint32_t struct_size;

  /* The effective value of a setting of this provider's descriptor (default applied), or NULL if unset.
   * Lists are the elements joined by '\n', booleans "true"/"false", durations whole seconds. */
  const char* (*setting)(wif_call* call, const char* name);

  /* An environment variable, NULL if unset or empty, or where the process runs with raised privileges. */
  const char* (*environment)(wif_call* call, const char* name);

  /* One HTTP exchange: the host applies the deadline, the 1 MiB cap, TLS verification, retries of connection
   * failures, 429 and 5xx, and the rule that metadata calls never pass through a proxy; redirects aren't followed.
   * WIF_OK means that an answer came, whatever its status; otherwise the error is already set (return the category), and
   * of the response `status` and `failure`. */
  int32_t (*http)(wif_call* call, const struct wif_http_request* request, struct wif_http_response* response);

  /* A line on stderr if the user's verbosity asks for it. The host replaces whatever looks like a token. */
  void (*log)(wif_call* call, int32_t level, const char* message);

  /* Zeroed memory, wiped and freed by the host after the call; NULL if there is none. */
  void* (*secret_alloc)(wif_call* call, size_t size);

  /* Milliseconds until the deadline, never negative. */
  int64_t (*time_left_ms)(wif_call* call);

  /* Sets the error: what was tried and what came back in `message`, what to do in `hint` (NULL: nothing to say).
   * Both are copied. Returns `status`, so that `return host->fail(...)` reads well. */
  int32_t (*fail)(wif_call* call, int32_t status, const char* message, const char* hint);

  /* The message of the error that is set (by a failed http(), say), so that a module can say it with more around it;
   * "" if there is none. */
  const char* (*error_message)(wif_call* call);
};

/* What fetch fills in. struct_size is set by the host. A module that found a token and refuses it (expired, of another
 * audience) may fill it in too, beside the category that it returns: the host shows what it says to a person who asked for
 * that (wif inspect, wif doctor), and sends it nowhere. */
struct wif_subject_token {
  uint32_t struct_size;
  uint32_t reserved;
  const char* token; /* no surrounding white space */
  size_t token_size;
  const char* token_type; /* RFC 8693 section 3 URI; NULL: the descriptor's */
  int64_t expires_at;     /* Unix seconds; 0: unknown, or as in the JWT's `exp` */
};

/* How a step of a probe went. */
enum wif_probe_result {
  WIF_PROBE_OK = 0,
  WIF_PROBE_WARNING = 1, /* worth a look; a token may come all the same */
  WIF_PROBE_FAILED = 2,  /* no token will come */
  WIF_PROBE_SKIPPED = 3  /* not reached: something that it needs failed */
};

/* One line of what `wif doctor` shows of this source. struct_size is the module's sizeof; strings are copied, and shortened to 300
 * bytes; NULL: nothing to say. */
struct wif_probe_step {
  uint32_t struct_size;
  int32_t result;      /* enum wif_probe_result; another is taken for a failure */
  int32_t status;      /* of a failure: its category */
  uint32_t reserved;   /* 0 */
  const char* id;      /* a word, the same in every version: "socket", "role" */
  const char* checked; /* what was looked at: "the agent's socket" */
  const char* found;   /* what came back; of a failure or a warning the cause, of a skipped step why */
  const char* mend;    /* of a failure or a warning: what to do */
};
typedef void (*wif_probe_report)(void* context, const struct wif_probe_step* step);

struct wif_provider {
  uint32_t abi_version; /* the version that this table follows */
  uint32_t struct_size;
  const char* name; /* equals the descriptor's */
  int32_t (*fetch)(const struct wif_host* host, wif_call* call, struct wif_subject_token* token);
  /* Optional (NULL): reports steps, in order, without fetching a token. A category other than WIF_OK says that the probe itself
   * failed, as fetch does; a source where something is wrong is a step. */
  int32_t (*probe)(const struct wif_host* host, wif_call* call, wif_probe_report report, void* context);
};

/* The one exported function. The table is constant and lives as long as the module is loaded. */
typedef const struct wif_provider* (*wif_provider_init_fn)(uint32_t host_abi);
WIF_EXPORT const struct wif_provider* wif_provider_init(uint32_t host_abi);

#ifdef __cplusplus
}
#endif
#endif
