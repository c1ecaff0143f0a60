# SPDX-License-Identifier: Apache-2.0
"""OpenAI's SDKs for Python, Node.js and Go with a key out of wif (integrations/openai), and short programs under `wif exec`."""
import hashlib
import os
import shutil
import subprocess

import cached
import golang
import npm
import pypi
from harness import PATIENCE, main
from integrating import INTEGRATIONS, IntegrationCase

ANSWER = "Hello from the testbed.\n"
EXAMPLES = os.path.join(INTEGRATIONS, "openai", "examples")
END = "/v1/responses#end"  # where the testbed can hold a stream


class OpenAiCase(IntegrationCase):
    def setUp(self):
        super().setUp()
        self.env["OPENAI_BASE_URL"] = self.testbed.about["http"] + "/v1"
        self.profile()

    def profile(self, token_file=None):
        self.config(f'[profiles.prod]\nsubject = {{ provider = "file", path = "{token_file or self.testbed.token_file}" }}\n'
                    f'exchange = {{ kind = "openai", url = "{self.url()}" }}\n')

    def counted(self):
        """Answers of the API by their status, and exchanges."""
        statuses = self.testbed.control("counts")["path_statuses"].get("/v1/responses", {})
        return {int(status): count for status, count in statuses.items()}, self.testbed.exchanges()


class Sdk:
    """A program that lives for long: the example of a language."""

    def setUp(self):
        super().setUp()
        self.count_calls()
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command(), env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end)

    def end(self):
        out, err = self.process.communicate(timeout=60)
        self.assert_no_token(out + err)
        return err

    def send(self):
        self.process.stdin.write("Say hello\n")
        self.process.stdin.flush()

    def ask(self):
        self.send()
        self.assertEqual(self.process.stdout.readline(), ANSWER)

    def test_one_exchange_for_many_requests(self):
        self.start()
        for _ in range(5):
            self.ask()
        self.assertEqual(self.counted(), ({200: 5}, 1))
        self.assertEqual(self.calls(), 5)

    def test_it_recovers_from_a_revoked_token(self):
        self.start()
        self.ask()
        self.testbed.control("revoke")
        self.ask()
        self.assertEqual(self.counted(), ({200: 2, 401: 1}, 2))
        self.assertEqual(self.calls(), 4)  # two requests, what was refused, and another token
        self.ask()
        self.assertEqual(self.counted(), ({200: 3, 401: 1}, 2))

    def test_a_stream_outlives_its_token_and_the_next_one_has_another(self):
        self.start()
        self.testbed.control("config", expires_in=5 * PATIENCE)
        self.testbed.control("hold", path=END)
        self.send()
        self.testbed.control("wait", path=END)
        self.await_expiry()
        self.testbed.control("release")
        self.assertEqual(self.process.stdout.readline(), ANSWER)
        self.ask()
        self.assertEqual(self.counted(), ({200: 2}, 2))

    def test_what_is_said_when_wif_fails(self):
        self.profile(self.path("absent"))
        self.start()
        self.send()
        error = self.end()
        self.assertNotEqual(self.process.returncode, 0)
        self.assertIn(self.SAYS, error)
        self.assertIn("wif: cannot read the token file", error)
        self.assertEqual(self.counted(), ({}, 0))


