// SPDX-License-Identifier: Apache-2.0
// OpenAI's SDK with a key out of wif, asked for before each request.
//
//   const client = new OpenAI(wif("prod"));    // a profile; wif() is the default one
//
// Run as a program it answers each line of its standard input.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import OpenAI from "openai";

// What went wrong is in the error's message, in wif's words.
async function run(...words) {
  const { stdout } = await promisify(execFile)("wif", words);
  return stdout.trim();
}

export function wif(profile) {
  const token = () => run("token", ...(profile ? ["-p", profile] : []));
  // A credential that the API refused before its time is forgotten, and the request sent again, once, with another.
  async function fetchOrRenew(url, options) {
    const response = await fetch(url, options);
    const headers = new Headers(options.headers);
    const [scheme, refused] = (headers.get("Authorization") ?? "").split(" ");
    if (response.status !== 401 || scheme !== "Bearer" || options.body instanceof ReadableStream) return response;
    await response.body?.cancel();
    await run("cache", "clear", "--token-sha256", createHash("sha256").update(refused).digest("hex"));
    headers.set("Authorization", "Bearer " + (await token()));
    return fetch(url, { ...options, headers });
  }
  return { apiKey: token, fetch: fetchOrRenew };
}

async function main() {
  const client = new OpenAI(wif());
  for await (const line of createInterface({ input: process.stdin })) {
    const events = await client.responses.create({ model: "gpt-5", input: line, stream: true });
    for await (const event of events)
      if (event.type === "response.output_text.delta") process.stdout.write(event.delta);
    process.stdout.write("\n");
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
