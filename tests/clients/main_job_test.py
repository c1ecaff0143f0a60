# SPDX-License-Identifier: Apache-2.0
"""The main job as a user does it: a projected token becomes a cached credential."""
import hashlib
import json
import os
import pty
import signal
import stat
import subprocess
import time

from harness import CANARY, WIF, Case, main


class Get(Case):
    def test_exchanges_once_and_answers_from_disk(self):
        answer = json.loads(self.wif("get").stdout)
        self.assertTrue(answer["access_token"].startswith(CANARY))
        self.assertEqual((answer["version"], answer["token_type"], answer["profile"]), (1, "Bearer", "default"))
        self.assertRegex(answer["expires_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertTrue(0 < answer["expires_in"] <= 3600)
        self.assertEqual(json.loads(self.wif("get").stdout)["access_token"], answer["access_token"])
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_sends_what_the_specification_says(self):
        self.wif("get")
        last = self.testbed.control("last")
        body = last["body"] if isinstance(last["body"], dict) else json.loads(last["body"])
        self.assertEqual(sorted(body), ["grant_type", "identity_provider_id", "service_account_id", "subject_token",
                                        "subject_token_type"])
        self.assertEqual(body["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange")
        self.assertEqual(body["subject_token_type"], "urn:ietf:params:oauth:token-type:jwt")
        headers = {name.lower(): value for name, value in last["headers"].items()}
        self.assertEqual(headers["content-type"], "application/json")
        self.assertNotIn("authorization", headers)

    def test_client_id_is_sent_only_if_set(self):
        self.wif("get", "--set", "exchange.client_id=client-1")
        body = self.testbed.control("last")["body"]
        self.assertEqual((body if isinstance(body, dict) else json.loads(body))["client_id"], "client-1")

    def test_from_a_profile_over_https_with_a_ca_file(self):
        self.config(f"""
default_profile = "prod"
[profiles.prod]
subject = {{ provider = "file", path = "{self.testbed.token_file}" }}
[profiles.prod.exchange]
url = "{self.url(scheme='https')}"
ca_file = "{self.testbed.about['ca_file']}"
identity_provider_id = "idp_testbed"
service_account_id = "sa_scoped"
""")
        answer = json.loads(self.plain("get").stdout)
        self.assertEqual((answer["profile"], answer["scope"]), ("prod", "api.model.request"))

    def test_an_unknown_authority_is_refused_with_its_mend(self):
        url = self.url(scheme="https")
        done = self.plain("get", "--set", "exchange.url=" + url, code=6)
        self.assertIn("ca_file", done.stderr)

    def test_the_token_in_a_variable(self):
        with open(self.testbed.token_file, encoding="ascii") as file:
            self.env["MY_TOKEN"] = file.read()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.assertTrue(self.token("--set", "subject.provider=env", "--set", "subject.variable=MY_TOKEN"))

    def test_no_answer_outlives_the_subject_token(self):
        self.testbed.mint(ttl=700)
        self.testbed.control("config", expires_in=3600)
        self.assertLessEqual(json.loads(self.wif("get").stdout)["expires_in"], 700)

    def test_token_prints_the_bare_token(self):
        out = self.wif("token").stdout
        self.assertEqual(out.strip() + "\n", out)
        self.assertTrue(out.startswith(CANARY))

    def test_standard_error_is_empty_on_success(self):
        self.assertEqual(self.wif("get").stderr, "")
        self.assertEqual(self.wif("get").stderr, "")

    def test_verbose_shows_claims_and_no_token(self):
        done = self.wif("get", "-vv")
        self.assertIn("system:serviceaccount:default:openai-wif", done.stderr)


class Identity(Case):
    """A binding is whose credential a record is."""

    def test_another_identity_in_the_file_is_another_record(self):
        first = self.token()
        self.testbed.mint(claims={"sub": "system:serviceaccount:default:other"})
        second = self.token("--set", "exchange.service_account_id=sa_scoped")
        self.assertNotEqual(first, second)
        self.wif("get", code=6)  # the first mapping is not for this identity; its record isn't handed out
        self.assertEqual(len(self.records()), 2)

    def test_a_rotated_token_of_the_same_identity_still_hits(self):
        first = self.token()
        self.testbed.mint(ttl=3000)
        self.assertEqual(self.token(), first)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_an_expired_token_is_refused_here_and_not_sent(self):
        self.testbed.mint(ttl=-180, age=600)
        done = self.wif("get", code=4)
        self.assertIn("expired", done.stderr)
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_absent_and_empty_tokens(self):
        os.truncate(self.testbed.token_file, 0)
        self.assertIn("empty", self.wif("get", code=4).stderr)
        os.unlink(self.testbed.token_file)
        with self.assertRaises(FileNotFoundError):
            self.wif("get", code=4)


class Exec(Case):
    def test_gives_the_token_to_the_command_and_its_exit_code_back(self):
        done = self.wif("exec", "--", "sh", "-c", 'test "${#OPENAI_API_KEY}" -gt 20 && exit 7', code=7)
        self.assertEqual(done.stderr, "")

    def test_another_variable_and_a_warning_for_a_set_one(self):
        self.env["KEY"] = "old"
        done = self.wif("exec", "--env", "KEY", "--", "sh", "-c", 'test "$KEY" != old && echo yes')
        self.assertEqual(done.stdout, "yes\n")
        self.assertIn("KEY was already set", done.stderr)

    def test_is_the_command_itself(self):
        process = self.start("exec", "--", "sh", "-c", "echo ready; exec cat /dev/fd/9", pass_fds=())
        process.communicate()
        process = self.start("exec", "--", "sleep", "60")
        # It is `sleep` from the moment its name says so; a signal then ends sleep, not a parent of it.
        while open(f"/proc/{process.pid}/comm", encoding="ascii").read().strip() != "sleep":
            os.sched_yield()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).returncode, -signal.SIGTERM)

    def test_calls_the_api(self):
        script = ('printf "Authorization: Bearer %s" "$OPENAI_API_KEY" | '
                  f'curl -sS --fail -H @- {self.testbed.about["http"]}/v1/models')
        self.assertIn('"object"', self.wif("exec", "--", "sh", "-c", script).stdout)

    def test_a_command_that_is_not_there(self):
        process = self.finish(self.start("exec", "--", "/no/such/command"))
        self.assertEqual(process.returncode, 127)
        self.assertIn("/no/such/command", process.stderr)


class Write(Case):
    def setUp(self):
        super().setUp()
        self.output = os.path.join(self.folder, "out")

    def read(self):
        with open(self.output, encoding="ascii") as file:
            return file.read()

    def test_writes_a_private_file(self):
        self.wif("write", "--output", self.output)
        self.assertEqual(stat.S_IMODE(os.stat(self.output).st_mode), 0o600)
        self.assertEqual(self.read(), self.token())

    def test_formats_and_mode(self):
        token = self.token()
        for name, text in (("env", f"OPENAI_API_KEY={token}\n"), ("header", f"Authorization: Bearer {token}\n")):
            self.wif("write", "--output", self.output, "--format", name, "--mode", "0640")
            self.assertEqual(self.read(), text)
            self.assertEqual(stat.S_IMODE(os.stat(self.output).st_mode), 0o640)
        self.wif("write", "--output", self.output, "--mode", "0644", code=2)

    def test_a_failure_leaves_the_old_file(self):
        with open(self.output, "w", encoding="ascii") as file:
            file.write("old")
        self.wif("write", "--output", self.output, fault="status=401", code=5)
        self.assertEqual(self.read(), "old")

    def watch(self):
        return self.start("write", "--output", self.output, "--watch")

    def await_file(self, wanted):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if os.path.exists(self.output) and wanted(self.read()):
                return self.read()
            os.sched_yield()
        self.fail("the file did not come")

    def test_watch_renews_on_sighup_and_ends_on_sigterm(self):
        process = self.watch()
        first = self.await_file(bool)
        process.send_signal(signal.SIGHUP)
        self.await_file(lambda text: text != first)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).returncode, 0)

    def test_watch_survives_failures_while_the_old_token_lives(self):
        process = self.watch()
        first = self.await_file(bool)
        self.testbed.control("faults", fault="status=401", count=1)
        process.send_signal(signal.SIGHUP)
        self.testbed.control("wait", path="/oauth/token", count=2)
        self.assertEqual(self.read(), first)
        process.send_signal(signal.SIGHUP)
        self.await_file(lambda text: text != first)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).returncode, 0)