class Python(Sdk, OpenAiCase):
    SAYS = "openai.OpenAIError: wif token ended with 4"

    def command(self):
        return [pypi.environment("openai"), os.path.join(EXAMPLES, "openai_wif.py")]

    def test_async(self):
        script = ("import asyncio, openai, openai_wif\n"
                  "async def main():\n"
                  "    client = openai.AsyncOpenAI(api_key=openai_wif.AsyncKey('prod'))\n"
                  "    async for event in await client.responses.create(model='m', input='x', stream=True):\n"
                  "        if event.type == 'response.output_text.delta': print(event.delta, end='')\n"
                  "    print()\n"
                  "asyncio.run(main())\n")
        done = self.client(pypi.environment("openai"), "-c", script, env={"PYTHONPATH": EXAMPLES, "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(done.stdout, ANSWER)


class Node(Sdk, OpenAiCase):
    SAYS = "OpenAIError: Failed to get token from 'apiKey' function: Command failed: wif token"

    def command(self):
        tools = npm.environment("openai")
        # An import looks beside the importing file.
        os.symlink(tools.modules, self.path("node_modules"))
        return [tools.node, shutil.copy(os.path.join(EXAMPLES, "openai-wif.mjs"), self.folder)]


class Go(Sdk, OpenAiCase):
    SAYS = "wif token: exit status 4"

    def command(self):
        source = os.path.join(EXAMPLES, "go")
        key = hashlib.sha256(b"".join(self.read(os.path.join(source, name)) for name in ("go.mod", "go.sum", "main.go"))).hexdigest()[:16]

        def build(folder):
            os.mkdir(folder)
            cached.run("openai-go by way of the Go module proxy",
                       [golang.compiler(), "build", "-C", source, "-trimpath", "-ldflags=-s -w", "-o", folder + os.sep, "."],
                       env=golang.environment())

        return [os.path.join(cached.made("go-openai", key, build), "openai")]

    @staticmethod
    def read(path):
        with open(path, "rb") as file:
            return file.read()


class Readme(OpenAiCase):
    """The lines that it has to paste."""

    def pasted(self, language):
        with open(os.path.join(INTEGRATIONS, "openai", "README.md"), encoding="utf-8") as file:
            return file.read().split(f"```{language}\n")[1].split("```")[0]

    def test_python(self):
        script = self.pasted("python") + "print(client.models.list().data[0].id)\n"
        self.assertEqual(self.client(pypi.environment("openai"), "-c", script).stdout, "gpt-testbed\n")
        self.profile(self.path("absent"))
        self.assertIn("CalledProcessError: Command '['wif', 'token', '-p', 'prod']' returned non-zero exit status 4.",
                      self.client(pypi.environment("openai"), "-c", script, code=1).stderr)

    def test_node(self):
        tools = npm.environment("openai")
        os.symlink(tools.modules, self.path("node_modules"))
        script = self.write("pasted.mjs", self.pasted("js") + "console.log((await client.models.list()).data[0].id);\n")
        self.assertEqual(self.client(tools.node, script).stdout, "gpt-testbed\n")


class Exec(OpenAiCase):
    """Programs that know nothing of wif."""

    PYTHON = """
import openai
for event in openai.OpenAI(max_retries=0).responses.create(model="m", input="x", stream=True):
    if event.type == "response.output_text.delta": print(event.delta, end="")
print()
"""
    NODE = """
const OpenAI = require("openai");
(async () => {
  for await (const event of await new OpenAI({ maxRetries: 0 }).responses.create({ model: "m", input: "x", stream: true }))
    if (event.type === "response.output_text.delta") process.stdout.write(event.delta);
  console.log();
})();
"""

    def assert_it_works(self, *program):
        def run(code=0):
            return self.client("wif", "exec", "--", *program, code=code)

        for _ in range(2):
            self.assertEqual(run().stdout, ANSWER)
        self.assertEqual(self.counted(), ({200: 2}, 1))
        self.age(3600)
        self.assertEqual(run().stdout, ANSWER)
        self.assertEqual(self.counted(), ({200: 3}, 2))
        self.testbed.control("revoke")
        self.assertIn("AuthenticationError", run(code=1).stderr)
        token = hashlib.sha256(self.cached_token().encode()).hexdigest()
        self.plain("cache", "clear", "--token-sha256", token)
        self.assertEqual(run().stdout, ANSWER)
        self.assertEqual(self.counted(), ({200: 4, 401: 1}, 3))

    def test_python(self):
        self.assert_it_works(pypi.environment("openai"), "-c", self.PYTHON)

    def test_node(self):
        tools = npm.environment("openai")
        self.env["NODE_PATH"] = tools.modules
        self.assert_it_works(tools.node, "-e", self.NODE)


if __name__ == "__main__":
    main()
