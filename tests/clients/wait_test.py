# SPDX-License-Identifier: Apache-2.0
"""--wait: an identity that isn't there yet, since a sidecar is still starting or the kubelet has not mounted its token."""
import json
import os

from harness import Case, main


class Wait(Case):
    def hide(self):
        """The token isn't there yet; returns what brings it."""
        hidden = self.testbed.token_file + ".hidden"
        os.rename(self.testbed.token_file, hidden)
        return lambda: os.rename(hidden, self.testbed.token_file)

    def waiting(self, *words):
        """wif, once it has said that it waits."""
        process = self.start(words[0], "-v", "--wait", "1m", *words[1:])
        self.addCleanup(self.discard, process)
        lines = []
        while not lines or "waiting: " not in lines[-1]:
            lines.append(process.stderr.readline())
            self.assertTrue(lines[-1], f"it ended without waiting: {lines}")
        return process, lines

    def discard(self, process):
        """What an assertion that failed has left behind."""
        if process.returncode is None:
            process.kill()
            process.communicate()

    def end(self, process, code=0):
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, code, err)
        self.assertNotIn("wif-canary", err)
        return out

    def test_a_token_that_is_mounted_late(self):
        mount = self.hide()
        process, lines = self.waiting("get")
        self.assertIn("cannot read the token file " + self.testbed.token_file, lines[-1])
        mount()
        self.assertTrue(json.loads(self.end(process))["access_token"])
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_an_identity_that_no_provider_finds_yet(self):
        self.env["SPIFFE_ENDPOINT_SOCKET"] = "unix://" + os.path.join(self.folder, "late.sock")
        self.hide()
        process, lines = self.waiting("get")
        self.assertIn("late.sock does not exist", lines[-1])
        process.terminate()
        self.end(process, -15)
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_each_command_that_hands_out_a_credential(self):
        output = os.path.join(self.folder, "output")
        for words in (["token"], ["exec", "--", "printenv", "OPENAI_API_KEY"],
                      ["exec", "--refresh-file", output, "--", "printenv", "OPENAI_API_KEY"], ["write", "--output", output]):
            with self.subTest(words=words):
                mount = self.hide()
                process, _ = self.waiting(*words)
                mount()
                out = self.end(process)
                if words[0] == "write":
                    with open(output, encoding="ascii") as file:
                        out = file.read()
                self.assertTrue(out.startswith("wif-canary-at-"))
                self.plain("cache", "clear")

    def test_an_exchange_that_nobody_answers_yet(self):
        self.testbed.control("faults", path="/oauth/token", fault="status=503", count=-1)
        process, lines = self.waiting("get", "--timeout", "1s")
        self.assertIn("503", lines[-1])
        self.testbed.control("reset")
        self.assertTrue(json.loads(self.end(process))["access_token"])

    def test_it_never_comes(self):
        self.hide()
        process = self.start("get", "--wait", "1s")
        out, err = process.communicate(timeout=120)
        self.assertEqual((out, process.returncode), ("", 4))
        self.assertIn("cannot read the token file", err)

    def test_what_waiting_mends_not_is_said_at_once(self):
        self.testbed.control("config", mappings=[], strict_errors=True)
        self.wif("get", "--wait", "1h", code=5)
        self.assertEqual(self.testbed.exchanges(), 1)
        self.wif("get", "--wait", "1h", "--set", "subject.provider=nobody", code=3)
        for text in ("0s", "soon", "2h"):
            for words in (["get"], ["write", "--watch", "--output", "x"]):
                done = self.wif(*words, "--wait", text, code=2)
                self.assertIn(f"--wait {text}: not a time from 1s to 1h", done.stderr)


if __name__ == "__main__":
    main()
