# SPDX-License-Identifier: Apache-2.0
"""Provider modules of others, dropped into a folder: a good one in plain C, and those that are broken on purpose."""
import json
import os
import stat
import time

from harness import MODULES, SANITIZERS, Case, main


class Modules(Case):
    def setUp(self):
        super().setUp()
        self.modules = self.drop_in(*(os.path.join(MODULES, name) for name in os.listdir(MODULES)
                                      if name.endswith((".so", ".module"))))

    def provider(self, name, *words):
        return ("get", "--set", "subject.provider=" + name, "--set", "subject.path=" + self.testbed.token_file, *words)

    def broken(self, name, code, expected, *words):
        done = self.wif("get", "--set", "subject.provider=broken-" + name, *words, code=code)
        self.assertRegex(done.stderr, expected)
        self.assertEqual(self.records(), [])
        return done

    def test_a_module_in_plain_c_works_and_is_cached(self):
        first = self.wif(*self.provider("plain")).stdout
        self.assertEqual(self.wif(*self.provider("plain")).stdout.split(",")[1], first.split(",")[1])
        self.assertEqual(self.testbed.exchanges(), 1)
        self.assertIn("plain", self.plain("providers", "plain").stdout)

    def test_it_is_detected(self):
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.env["WIF_TEST_PLAIN_TOKEN_FILE"] = self.testbed.token_file
        self.assertIn("* plain", self.plain("providers").stdout)
        self.wif("get")

    def test_ties_are_explained(self):
        path = os.path.join(self.modules, "atie.module")
        with open(path, "w", encoding="ascii") as file:
            file.write('name = "atie"\n[[detect]]\nrank = 40\nvariables = ["OPENAI_IDENTITY_TOKEN_FILE"]\n')
        os.chmod(path, 0o644)
        self.env["VERCEL_OIDC_TOKEN"] = "x"
        out = self.plain("providers").stdout
        self.assertRegex(out, r"\* atie +40 +OPENAI_IDENTITY_TOKEN_FILE is set")
        self.assertRegex(out, r"\+ file +40 +OPENAI_IDENTITY_TOKEN_FILE is set")
        self.assertIn("atie and file share rank 40: the first by name is taken.", out)
        self.assertIn("atie (rank 40) is asked before env (rank 48).", out)

    def test_wrong_tables(self):
        self.broken("abi", 70, "interface version 99")
        self.broken("null", 70, "interface|version|table")
        self.broken("symbol", 70, "wif_provider_init")
        self.broken("undefined", 3, "cannot|load")
        self.broken("size", 70, "small|size")
        self.broken("name", 70, "somebody-else")

    def test_a_crash_is_told_with_the_modules_name(self):
        for name in SANITIZERS:  # the crash is to be the kernel's, as in a release
            self.sanitizer_option(name, "handle_segv=0")
        self.assertIn("signal 11", self.broken("crash", 70, "broken-crash").stderr)

    def test_endless_sleep_ends_with_the_time_allowed(self):
        begin = time.monotonic()
        self.broken("sleep", 6, "broken-sleep", "--timeout", "1s")
        self.assertLess(time.monotonic() - begin, 30)

    def test_broken_promises(self):
        self.broken("silent", 70, "broken-silent")
        self.broken("code", 70, "broken-code")
        self.broken("exit", 70, "broken-exit|wif-engine")
        self.broken("unset", 70, "broken-unset")

    def probed(self, code, name, *words):
        """What doctor says of the source, and as the cause."""
        done = self.finish(self.start("doctor", "--json", "--set", "subject.provider=" + name, *words))
        self.assertEqual(done.returncode, code, done.stdout)
        answer = json.loads(done.stdout)
        return [step for step in answer["steps"] if step["id"] == "source"], answer["cause"]

    def test_what_a_module_says_of_its_source(self):
        def probed(code, path):
            return self.probed(code, "plain", "--set", "subject.path=" + path)

        os.chmod(self.testbed.token_file, 0o600)
        [step], cause = probed(0, self.testbed.token_file)
        self.assertEqual((step["status"], step["checked"], step["found"], cause), ("ok", "file: the token file", "there", None))
        os.chmod(self.testbed.token_file, 0o604)
        [step], cause = probed(0, self.testbed.token_file)
        self.assertEqual((step["status"], step["mend"], cause), ("warn", "chmod o-r the file", None))
        [step], cause = probed(5, os.path.join(self.folder, "absent"))
        self.assertEqual((step["status"], step["category"], step["certain"]), ("fail", "no identity", True))
        self.assertEqual((cause["step"], cause["summary"]), ("source", "the token file is not there"))
        self.assertIn("change subject.path", cause["mend"])

    def test_a_probe_that_breaks_its_promise_costs_no_token(self):
        steps, _ = self.probed(5, "broken-probe")
        self.assertEqual([step["status"] for step in steps], ["fail", "warn"])
        self.assertIn("broken-probe", steps[1]["cause"])
        self.assertIn("without saying why", steps[1]["cause"])

    def test_unusable_tokens(self):
        for name in ("empty", "linebreak"):
            done = self.finish(self.start("get", "--set", "subject.provider=broken-" + name))
            self.assertIn(done.returncode, (4, 70), done.stderr)
            self.assertIn("broken-" + name, done.stderr)
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_what_a_module_prints_is_no_part_of_the_answer(self):
        done = self.finish(self.start("get", "--set", "subject.provider=broken-stdout"))
        self.assertNotIn("broken", done.stdout)

    def test_files_that_others_can_write_are_refused(self):
        for name in ("wif-provider-plain.so", "plain.module"):
            path = os.path.join(self.modules, name)
            os.chmod(path, 0o666)
            done = self.wif(*self.provider("plain", "--no-cache"), code=3)
            self.assertIn(name, done.stderr)
            self.assertIn("chmod", done.stderr)
            os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        os.chmod(self.modules, 0o777)
        self.wif(*self.provider("plain", "--no-cache"), code=3)

    def test_an_unknown_provider_has_the_nearest_name(self):
        self.assertIn("plain", self.wif(*self.provider("plian"), code=3).stderr)


if __name__ == "__main__":
    main()
