/* SPDX-License-Identifier: Apache-2.0
 * Modules that break the contract of wif/provider.h, one way each: BREAK_… says which. The host has to turn every one
 * into its own clear error, in time. */
#include <stdio.h>
#include <unistd.h>

#include "wif/provider.h"

#ifndef ABI
#define ABI WIF_PROVIDER_ABI /* broken-abi: 99 */
#endif
#ifndef SIZE
#define SIZE sizeof(struct wif_provider) /* broken-size: up to `name` only */
#endif
#ifndef TOKEN
#define TOKEN "opaque-token" /* broken-empty, broken-linebreak: a token that isn't one */
#endif

static int32_t fetch(const struct wif_host* host, wif_call* call, struct wif_subject_token* token) {
  (void)host;
  (void)call;
  static const char text[] = TOKEN;
  token->token = text;
  token->token_size = sizeof text - 1;
#if defined(BREAK_CRASH)
  /* In the page that is never mapped; not NULL, which UBSan would stop before the kernel does. */
  volatile int* volatile nowhere = (volatile int*)64;
  *nowhere = 1;
#elif defined(BREAK_SLEEP)
  for (;;) pause();
#elif defined(BREAK_SILENT)
  return WIF_REFUSED; /* without a word */
#elif defined(BREAK_CODE)
  return host->fail(call, 4711, "a category that does not exist", NULL);
#elif defined(BREAK_EXIT)
  _exit(0);
#elif defined(BREAK_UNSET)
  token->token = NULL; /* says OK and gives nothing */
#elif defined(BREAK_STDOUT)
  puts("noise from a module");
  fflush(stdout);
#elif defined(BREAK_UNDEFINED)
  extern int32_t wif_test_no_such_function(void);
  return wif_test_no_such_function(); /* can't even be loaded */
#endif
  return WIF_OK;
}

#ifdef BREAK_PROBE
/* Steps that say nothing, and a probe that fails without a word. */
static int32_t probe(const struct wif_host* host, wif_call* call, wif_probe_report report, void* context) {
  (void)host;
  (void)call;
  const struct wif_probe_step nothing = {.struct_size = sizeof nothing, .result = 4711, .status = 4711};
  const struct wif_probe_step no_size = {.id = "no size"};
  report(context, NULL);
  report(context, &no_size);
  report(context, &nothing);
  return WIF_REFUSED;
}
#else
#define probe NULL
#endif

#ifdef BREAK_SYMBOL
#define wif_provider_init wif_provider_start /* a module that exports something else */
#endif
WIF_EXPORT const struct wif_provider* wif_provider_init(uint32_t host_abi);

const struct wif_provider* wif_provider_init(uint32_t host_abi) {
  static const struct wif_provider table = {ABI, SIZE, NAME, fetch, probe};
  const struct wif_provider* offered = host_abi > 0 ? &table : NULL;
#ifdef BREAK_NULL
  offered = NULL;
#endif
  return offered;
}
