# SPDX-License-Identifier: Apache-2.0
"""Programs that were built once keep running: libwif's interface between two builds of it, and with what it was, by abidiff."""
import os
import subprocess
import tempfile
import unittest

from harness import BUILD, main

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
ABI = os.path.join(BUILD, "tests", "lib", "abi")
THEN = os.path.join(ABI, "libwif_abi_1_0.so")
NOW, OPTIMISED = (os.path.join(ABI, f"libwif_abi_{level}.so") for level in ("O0", "O2"))


class Abi(unittest.TestCase):
    def compare(self, one, other, *options):
        done = subprocess.run(["abidiff", "--exported-interfaces-only", *options, one, other], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def test_two_builds_have_the_same(self):
        code, report = self.compare(NOW, OPTIMISED)
        self.assertEqual(code, 0, report)

    def test_what_was_promised_is_there_still(self):
        """More may be."""
        code, report = self.compare(THEN, NOW, "--no-added-syms")
        self.assertEqual(code, 0, report)

    def test_another_parameter_and_a_missing_function_are_seen(self):
        """So that the silence above tells something."""
        changes = (("int64_t timeout_ms", "int32_t timeout_ms", r"function.* wif_reject\(.*\n.*\n.*int64_t"),
                   ("wif_credential_scope", "wif_credential_scopes", r"Removed function.*\n\n.* wif_credential_scope\b"))
        for before, after, expected in changes:
            with self.subTest(change=after), tempfile.TemporaryDirectory() as folder:
                changed = self.build(folder, before, after)
                code, report = self.compare(THEN, changed, "--no-added-syms")
                self.assertNotEqual(code, 0, report)
                self.assertRegex(report, expected)

    def build(self, folder, before, after):
        os.mkdir(os.path.join(folder, "wif"))
        sources = {"tests/lib/abi_1_0.c": "abi.c", "helper/include/wif/wif.h": "wif/wif.h", "helper/lib/libwif.map": "map"}
        for source, name in sources.items():
            with open(os.path.join(ROOT, source), encoding="utf-8") as file, \
                    open(os.path.join(folder, name), "w", encoding="utf-8") as copy:
                copy.write(file.read().replace(before, after))
        library = os.path.join(folder, "changed.so")
        subprocess.run(["cc", "-g", "-shared", "-fPIC", "-fvisibility=hidden", "-I", folder, os.path.join(folder, "abi.c"),
                        "-Wl,-soname,libwif.so.1", "-Wl,--version-script=" + os.path.join(folder, "map"), "-o", library],
                       check=True, timeout=120)
        return library


if __name__ == "__main__":
    main()