class CacheCommand(Case):
    def test_ls_clear_path(self):
        self.wif("get")
        listed = json.loads(self.plain("cache", "ls", "--json").stdout)
        self.assertEqual([row["state"] for row in listed["records"]], ["fresh"])
        self.assertEqual(listed["records"][0]["subject"], "system:serviceaccount:default:openai-wif")
        self.assert_no_token(json.dumps(listed) + self.plain("cache", "ls").stdout)
        self.assertEqual(self.plain("cache", "path").stdout.strip(), self.cache)
        self.assertEqual(json.loads(self.plain("cache", "clear", "--json").stdout)["removed"], 1)
        self.assertEqual(self.records(), [])

    def test_clear_of_a_profile_leaves_the_others(self):
        self.wif("get")
        self.assertEqual(self.plain("cache", "clear", "-p", "other").stdout, "0 removed\n")
        self.assertEqual(len(self.records()), 1)

    def test_clear_of_a_rejected_token_spares_a_newer_one(self):
        def clear(token):
            digest = hashlib.sha256(token.encode()).hexdigest()
            return json.loads(self.plain("cache", "clear", "--json", "--token-sha256", digest).stdout)["removed"]

        first = self.token()
        self.assertEqual(clear(first), 1)
        second = self.token()
        self.assertNotEqual(first, second)
        self.assertEqual(clear(first), 0)
        self.assertEqual(self.token(), second)
        self.assertIn("64 hexadecimal digits", self.plain("cache", "clear", "--token-sha256", "ab", code=2).stderr)


