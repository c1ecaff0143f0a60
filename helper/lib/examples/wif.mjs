// SPDX-License-Identifier: Apache-2.0
// Node: a child process, not the library. An FFI is an add-on that has to be installed and built, and wif_get would hold the
// event loop up while it waits for an exchange; a child costs a millisecond and waits beside it.
//   const client = new OpenAI({ apiKey: () => token("prod") });
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export async function token(profile) {
  const { stdout } = await run("wif", ["token", ...(profile ? ["-p", profile] : [])]);
  return stdout.trimEnd();
}
