/* SPDX-License-Identifier: Apache-2.0
 * One request with libcurl, authorised by libwif; a 401 is reported, and tried once more with a new credential.
 *   cc get.c $(pkg-config --cflags --libs wif libcurl) && ./a.out https://api.openai.com/v1/models
 */
#include <curl/curl.h>
#include <stdio.h>

#include "wif/wif.h"

/* The HTTP status, or 0. */
static long request(const char* url, const char* token) {
  long status = 0;
  CURL* curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
  curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token);
  if (curl_easy_perform(curl) == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(curl);
  return status;
}

int main(int argc, char** argv) {
  long status = 401;
  if (argc != 2) return WIF_USAGE;
  wif_error* error = wif_error_new();
  for (int try = 0; try < 2 && status == 401; ++try) {
    wif_credential* credential;
    if (wif_get(NULL, &credential, error) != WIF_OK) {
      fprintf(stderr, "%s\n%s\n", wif_error_message(error), wif_error_hint(error));
      break;
    }
    status = request(argv[1], wif_credential_access_token(credential));
    if (status == 401) {
      char hash[WIF_TOKEN_HASH_SIZE];
      wif_credential_token_sha256(credential, hash);
      wif_reject(hash, 5000, NULL, error);
    }
    wif_credential_free(credential);
  }
  wif_error_free(error);
  return status == 200 ? 0 : 1;
}
