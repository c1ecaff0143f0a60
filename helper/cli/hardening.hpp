// SPDX-License-Identifier: Apache-2.0
// What a process that holds tokens does first: no core file, no other process's look into its memory.
#pragma once

namespace wif {

void harden_process();
// Before another program takes this process's place: the core limit is inherited, and not ours to keep.
void restore_core_limit();

}  // namespace wif
