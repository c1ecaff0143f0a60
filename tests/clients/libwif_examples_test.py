# SPDX-License-Identifier: Apache-2.0
"""libwif as it is installed: from a prefix, by pkg-config, in the languages of helper/lib/examples; and what it exports."""
import hashlib
import os
import re
import shutil
import subprocess
import sys

import golang
import pypi
from harness import BUILD, CANARY, Case, main

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LIB = os.path.join(ROOT, "helper", "lib")


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **options)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


SDK = """
import asyncio, sys, urllib.request
import openai, wif

def testbed(verb):
    urllib.request.urlopen(urllib.request.Request(sys.argv[1][:-2] + "control/" + verb, b"{}")).read()

def models(client):
    print(*(model.id for model in client.models.list()))

async def stream(client):
    text = ""
    async for event in await client.responses.create(model="gpt-testbed", input="Hi", stream=True):
        text += event.delta if event.type == "response.output_text.delta" else ""
    print(text)

client = openai.OpenAI(api_key=wif.api_key("prod"), base_url=sys.argv[1], max_retries=0)
models(client)
print("".join(event.delta for event in client.responses.create(model="gpt-testbed", input="Hi", stream=True)
              if event.type == "response.output_text.delta"))
asyncio.run(stream(openai.AsyncOpenAI(api_key=wif.async_api_key("prod"), base_url=sys.argv[1], max_retries=0)))
testbed("revoke")
try:
    models(client)
except openai.AuthenticationError:
    print("rejected")
    wif.reject(client.api_key)
models(client)
"""


class Exports(Case):
    library = os.path.join(BUILD, "lib", "libwif.so.1")

    def setUp(self):
        """No testbed."""

    def test_symbols_are_those_of_the_map_and_the_header(self):
        symbols = [line.split()[2] for line in run("nm", "-D", "--defined-only", "--with-symbol-versions",
                                                   self.library).splitlines()]
        self.assertIn("WIF_1.0", symbols)
        symbols.remove("WIF_1.0")
        self.assertTrue(all(symbol.endswith("@@WIF_1.0") for symbol in symbols), symbols)
        symbols = sorted(symbol.split("@")[0] for symbol in symbols)
        self.assertEqual(symbols, sorted(re.findall(r"^    (wif_\w+);", read(LIB + "/libwif.map"), re.MULTILINE)))
        header = read(ROOT + "/helper/include/wif/wif.h")
        self.assertEqual(symbols, sorted(re.findall(r"WIF_EXPORT [^;(]*?\b(wif_\w+)\(", header)))

    def test_it_needs_the_c_library_only(self):
        needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", self.library))
        self.assertIn("libc.so.6", needed)
        for name in needed:
            self.assertRegex(name, r"^(libc\.so\.6|libm\.so\.6|ld-linux.*)$")


