# SPDX-License-Identifier: Apache-2.0
"""-v, -vv, WIF_LOG and --log-format: what was done and how long it took, and never a body or a query."""
import json

import harness

SECRET = "query-secret"


class Logs(harness.Case):
    def lines(self, *words):
        done = self.wif("get", "--log-format", "json", *words)
        return [json.loads(line) for line in done.stderr.splitlines()]

    def test_quiet_without_being_asked(self):
        self.assertEqual(self.wif("get").stderr, "")

    def test_each_line_has_time_level_and_where(self):
        lines = self.lines("-vv")
        for line in lines:
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            self.assertIn(line["level"], ("info", "debug"))
            if line["source"] == "wif-engine":
                self.assertIn(line["step"], ("start", "provider", "exchange"))
                self.assertGreaterEqual(line["ms"], 0)

    def test_says_what_http_was_done(self):
        line, = [line["http"] for line in self.lines("-vv") if "http" in line]
        self.assertEqual((line["method"], line["path"], line["status"]), ("POST", "/oauth/token", 200))
        self.assertIn("127.0.0.1", line["host"])
        self.assertGreater(line["bytes"], 0)

    def test_in_text_too_and_without_the_query(self):
        process = self.start("get", "-vv", fault="none&x=" + SECRET)
        err = self.finish(process).stderr
        self.assertRegex(err, r"wif: debug: \S+Z exchange \+\d+ ms: POST 127\.0\.0\.1:\d+/oauth/token: HTTP \d+, \d+ bytes, \d+ ms")
        self.assertNotIn(SECRET, err)

    def test_a_hit_says_so(self):
        self.wif("get")
        self.assertIn("from the cache", self.wif("get", "-v").stderr)

    def test_the_environment_says_it_and_the_option_comes_first(self):
        self.env["WIF_LOG"] = "debug"
        self.assertIn("HTTP 200", self.wif("get", "--no-cache").stderr)
        self.assertNotIn("HTTP 200", self.wif("get", "--no-cache", "-v").stderr)
        self.env["WIF_LOG"] = "info"
        self.assertIn("issued a credential", self.wif("get", "--no-cache").stderr)
        self.env["WIF_LOG"] = "loud"
        self.assertIn("WIF_LOG is loud", self.wif("get").stderr)

    def test_errors_only(self):
        self.env.update(WIF_CACHE_DIR="/dev/null/none")
        self.assertIn("nothing is cached", self.wif("get").stderr)
        self.env["WIF_LOG"] = "error"
        self.assertEqual(self.wif("get").stderr, "")


if __name__ == "__main__":
    harness.main()