class Inspect(Case):
    def test_shows_the_token_without_an_exchange(self):
        for name in ("OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID"):
            del self.env[name]
        shown = json.loads(self.plain("inspect", "--json").stdout)
        self.assertEqual(shown["match"], {"sub": "system:serviceaccount:default:openai-wif"})
        self.assertEqual((shown["provider"], shown["concerns"]), ("file", []))
        text = self.plain("inspect").stdout
        self.assertIn("OPENAI_IDENTITY_TOKEN_FILE is set", text)
        with open(self.env["OPENAI_IDENTITY_TOKEN_FILE"], encoding="ascii") as file:
            self.assertNotIn(file.read().strip().split(".")[2], text + json.dumps(shown))
        self.assertEqual(self.records(), [])

    def test_an_expired_token_is_shown_all_the_same(self):
        token = self.testbed.control("mint", ttl=-540, age=600)
        with open(self.env["OPENAI_IDENTITY_TOKEN_FILE"], "w", encoding="ascii") as file:
            file.write(token)
        shown = self.plain("inspect", code=4)
        self.assertIn("! it expired 9 min ago", shown.stdout)
        self.assertIn("the subject token from provider 'file' expired 9 min ago; it was not sent", shown.stderr)
        shown = self.plain("inspect", "--json", code=4)
        self.assertIn("expired 9 min ago", json.loads(shown.stdout)["refused"])
        self.assertEqual(self.plain("subject", code=4).stdout, "")

    def test_subject_is_raw_and_never_on_a_terminal(self):
        with open(self.env["OPENAI_IDENTITY_TOKEN_FILE"], encoding="ascii") as file:
            token = file.read().strip()
        self.assertEqual(self.plain("subject").stdout, token + "\n")
        given = subprocess.run([WIF, "inspect", "-", "--json"], input=token, env=self.env, capture_output=True,
                               text=True, check=True)
        self.assertEqual(json.loads(given.stdout)["claims"]["aud"], ["https://api.openai.com/v1"])
        for words, expected in ((("subject",), "would be shown on this terminal"), (("subject", "--show-token"), token)):
            ours, theirs = pty.openpty()
            done = subprocess.run([WIF, *words], env=self.env, stdout=theirs, stderr=theirs, check=False)
            os.close(theirs)
            self.assertEqual(done.returncode, 2 if len(words) == 1 else 0)
            shown = b""
            while True:
                try:
                    part = os.read(ours, 65536)
                except OSError:  # the terminal's other side is closed
                    break
                if not part:
                    break
                shown += part
            os.close(ours)
            self.assertIn(expected, shown.decode())
            self.assertEqual(token in shown.decode(), len(words) == 2)


class Usage(Case):
    def test_mistakes_are_named(self):
        for words, code, expected in (
                (("gte",), 2, "did you mean `wif get`"),
                (("get", "--no-such"), 2, "--no-such"),
                (("get", "--profil", "x"), 2, "did you mean --profile"),
                (("get", "--timeout", "never"), 2, "--timeout"),
                (("get", "--set", "subject.audiance=x"), 3, "subject.audiance"),
                (("get", "-p", "nobody"), 3, "nobody"),
                (("exec",), 2, "no command"),
                (("write",), 2, "--output"),
                (("cache", "lss"), 2, "lss")):
            done = self.plain(*words, code=code)
            self.assertIn(expected, done.stderr)

    def test_help_reads_well_at_80_columns(self):
        texts = [self.plain("--help").stdout]
        for command in ("get", "token", "exec", "write", "inspect", "subject", "cache", "providers", "config"):
            texts.append(self.plain(command, "--help").stdout)
            self.assertIn("Examples:", texts[-1])
        for text in texts:
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_missing_ids_are_named_with_their_variables(self):
        del self.env["OPENAI_SERVICE_ACCOUNT_ID"]
        done = self.plain("get", code=3)
        self.assertIn("service_account_id", done.stderr)
        self.assertIn("OPENAI_SERVICE_ACCOUNT_ID", done.stderr)

    def test_options_may_come_before_the_command(self):
        done = subprocess.run([WIF, "--timeout", "5s", "--set", "exchange.url=" + self.url(), "get"], env=self.env,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0)

    def test_errors_as_json(self):
        done = self.plain("get", "-p", "nobody", "--log-format", "json", code=3)
        self.assertEqual(json.loads(done.stderr)["category"], "configuration")

    def test_providers_names_what_was_found(self):
        out = self.plain("providers").stdout
        self.assertRegex(out, r"\* file +40 +OPENAI_IDENTITY_TOKEN_FILE is set")
        self.assertRegex(out, r"  kubernetes +52 +AWS_WEB_IDENTITY_TOKEN_FILE is not set")
        self.assertRegex(out, r"  command +- +is never looked for")
        rows = json.loads(self.plain("providers", "--json").stdout)["findings"]
        self.assertEqual([row["provider"] for row in rows if row["taken"]], ["file"])
        self.assertIn({"provider": "command", "rank": None, "found": False, "taken": False,
                       "why": "is never looked for: name it in a profile"}, rows)
        self.assertIn("path", self.plain("providers", "file").stdout)
        self.plain("providers", "fiel", code=3)


if __name__ == "__main__":
    main()