class Examples(Case):
    def setUp(self):
        super().setUp()
        self.prefix = os.path.join(self.folder, "prefix")
        run("cmake", "--install", BUILD, "--prefix", self.prefix)
        pc = next(os.path.join(path, "wif.pc") for path, _, names in os.walk(self.prefix) if "wif.pc" in names)
        self.libraries = os.path.dirname(os.path.dirname(pc))
        self.env.update(LD_LIBRARY_PATH=self.libraries, PKG_CONFIG_PATH=os.path.dirname(pc),
                        PATH=os.path.join(self.prefix, "bin") + ":" + self.env["PATH"])
        self.config(f'[profiles.prod]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                    f'exchange = {{ kind = "openai", url = "{self.url()}", identity_provider_id = "idp_testbed", '
                    'service_account_id = "sa_testbed" }\n')

    def assert_requests(self, program):
        """It asks with the credential, and when that is refused with a new one."""
        for exchanges in (1, 1, 2):
            if exchanges == 2:
                self.testbed.control("revoke")
            self.assertIn('"object"', run(program, self.testbed.about["http"] + "/v1/models", env=self.env))
            self.assertEqual(self.testbed.exchanges(), exchanges)

    def test_c(self):
        flags = run("pkg-config", "--cflags", "--libs", "wif", "libcurl", env=self.env).split()
        program = os.path.join(self.folder, "get")
        run(os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", LIB + "/examples/get.c",
            *flags, "-o", program)
        self.assert_requests(program)

    def test_python(self):
        self.env.update(PYTHONPATH=LIB + "/examples", PYTHONDONTWRITEBYTECODE="1")
        found = run(sys.executable, "-c", "import wif; key = wif.api_key('prod'); print(key()); print(key())", env=self.env)
        self.assertEqual(len(set(found.split())), 1)
        self.assertEqual(self.testbed.models(found.split()[0]), 200)
        self.assertEqual(self.testbed.exchanges(), 1)
        said = run(sys.executable, "-c", "import wif\ntry: wif.token('absent')\nexcept wif.Error as e: print(e.status, e)",
                   env=self.env)
        self.assertRegex(said, r"^3 .*absent")

    def test_openais_sdk(self):
        """Its real client, with the function as its key: models, a stream, a rejected token."""
        python = pypi.environment("openai")
        self.env.update(PYTHONPATH=LIB + "/examples", PYTHONDONTWRITEBYTECODE="1")
        program = os.path.join(self.folder, "sdk.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(SDK)
        found = run(python, program, self.testbed.about["http"] + "/v1", env=self.env).splitlines()
        self.assertEqual(found[:4], ["gpt-testbed gpt-testbed-mini", "Hello from the testbed.", "Hello from the testbed.", "rejected"])
        self.assertEqual(found[4:], ["gpt-testbed gpt-testbed-mini"])
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_go(self):
        program = os.path.join(self.folder, "get")
        # Go's build cache doesn't know what pkg-config said, and would give the flags of an earlier prefix; CGO_LDFLAGS it knows.
        environment = golang.environment(CGO_ENABLED="1", PKG_CONFIG_PATH=self.env["PKG_CONFIG_PATH"],
                                         CGO_LDFLAGS="-L" + os.path.dirname(self.env["PKG_CONFIG_PATH"]))
        self.assertEqual(run(golang.compiler(), "vet", LIB + "/examples/get.go", env=environment), "")
        run(golang.compiler(), "build", "-o", program, LIB + "/examples/get.go", env=environment)
        self.assert_requests(program)
        self.fails(program, self.testbed.about["http"], status=1)

    def test_rust(self):
        program = os.path.join(self.folder, "get")
        rustc = shutil.which("rustc", path="/usr/bin:" + os.environ["PATH"])
        flags = run("pkg-config", "--libs", "wif", env=self.env).split()
        run(rustc, "--edition", "2021", "-D", "warnings", LIB + "/examples/get.rs", *flags, "-o", program)
        header = run(program, env=self.env)
        self.assertRegex(header, rf"^Authorization: Bearer {CANARY}\S+\n$")
        token = header.split()[2]
        self.assertEqual(run(program, env=self.env), header)
        self.assertNotEqual(run(program, hashlib.sha256(token.encode()).hexdigest(), env=self.env), header)
        self.assertEqual(self.testbed.exchanges(), 2)
        self.fails(program, status=3)

    def fails(self, *words, status):
        """With its words, and libwif's status where the program hands that on."""
        done = subprocess.run(words, env={**self.env, "WIF_PROFILE": "absent"}, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (status, ""))
        self.assertRegex(done.stderr, "profile.*absent")

    def test_node(self):
        found = run("node", "--input-type=module", "-e",
                    f"import {{ token }} from 'file://{os.path.realpath(LIB)}/examples/wif.mjs';"
                    "console.log(await token('prod'))", env=self.env)
        self.assertEqual(self.testbed.models(found.strip()), 200)


if __name__ == "__main__":
    main()
