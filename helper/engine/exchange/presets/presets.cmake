# SPDX-License-Identifier: Apache-2.0
# The presets that are compiled in, one a line: NAME.exchange beside this file.
set(WIF_PRESETS
  anthropic
  dex
  google-sts
  openrouter
)
