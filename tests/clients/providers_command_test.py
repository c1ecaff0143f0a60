# SPDX-License-Identifier: Apache-2.0
"""Provider command: what a program may print, and every way in which it may fail, through to an exchange."""
import json
import os
import select
import signal
import time

from harness import Case, main


class Command(Case):
    def setUp(self):
        super().setUp()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.calls = os.path.join(self.folder, "calls")

    def script(self, body, extra=""):
        """A profile whose program is this shell script; each run is counted."""
        path = os.path.join(self.folder, "program")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho run >> '{self.calls}'\n{body}\n")
        os.chmod(path, 0o755)
        self.config(f"""
[profiles.default]
subject = {{ provider = "command", args = ["{path}", "--audience", "a b;$HOME"]{extra} }}
exchange = {{ url = "{self.url()}" }}
""")

    def runs(self):
        with open(self.calls, encoding="ascii") as file:
            return len(file.read().splitlines())

    def refused(self, code, *expected, words=()):
        done = self.plain("get", *words, code=code)
        self.assertLessEqual(len(done.stderr.splitlines()), 2, done.stderr)
        for text in expected:
            self.assertIn(text, done.stderr)
        self.assertEqual((done.stdout, self.records(), self.testbed.exchanges()), ("", [], 0))
        return done

    def token_type(self):
        return self.testbed.control("last")["body"]["subject_token_type"]

    def test_a_bare_token_runs_the_program_once(self):
        self.script(f'test "$2" = \'a b;$HOME\' || exit 9; cat {self.testbed.token_file}')
        first = json.loads(self.plain("get").stdout)
        self.assertEqual(json.loads(self.plain("get").stdout)["access_token"], first["access_token"])
        self.assertEqual((self.runs(), self.testbed.exchanges()), (1, 1))
        self.assertEqual(self.token_type(), "urn:ietf:params:oauth:token-type:jwt")

    def test_token_and_expiry(self):
        until = int(time.time()) + 600
        for text in (str(until), json.dumps(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until)))):
            self.script(f"""printf '{{"token":"%s","expires_at":{text}}}' "$(cat {self.testbed.token_file})\"""")
            answer = json.loads(self.plain("get", "--no-cache").stdout)
            self.assertLessEqual(answer["expires_in"], 600)

    def test_googles_response(self):
        self.script("""printf '{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:id_token",'"""
                     f"""'"id_token":"%s","expiration_time":%d}}' "$(cat {self.testbed.token_file})" 9999999999""")
        self.plain("get")
        self.assertEqual(self.token_type(), "urn:ietf:params:oauth:token-type:id_token")

    def test_googles_refusal(self):
        self.script("""echo '{"version":1,"success":false,"code":"401","message":"Caller not authorized."}'; exit 1""")
        self.refused(5, "said no: code 401: Caller not authorized.")

    def test_an_expired_answer_is_not_sent(self):
        self.script(f"""printf '{{"token":"%s","expires_at":"2020-01-01T00:00:00Z"}}' "$(cat {self.testbed.token_file})\"""")
        self.refused(4, "expired")
        self.testbed.mint(ttl=-60, age=600)
        self.script(f"cat {self.testbed.token_file}")
        self.refused(4, "expired")

    def test_what_is_no_answer(self):
        for body, expected in (("true", "printed nothing"), ("echo", "printed nothing"),
                               ("echo '<html><body>Sign in</body></html>'", "neither one token nor a JSON object"),
                               ("echo please log in", "neither one token nor a JSON object"),
                               (f"head -c 40 {self.testbed.token_file}", "subject token"),
                               (f"cat {self.testbed.token_file} {self.testbed.token_file}", ""),
                               (f"printf '{{\"token\":\"%s' $(cat {self.testbed.token_file})", "broken JSON"),
                               ("echo '{}'", "without a token"), ("echo '{\"token\":\"\"}'", "without a token"),
                               ("exec yes", "more than 1 MiB"), ("echo opaque", "subject token")):
            with self.subTest(body=body):
                self.script(body)
                self.refused(4, expected)

    def test_another_audience_is_refused_by_the_exchange(self):
        self.testbed.mint(audience="other")
        self.script(f"cat {self.testbed.token_file}")
        self.plain("get", code=6)
        self.assertEqual(self.testbed.control("last")["outcome"], "wrong_audience")
        self.assertEqual(self.records(), [])

    def test_a_failure_shows_status_and_errors_without_tokens(self):
        self.script(f"cat {self.testbed.token_file}; echo \"not logged in: $(cat {self.testbed.token_file})\" >&2; exit 3")
        self.refused(4, "ended with exit status 3: not logged in: [redacted]")
        self.script("printf '%s %s' \"$SECRET\" x >&2; kill -KILL $$", ', environment = ["SECRET"]')
        self.env["SECRET"] = "hunter2-hunter2"
        done = self.refused(4, "was ended by signal 9", "[redacted] x")
        self.assertNotIn("hunter2", done.stderr)

    def test_what_is_said_in_another_encoding_is_no_trouble_of_its_own(self):
        self.script("printf 'session pr\\351e \\233' >&2; exit 3")
        self.refused(4, "ended with exit status 3: session pr?e ?")

    def test_programs_that_cannot_run(self):
        for args, expected in (("./x", "relative path"), ("no-such-program", "there is no program"),
                               ("/no/such", "No such file"), (self.folder, "Permission denied"), ("", "args")):
            done = self.plain("get", "--set", "subject.provider=command", "--set", "subject.args=" + args, code=3)
            self.assertIn(expected, done.stderr)
        self.plain("get", "--set", "subject.provider=command", code=3)

    def test_it_is_never_found_by_itself(self):
        self.assertIn("command", self.plain("providers").stdout)
        self.assertNotRegex(self.plain("providers").stdout, r"[*+] command")

    def hangs(self):
        """A program that hangs with a child of its own, both of which tell their ids."""
        ids = os.path.join(self.folder, "ids")
        os.mkfifo(ids)
        self.script(f"sleep 1000 & echo $$ $! > {ids}; wait", ', timeout = "1000s"')
        return ids

    def await_end(self, process):
        """Of a descriptor: pidfd_open(2)."""
        self.assertTrue(select.select([process], [], [], 60)[0], "it lives on")
        os.close(process)

    def test_the_deadline_ends_the_program_and_its_children(self):
        ids = self.hangs()
        process = self.start("get", "--timeout", "2s")
        with open(ids, encoding="ascii") as file:
            programs = [os.pidfd_open(int(pid)) for pid in file.read().split()]
        done = self.finish(process)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("did not finish within the time allowed and was killed", done.stderr)
        for program in programs:
            self.await_end(program)
        self.assertEqual(self.records(), [])

    def test_its_own_timeout_is_a_setting(self):
        self.script("exec sleep 1000", ', timeout = "1s"')
        began = time.monotonic()
        self.refused(6, "did not finish", words=("--timeout", "60s"))
        self.assertLess(time.monotonic() - began, 30)

    def test_an_ended_engine_leaves_no_program_behind(self):
        ids = self.hangs()
        process = self.start("get", "--timeout", "60s", start_new_session=True)
        with open(ids, encoding="ascii") as file:
            pid, child = map(int, file.read().split())
        program = os.pidfd_open(pid)
        self.addCleanup(os.kill, child, signal.SIGKILL)  # the kernel ends the program only
        os.killpg(process.pid, signal.SIGKILL)  # as Ctrl-C, which the program is out of reach of
        self.finish(process)
        self.await_end(program)

    def test_a_chosen_variable_decides_whose_record_it_is(self):
        self.script(f"cat {self.testbed.token_file}", ', environment = ["WHO"]')
        self.env["WHO"] = "first"
        self.plain("get")
        self.plain("get")
        self.assertEqual(self.runs(), 1)
        self.env["WHO"] = "second"
        self.plain("get")
        self.assertEqual((self.runs(), len(self.records())), (2, 2))
        self.env["UNCHOSEN"] = "x"
        self.plain("get")
        self.env["HOME"] = os.path.join(self.folder, "another-home")
        self.plain("get")
        self.assertEqual(self.runs(), 3)

    def test_the_environment_is_clean(self):
        self.env.update(CHOSEN="c", LD_LIBRARY_PATH="/x", OPENAI_API_KEY="k", LANG="C")
        self.script(f'test -z "$OPENAI_API_KEY$LD_LIBRARY_PATH$WIF_CONFIG$OPENAI_SERVICE_ACCOUNT_ID" && '
                     f'test "$CHOSEN-$SET-$LANG" = c-s-C && test "$HOME" && cat {self.testbed.token_file}',
                     ', environment = ["CHOSEN", "SET=s"]')
        self.plain("get")

    def test_claims_are_shown_and_no_token(self):
        self.script(f"cat {self.testbed.token_file}; echo talk >&2")
        done = self.plain("get", "-vv")
        self.assertIn("sub=system:serviceaccount:default:openai-wif", done.stderr)


if __name__ == "__main__":
    main()
