# SPDX-License-Identifier: Apache-2.0
"""libwif as it is installed: from a prefix, by pkg-config, in the languages of helper/lib/examples; and what it exports."""
import os
import re
import shutil
import subprocess
import sys
import unittest

from harness import BUILD, Case, main

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LIB = os.path.join(ROOT, "helper", "lib")


def run(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **options)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


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

    def test_c(self):
        flags = run("pkg-config", "--cflags", "--libs", "wif", "libcurl", env=self.env).split()
        program = os.path.join(self.folder, "get")
        run(os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", LIB + "/examples/get.c",
            *flags, "-o", program)
        url = self.testbed.about["http"].rstrip("/") + "/v1/models"
        self.assertIn('"object"', run(program, url, env=self.env))
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_python(self):
        self.env.update(PYTHONPATH=LIB + "/examples", PYTHONDONTWRITEBYTECODE="1")
        found = run(sys.executable, "-c", "import wif; key = wif.api_key('prod'); print(key()); print(key())", env=self.env)
        self.assertEqual(len(set(found.split())), 1)
        self.assertEqual(self.testbed.models(found.split()[0]), 200)
        self.assertEqual(self.testbed.exchanges(), 1)
        said = run(sys.executable, "-c", "import wif\ntry: wif.token('absent')\nexcept wif.Error as e: print(e.status, e)",
                   env=self.env)
        self.assertRegex(said, r"^3 .*absent")

    @unittest.skipUnless(shutil.which("node"), "there is no node here")
    def test_node(self):
        found = run("node", "--input-type=module", "-e",
                    f"import {{ token }} from 'file://{os.path.realpath(LIB)}/examples/wif.mjs';"
                    "console.log(await token('prod'))", env=self.env)
        self.assertEqual(self.testbed.models(found.strip()), 200)


if __name__ == "__main__":
    main()
