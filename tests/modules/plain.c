/* SPDX-License-Identifier: Apache-2.0
 * A whole provider in plain C, with no library but libc: the token is the first line of a file that the setting `path`
 * names. Loaded from a drop-in folder by the tests, and an example of a module that knows only the C header. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "wif/provider.h"

enum { LIMIT = 65536 };

static int32_t fetch(const struct wif_host* host, wif_call* call, struct wif_subject_token* token) {
  const char* path = host->setting(call, "path");
  if (path == NULL) return host->fail(call, WIF_CONFIGURATION, "subject.path is not set", NULL);

  char* line = host->secret_alloc(call, LIMIT);
  if (line == NULL) return host->fail(call, WIF_BUG, "out of memory", NULL);

  FILE* file = fopen(path, "re");
  if (file == NULL)
    return host->fail(call, WIF_NO_IDENTITY, "cannot open the token file", "look at subject.path");
  setvbuf(file, NULL, _IONBF, 0); /* no copy of the token outside the host's secret memory */
  const char* read = fgets(line, LIMIT, file);
  fclose(file);

  const size_t size = read == NULL ? 0 : strcspn(line, "\r\n");
  if (size == 0) return host->fail(call, WIF_NO_IDENTITY, "the token file is empty", NULL);
  token->token = line;
  token->token_size = size;
  return WIF_OK;
}

/* What `wif doctor` shows of the source before a token is fetched. */
static int32_t probe(const struct wif_host* host, wif_call* call, wif_probe_report report, void* context) {
  const char* path = host->setting(call, "path");
  if (path == NULL) return WIF_OK; /* fetch says so */
  struct stat about;
  struct wif_probe_step step = {.struct_size = sizeof step, .id = "file", .checked = "the token file"};
  if (stat(path, &about) != 0) {
    step.result = WIF_PROBE_FAILED;
    step.status = WIF_NO_IDENTITY;
    step.found = "the token file is not there";
    step.mend = "have whoever issues the token write it there, or change subject.path";
  } else if ((about.st_mode & S_IROTH) != 0) {
    step.result = WIF_PROBE_WARNING;
    step.found = "everybody on this machine can read the token";
    step.mend = "chmod o-r the file";
  } else {
    step.found = "there";
  }
  report(context, &step);
  return WIF_OK;
}

static const struct wif_provider table = {WIF_PROVIDER_ABI, sizeof(struct wif_provider), "plain", fetch,
                                          probe};

const struct wif_provider* wif_provider_init(uint32_t host_abi) {
  return host_abi >= WIF_PROVIDER_ABI ? &table : NULL;
}
