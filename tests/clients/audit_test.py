# SPDX-License-Identifier: Apache-2.0
"""The audit log: who asked, for which profile, hit or exchange; no token; and never in the way of an answer."""
import json
import os
import stat
import unittest

import harness


class Audit(harness.Case):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder, "audit.log")
        self.audit(self.path)

    def audit(self, place):
        self.config(f"[profiles.prod]\naudit = {json.dumps(place)}\n"
                    f"subject = {{ provider = \"file\", path = {json.dumps(self.testbed.token_file)} }}\n")

    def lines(self):
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        self.assert_no_token(text)
        return [json.loads(line) for line in text.splitlines()]

    def test_says_who_asked_and_what_came(self):
        process = self.start("get")
        self.finish(process)
        self.wif("get")
        first, second = self.lines()
        self.assertEqual([first["outcome"], second["outcome"]], ["exchange", "hit"])
        self.assertEqual((first["profile"], first["uid"], first["pid"]), ("prod", os.getuid(), process.pid))
        self.assertEqual(first["executable"], os.path.realpath(self.program))
        self.assertEqual((first["parent_pid"], first["parent_executable"]), (os.getpid(), os.readlink("/proc/self/exe")))
        self.assertRegex(first["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_a_failure_is_one_too(self):
        self.testbed.mint(ttl=-60, age=3600)
        self.wif("get", code=4)
        self.assertEqual(self.lines()[0]["outcome"], "failed")

    def test_appends(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write('{"outcome":"before"}\n')
        self.wif("get")
        self.assertEqual([line["outcome"] for line in self.lines()], ["before", "exchange"])

    def test_lines_of_many_at_once_stay_whole(self):
        self.wif("get")
        for process in [self.start("get") for _ in range(20)]:
            self.finish(process)
        self.assertEqual([line["outcome"] for line in self.lines()], ["exchange"] + ["hit"] * 20)

    def test_what_can_not_be_written_keeps_no_answer_back(self):
        target = os.path.join(self.folder, "elsewhere")
        os.symlink(target, os.path.join(self.folder, "link"))
        os.mkfifo(os.path.join(self.folder, "fifo"))
        for place in ("absent/audit.log", "link", "fifo"):
            with self.subTest(place=place):
                self.audit(os.path.join(self.folder, place))
                done = self.wif("get")
                self.assertTrue(json.loads(done.stdout)["access_token"])
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn("audit log", done.stderr)
        self.assertFalse(os.path.exists(target))

    @unittest.skipIf(os.path.exists("/dev/log"), "a syslog daemon runs here")
    def test_no_syslog_daemon_is_one_line(self):
        self.audit("syslog")
        done = self.wif("get")
        self.assertIn("/dev/log", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_a_relative_path_is_a_mistake(self):
        self.audit("audit.log")
        self.assertIn("absolute", self.wif("get", code=3).stderr)


if __name__ == "__main__":
    harness.main()
