# SPDX-License-Identifier: Apache-2.0
"""wif status: all profiles at a glance, what is kept of a failure, and the textfile collector's file."""
import json
import os
import re
import stat

import harness


class Status(harness.Case):
    def setUp(self):
        super().setUp()
        self.exchange = {"good": self.url(), "bad": self.url()}
        self.write()

    def write(self, account="sa_other"):
        self.config("".join(
            f"[profiles.{name}]\nsubject = {{ provider = \"file\", path = {json.dumps(self.testbed.token_file)} }}\n"
            f"exchange = {{ url = {json.dumps(self.url())}, identity_provider_id = \"idp_testbed\", service_account_id = \"{account}\" }}\n"
            for name, account in (("good", "sa_testbed"), ("bad", account))))

    def status(self):
        return {row["profile"]: row for row in json.loads(self.plain("status", "--json").stdout)["profiles"]}

    def fail_once(self):
        self.testbed.control("config", strict_errors=True)
        self.plain("get", "-p", "bad", code=5)

    def test_nothing_cached_yet(self):
        self.assertEqual({row["state"] for row in self.status().values()}, {"no record"})

    def test_shows_record_identity_and_next_refresh(self):
        self.plain("get", "-p", "good")
        row = self.status()["good"]
        self.assertEqual((row["state"], row["provider"], row["exchange"]), ("fresh", "file", "openai"))
        self.assertEqual(row["identity"], "system:serviceaccount:default:openai-wif")
        self.assertGreater(row["expires_at"], row["refresh_at"])
        self.assertIn("refresh due in", self.plain("status").stdout)

    def test_keeps_the_last_failure_with_its_step_code_and_request_until_it_succeeds(self):
        self.fail_once()
        failure = self.status()["bad"]["last_failure"]
        self.assertEqual((failure["step"], failure["category"], failure["attempts"]), ("exchange", "refused", 1))
        self.assertTrue(failure["code"])
        self.assertTrue(failure["request_id"])
        self.assertRegex(failure["at"], r"^\d{4}-\d\d-\d\dT")
        self.assertIn("in step exchange", self.plain("status").stdout)
        self.testbed.control("config", mappings=[{"provider": "idp_testbed", "service_account": "sa_other",
                                                  "rows": {"sub": "system:serviceaccount:default:*"}}])
        self.plain("cache", "clear", "-p", "bad")
        self.plain("get", "-p", "bad")
        self.assertNotIn("last_failure", self.status()["bad"])

    def test_a_source_that_fails_is_the_step_provider(self):
        with open(self.testbed.token_file, "w", encoding="ascii") as file:
            file.write("no jwt")
        self.plain("get", "-p", "good", code=4)
        self.assertEqual(self.status()["good"]["last_failure"]["step"], "provider")

    def test_one_unusable_profile_hides_no_other(self):
        with open(self.env["WIF_CONFIG"], "a", encoding="utf-8") as file:
            file.write("[profiles.odd]\nsubject = { provider = \"nonesuch\" }\n")
        rows = self.status()
        self.assertEqual(rows["odd"]["state"], "unusable")
        self.assertIn("nonesuch", rows["odd"]["problem"])
        self.assertIn("good", rows)

    def test_writes_a_file_for_the_textfile_collector(self):
        self.plain("get", "-p", "good")
        self.fail_once()
        path = os.path.join(self.folder, "wif.prom")
        self.assertEqual(self.plain("status", "--prometheus", path).stdout, "")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) wif_\w+ .+|wif_\w+\{profile=\"\w+\"\} -?\d+)$")
        self.assertTrue(text.endswith("\n"))
        values = dict(re.findall(r"^(wif_\w+\{profile=\"\w+\"\}) (-?\d+)$", text, re.M))
        self.assertGreater(int(values['wif_expiry_seconds{profile="good"}']), 0)
        self.assertEqual(values['wif_usable{profile="bad"}'], "0")
        self.assertEqual(values['wif_failures_in_a_row{profile="bad"}'], "1")
        self.assertNotIn('wif_last_failure_timestamp_seconds{profile="good"}', values)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o644)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("wif.prom.")], [])

    def test_fetches_nothing(self):
        self.status()
        self.assertEqual(self.testbed.exchanges(), 0)


if __name__ == "__main__":
    harness.main()
