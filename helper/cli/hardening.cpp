// SPDX-License-Identifier: Apache-2.0
#include "cli/hardening.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace wif {
namespace {

rlimit g_former_limit{};
bool g_limited = false;

}  // namespace

void harden_process() {
  prctl(PR_SET_DUMPABLE, 0);
  if (getrlimit(RLIMIT_CORE, &g_former_limit) != 0) return;
  rlimit limit = g_former_limit;
  limit.rlim_cur = 0;
  g_limited = setrlimit(RLIMIT_CORE, &limit) == 0;
}

void restore_core_limit() {
  if (g_limited) setrlimit(RLIMIT_CORE, &g_former_limit);
}

}  // namespace wif
