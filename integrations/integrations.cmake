# SPDX-License-Identifier: Apache-2.0
# The integrations, one a line: integrations/NAME/ holds NAME.cpp, which defines wif::integration_NAME (with _ for -), its README.md
# and an example.
set(WIF_INTEGRATIONS
  aws
  bazel
  cargo
  claude
  codex
  curl
  docker
  dotenv
  envoy
  git
  google
  kubelet
  kubernetes
  netrc
  systemd
  terraform
)
