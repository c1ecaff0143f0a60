#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The guides' way without an SDK, as they write it: curl posts, jq picks. Its variables come from the environment.
TOKEN=$(cat "$TOKEN_FILE")
curl -sS --fail "$TOKEN_URL" -H 'Content-Type: application/json' -d "{
  \"grant_type\": \"urn:ietf:params:oauth:grant-type:token-exchange\",
  \"subject_token_type\": \"urn:ietf:params:oauth:token-type:jwt\",
  \"subject_token\": \"$TOKEN\",
  \"identity_provider_id\": \"$IDENTITY_PROVIDER_ID\",
  \"service_account_id\": \"$SERVICE_ACCOUNT_ID\"
}" | jq -r .access_token
