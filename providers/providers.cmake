# SPDX-License-Identifier: Apache-2.0
# The built-in providers, one a line: providers/NAME/ holds NAME.module, NAME.cpp and a README.md.
set(WIF_PROVIDERS
  aws
  azure
  command
  env
  file
  github
  google
  kubernetes
  spiffe
)
