/* SPDX-License-Identifier: Apache-2.0
 * What a hit costs in-process: times wif_get and wif_credential_free, round by round, with the caller's environment as
 * the configuration. Prints the median in milliseconds.
 *   inprocess ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wif/wif.h"

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int compare(const void* one, const void* other) {
  const double difference = *(const double*)one - *(const double*)other;
  return (difference > 0) - (difference < 0);
}

int main(int argc, char** argv) {
  const size_t rounds = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
  double* times = calloc(rounds, sizeof *times);
  if (rounds == 0 || times == NULL) return 2;
  wif_options* options = wif_options_new();
  wif_error* error = wif_error_new();
  for (size_t i = 0; i < rounds; ++i) {
    wif_credential* credential;
    const double began = now_ms();
    const int32_t status = wif_get(options, &credential, error);
    wif_credential_free(credential);
    times[i] = now_ms() - began;
    if (status != WIF_OK) {
      fprintf(stderr, "%s\n%s\n", wif_error_message(error), wif_error_hint(error));
      return status;
    }
  }
  qsort(times, rounds, sizeof *times, compare);
  printf("%.4f\n", times[rounds / 2]);
  free(times);
  wif_error_free(error);
  wif_options_free(options);
  return 0;
}
