# SPDX-License-Identifier: Apache-2.0
"""wif wrap around helpers that are like those in the field (wrap_callers_test.py has the clients that call them). Every secret that
a helper prints begins with the canary, so that each run also shows that none of them comes out on stderr."""
import fcntl
import hashlib
import json
import os
import select
import signal
import stat
import subprocess
import time

from harness import CANARY, main
from wrapping import WrapCase, at, jwt

CROWD = 50


class Forms(WrapCase):
    def assert_cached(self, output, expiry, *options, name="helper"):
        helper = self.prints(output, name)
        printed = output.replace("%N", "1").encode()
        for _ in range(3):
            self.assertEqual(self.wrap(*options, "--", helper, "arg"), printed)
        self.assertEqual(self.runs(), 1)
        self.assertEqual([record["credential"]["expires_at"] for record in self.read_files(".json")], [expiry])

    def soon(self):
        return int(time.time()) + 3600

    def rfc3339(self, seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    def test_like_aws(self):
        expiry = self.soon()
        self.assert_cached(
            f'{{\n  "Version": 1,\n  "AccessKeyId": "AKIA%N",\n  "SecretAccessKey": "{CANARY}1",\n'
            f'  "SessionToken": "{CANARY}2/+é",\n  "Expiration": "{self.rfc3339(expiry)}"\n}}\n', expiry)

    def test_like_a_kubectl_plugin(self):
        expiry = self.soon()
        self.assert_cached(json.dumps({"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1beta1",
                                       "status": {"token": CANARY + "%N", "expirationTimestamp": self.rfc3339(expiry)}}), expiry)

    def test_like_googles_executables(self):
        expiry = self.soon()
        self.assert_cached(json.dumps({"version": 1, "success": True, "token_type": "urn:ietf:params:oauth:token-type:jwt",
                                       "id_token": CANARY + "%N", "expiration_time": expiry}), expiry)

    def test_like_gcloud(self):
        """gcloud auth print-identity-token: a JWT and a line end."""
        expiry = self.soon()
        self.assert_cached(jwt({"exp": expiry}) + "\n", expiry)

    def test_like_git(self):
        expiry = self.soon()
        self.assert_cached(f"username=u%N\npassword={CANARY}=\npassword_expiry_utc={expiry}\n", expiry)

    def test_token_and_expires_at(self):
        expiry = self.soon()
        self.assert_cached(f' {{"token":"{CANARY}%N","expires_at":{expiry}}}\n\n', expiry)

    def test_like_vault(self):
        """A bare token that says nothing of its end: kept for --ttl, and not without."""
        helper = self.prints(f"{CANARY}%N\n")
        self.assertEqual(self.wrap("--", helper), f"{CANARY}1\n".encode())
        self.assertEqual(self.last_error, "")
        self.assertEqual(self.wrap("-v", "--", helper), f"{CANARY}2\n".encode())
        self.assertIn("helper's answer has no expiry, so it isn't cached: say with --ttl", self.last_error)
        self.assertEqual(self.records(), [])
        before = int(time.time())
        for _ in range(2):
            self.assertEqual(self.wrap("--ttl", "10m", "--", helper), f"{CANARY}3\n".encode())
        record = self.read_files(".json")[0]["credential"]
        self.assertEqual(record["expires_at"] - record["issued_at"], 600)
        self.assertGreaterEqual(record["issued_at"], before)

    def test_like_docker(self):
        answer = json.dumps({"ServerURL": "https://r", "Username": "u", "Secret": CANARY + "%N"})
        helper = self.prints(answer)
        for _ in range(2):
            self.assertEqual(json.loads(self.wrap("--stdin", "--ttl", "5m", "--", helper, "get", given=b"https://r"))["Secret"],
                             CANARY + "1")

    def test_min_ttl_is_the_least_life_left(self):
        """A quarter of the life at most, as everywhere in the cache."""
        helper = self.prints(f'{{"token":"{CANARY}%N","expires_at":"{at(3600)}"}}')
        self.wrap("--min-ttl", "15m", "--", helper)
        self.wrap("--min-ttl", "15m", "--", helper)
        self.assertEqual(self.runs(), 1)

        self.age(46 * 60)  # 14 minutes are left
        self.wrap("--refresh", "off", "--min-ttl", "10m", "--", helper)
        self.assertEqual(self.runs(), 1)
        self.wrap("--min-ttl", "15m", "--", helper)
        self.assertEqual(self.runs(), 2)


class Keys(WrapCase):
    def test_each_part_has_a_record_of_its_own(self):
        helper = self.prints(f"{CANARY}%N")
        other = self.prints(f"{CANARY}%N", "other")
        calls = [("--", helper), ("--", other), ("--", helper, "a"), ("--", helper, "a", ""), ("--env", "ROLE", "--", helper)]
        for _ in range(2):
            for call in calls:
                self.wrap("--ttl", "1h", *call)
        self.assertEqual(self.runs(), len(calls))
        self.env["ROLE"] = "x"
        self.wrap("--ttl", "1h", "--", helper)
        self.assertEqual(self.runs(), len(calls))
        self.wrap("--ttl", "1h", "--env", "ROLE", "--", helper)
        self.assertEqual(self.runs(), len(calls) + 1)
        self.env["KUBERNETES_EXEC_INFO"] = '{"apiVersion":"client.authentication.k8s.io/v1"}\n'
        self.wrap("--ttl", "1h", "--", helper)
        self.assertEqual(self.runs(), len(calls) + 2)

    def test_standard_input_is_read_only_when_asked_for(self):
        """wrap() gives an input that never ends."""
        helper = self.helper(f"printf '{CANARY}%s' $(cat | wc -c)")
        self.assertEqual(self.wrap("--ttl", "1h", "--", helper), CANARY.encode() + b"0")
        for given in (b"", b"a", b"b", b"x" * 300_000):
            for _ in range(2):
                self.assertEqual(self.wrap("--stdin", "--ttl", "1h", "--", helper, given=given), f"{CANARY}{len(given)}".encode())
        self.assertEqual(self.runs(), 5)
        self.wrap("--stdin", "--timeout", "1s", "--", helper, code=2)
        self.assertIn("cannot read standard input to its end", self.last_error)
        self.wrap("--stdin", "--", helper, code=2, given=b"x" * (1024 * 1024 + 1))
        self.assertIn("larger than 1 MiB", self.last_error)
        self.assertEqual(self.runs(), 5)

    def test_nothing_of_them_is_in_clear_on_disk(self):
        self.env["ROLE"] = "S3CRET-of-env"
        for script in (f"printf {CANARY}", f"echo no: S3CRET-of-input S3CRET-of-env {jwt({})} >&2; exit 1"):
            self.wrap("--stdin", "--ttl", "1h", "--env", "ROLE", "--", "/bin/sh", "-c", f": S3CRET-of-args; {script}",
                      given=b"password=S3CRET-of-input", code=1 if "exit" in script else 0)
        self.assertEqual({os.path.splitext(name)[1] for name in os.listdir(self.cache)}, {".json", ".failure", ".lock"})
        for name in os.listdir(self.cache):
            path = os.path.join(self.cache, name)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            self.assertNotIn("S3CRET", text)
            self.assertNotIn("eyJ", text)
            self.assertEqual(text.count(CANARY), 1 if name.endswith(".json") else 0)
        self.assertIn("no: [redacted] [redacted] [redacted]", self.read_files(".failure")[0]["message"])

    def assert_no_token(self, text):
        if "S3CRET-of-input" not in text:  # what a helper itself says on stderr goes on as it is
            super().assert_no_token(text)


class Failures(WrapCase):
    def test_status_and_errors_pass_and_it_is_not_hammered(self):
        helper = self.helper("echo 'ask the admin' >&2; echo half; exit 42")
        self.assertEqual(self.wrap("--", helper, code=42), b"")
        self.assertEqual(self.last_error, "ask the admin\nwif: helper ended with exit status 42\n")
        self.prolong_pauses()
        self.assertEqual(self.wrap("--", helper, code=42), b"")
        self.assertIn("wif: helper ended with exit status 42: ask the admin (", self.last_error)
        self.assertEqual(self.runs(), 1)
        self.end_pauses()
        self.wrap("--", helper, code=42)
        self.assertEqual(self.runs(), 2)
        self.wrap("--no-cache", "--", helper, code=42)
        self.assertEqual(self.runs(), 3)

    def test_a_recovered_helper_answers(self):
        helper = self.helper(f"test $n -gt 1 || exit 1; echo {CANARY}")
        self.wrap("--ttl", "1h", "--", helper, code=1)
        self.end_pauses()
        self.assertEqual(self.wrap("--ttl", "1h", "--", helper), CANARY.encode() + b"\n")
        self.assertEqual(self.read_files(".failure"), [])

    def test_a_signal_is_the_shells_status(self):
        self.wrap("--", self.helper("kill -TERM $$"), code=143)
        self.assertIn("helper was ended by signal 15 (Terminated)", self.last_error)

    def test_programs_that_cant_be_run(self):
        self.wrap("--", "no-such-program", code=127)
        self.wrap("--", "/no/such/program", code=127)
        self.wrap("--", self.folder, code=126)
        with open(self.path("text"), "w", encoding="ascii") as file:
            file.write("echo x\n")
        os.chmod(self.path("text"), 0o755)
        self.wrap("--", self.path("text"), code=126)
        self.assertIn("#!/bin/sh", self.last_error)

    def test_usage(self):
        for words in ((), ("--",), ("helper",), ("--format", "x", "--", "true"), ("--ttl", "soon", "--", "true"), ("-p", "x", "--", "true"),
                      ("--set", "a=b", "--", "true"), ("--env", "A=B", "--", "true"), ("--refresh", "x", "--", "true"),
                      ("--min-ttl", "x", "--", "true"), ("--nonsense", "--", "true")):
            self.assertEqual(self.wrap(*words, code=2), b"", words)
        self.assertIn(b"Usage: wif wrap", self.wrap("--help"))

    def is_dead(self, pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
        except OSError:
            return True

    def assert_die(self, names):
        give_up = time.monotonic() + 60
        for name in names:
            with open(self.path(name), encoding="ascii") as file:
                pid = file.read().strip()
            while not self.is_dead(pid):
                self.assertLess(time.monotonic(), give_up, "it lives on")
                os.sched_yield()

    def test_a_hanging_helper_is_killed_with_all_it_started(self):
        helper = self.helper(f"sleep 600 & echo $! >{self.path('child')}; echo $$ >{self.path('self')}; sleep 600")
        self.assertIn("helper did not finish within the time allowed", self.refused("--timeout", "1s", "--", helper))
        self.assert_die(("child", "self"))

    def test_it_dies_with_wif(self):
        os.mkfifo(self.path("ready"))
        helper = self.helper(f"sleep 600 & echo $! >{self.path('child')}; echo $$ >{self.path('self')}; echo >{self.path('ready')}; wait")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                process = self.start("wrap", "--no-cache", "--", helper)
                with open(self.path("ready"), encoding="ascii") as ready:
                    ready.read()
                process.send_signal(number)
                self.assertEqual(self.finish(process).returncode, -number)
                self.assert_die(("child", "self"))

    def arguments(self, words, fault=None):
        return [self.program, *words]  # there is no exchange

    def test_answers_that_are_none(self):
        whole = json.dumps({"Version": 1, "AccessKeyId": "A", "SecretAccessKey": CANARY, "Expiration": at(3600)})
        for name, output, why in (("half", whole[:-9], "not JSON"), ("empty", "", "printed nothing"),
                                  ("expired", whole.replace(at(3600)[:4], "2020"), "expired"),
                                  ("zoneless", whole.replace("Z", ""), "Expiration is not a time"),
                                  ("binary", b"\xff\xfe" + CANARY.encode(), "not UTF-8"), ("words", CANARY + " and more", "no form known here"),
                                  ("null", "null\n", "no token"), ("jwt", jwt({"exp": int(time.time()) - 60}), "printed an answer that expired"),
                                  ("half-jwt", jwt({"exp": 1 << 33}).rsplit(".", 1)[0], "not a JSON Web Token"),
                                  ("git", f"username=u\npassword={CANARY}", "last line has no end")):
            with self.subTest(name=name):
                helper = self.prints(output, name)
                self.assertIn(why, self.refused("--ttl", "1h", "--", helper))
        self.assertEqual(self.runs(), 10)
        self.assertEqual(self.records(), [])

    def test_a_changed_shape(self):
        helper = self.helper(f"""if test -e {self.path('odd')}; then echo oops
            else printf '{{"token":"{CANARY}%s","expires_at":"{at(3600)}"}}' $n; fi""")
        first = self.wrap("--", helper)
        with open(self.path("odd"), "w", encoding="ascii"):
            pass
        self.make_stale()
        self.assertEqual(self.wrap("--", helper), first)
        self.await_background()
        self.assertEqual(self.wrap("--", helper), first)  # good still, and the failure's pause lasts
        self.assertEqual(self.runs(), 2)
        self.assertIn("form bare where it was json before", self.plain("cache", "ls").stdout)
        self.edit(".json", lambda record: record["credential"].update(expires_at=record["credential"]["issued_at"] + 1, issued_boot=0))
        self.end_pauses()
        self.assertIn("form bare where it was json before", self.refused("--", helper))
        os.unlink(self.path("odd"))
        self.end_pauses()
        self.assertNotEqual(self.wrap("--", helper), first)

    def test_ten_megabytes(self):
        helper = self.helper(f"yes {CANARY} | head -c 10000000")
        self.assertIn("printed more than 1 MiB", self.refused("--", helper))
        self.assertEqual(self.records(), [])

    def test_a_protocols_own_form_goes_on_with_the_status(self):
        not_found = self.helper("echo credentials not found in native keychain; exit 1")
        for _ in range(2):
            self.assertEqual(self.wrap("--", not_found, "get", code=1), b"credentials not found in native keychain\n")
            self.assertEqual(self.runs(), 1)
            self.prolong_pauses()
        no = '{"version": 1, "success": false, "code": "403", "message": "not yours"}\n'
        for status, code in ((3, 3), (0, 5)):
            helper = self.prints(no, f"google{status}")
            with open(helper, "a", encoding="ascii") as file:
                file.write(f"exit {status}\n")
            for _ in range(2):
                self.assertEqual(self.wrap("--", helper, code=code), no.encode())
                self.prolong_pauses()
        self.assertEqual(self.runs(), 3)

    def test_no_cache_directory(self):
        helper = self.prints(f"{CANARY}%N")
        del self.env["WIF_CACHE_DIR"]
        self.env["HOME"] = "/proc/nowhere"
        self.assertEqual(self.wrap("--ttl", "1h", "--", helper), f"{CANARY}1".encode())
        self.assertIn("nothing is cached", self.last_error)

    def test_an_untrusted_directory_is_refused(self):
        os.mkdir(self.cache, 0o755)
        self.assertEqual(self.wrap("--ttl", "1h", "--", self.prints(CANARY), code=7), b"")
        self.assertEqual(self.runs(), 0)


class Together(WrapCase):
    def launch(self, count, *words):
        return [subprocess.Popen([self.program, "wrap", "--timeout", "100s", *words], env=self.env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(count)]

    def gather(self, crowd):
        """(exit code, stdout) of each."""
        answers = []
        for process in crowd:
            out, err = process.communicate(timeout=120)
            self.assert_no_token(err.decode())
            answers.append((process.returncode, out))
        return answers

    def hold(self, name="gate"):
        """Helpers that wait at this gate do so until what it gives is closed."""
        gate = open(self.path(name), "w", encoding="ascii")
        self.addCleanup(gate.close)
        fcntl.flock(gate, fcntl.LOCK_EX)
        return gate

    def wait_at(self, name="gate"):
        return f"flock -s {self.path(name)} true"

    def await_runs(self, count):
        give_up = time.monotonic() + 60
        while self.runs() < count:
            self.assertLess(time.monotonic(), give_up)
            os.sched_yield()

    def test_fifty_make_one_run(self):
        gate = self.hold()
        helper = self.helper(self.wait_at() + f'; printf \'{{"token":"{CANARY}%s","expires_at":"{at(3600)}"}}\' $n')
        crowd = self.launch(CROWD, "--", helper)
        self.await_waiters(CROWD - 1)
        gate.close()
        answers = self.gather(crowd)
        self.assertEqual(set(answers), {(0, self.wrap("--", helper))})
        self.assertIn(CANARY.encode() + b"1", answers[0][1])
        self.assertEqual(self.runs(), 1)

    def test_a_failure_is_everybodys(self):
        gate = self.hold()
        helper = self.helper(self.wait_at() + "; echo credentials not found in native keychain; exit 1")
        crowd = self.launch(CROWD, "--", helper)
        self.await_waiters(CROWD - 1)
        gate.close()
        self.assertEqual(set(self.gather(crowd)), {(1, b"credentials not found in native keychain\n")})
        self.assertEqual(self.runs(), 1)

    def test_what_cant_be_kept_is_run_by_each_at_once(self):
        """The first one's answer is nobody else's; then nobody waits for anybody."""
        first, others = self.hold("first"), self.hold("others")
        helper = self.helper(f"if test $n -eq 1; then {self.wait_at('first')}; else {self.wait_at('others')}; fi; echo {CANARY}$n")
        crowd = self.launch(8, "--", helper)
        self.await_waiters(7)
        first.close()
        self.await_runs(8)  # none of the other seven has ended
        others.close()
        self.assertEqual({code for code, _ in self.gather(crowd)}, {0})
        self.assertEqual(self.runs(), 8)

    def test_who_waits_past_its_deadline_runs_it_for_itself(self):
        gate = self.hold()
        helper = self.helper(f"""test $n -gt 1 || {self.wait_at()}
            printf '{{"token":"{CANARY}%s","expires_at":"{at(3600)}"}}' $n""")
        leader, = self.launch(1, "--", helper)
        self.await_runs(1)
        self.assertIn(CANARY.encode() + b"2", self.wrap("--timeout", "3s", "--", helper))
        gate.close()
        self.assertIn(CANARY.encode() + b"1", self.gather([leader])[0][1])
        self.assertIn(CANARY.encode() + b"1", self.wrap("--", helper))  # the other's was nobody's but its own
        self.assertEqual(self.runs(), 2)

    def test_the_winners_end_makes_another_one_the_next(self):
        gate = self.hold()
        helper = self.helper(self.wait_at() + f'; printf \'{{"token":"{CANARY}%s","expires_at":"{at(3600)}"}}\' $n')
        leader, = self.launch(1, "--", helper)
        self.await_runs(1)
        crowd = self.launch(5, "--", helper)
        self.await_waiters(5)
        leader.kill()
        leader.communicate()
        self.await_runs(2)
        gate.close()
        self.assertEqual({code for code, _ in self.gather(crowd)}, {0})
        self.assertEqual(self.runs(), 2)

    def test_stale_is_answered_at_once_and_refreshed_behind(self):
        gate = self.hold()
        helper = self.helper(f"""test $n -eq 1 || {self.wait_at()}; test $n -eq 1 || echo note >&2
            printf '{{"token":"{CANARY}%s","expires_at":"{at(3600)}"}}' $n""")
        first = self.wrap("--", helper)
        self.make_stale()
        # Both come back though the helper hangs, and their outputs end: nothing of ours is held open.
        for _ in range(2):
            self.assertEqual(self.wrap("--", helper), first)
            self.assertEqual(self.last_error, "")
        gate.close()
        self.await_background()
        self.assertEqual(self.runs(), 2)
        second = self.wrap("--", helper)
        self.assertEqual(second, first.replace(CANARY.encode() + b"1", CANARY.encode() + b"2"))
        self.assertEqual(self.runs(), 2)

    def test_a_failed_refresh_leaves_what_is_good(self):
        helper = self.helper(f"""test $n -eq 1 || {{ echo down >&2; exit 9; }}
            printf '{{"token":"{CANARY}%s","expires_at":"{at(3600)}"}}' $n""")
        first = self.wrap("--", helper)
        self.make_stale()
        self.assertEqual(self.wrap("--", helper), first)
        self.await_background()
        self.assertEqual(self.wrap("--", helper), first)
        self.assertEqual(self.runs(), 2)
        self.assertIn("helper ended with exit status 9: down", self.plain("cache", "ls").stdout)
        self.end_pauses()
        self.assertEqual(self.wrap("--refresh", "inline", "--", helper), first)
        self.assertIn("using the cached credential, since its refresh failed: helper ended with exit status 9", self.last_error)

    def test_the_background_run_is_a_process_apart(self):
        """In a session of its own, and with no descriptor of the caller's: one that is inherited ends while the helper hangs."""
        gate = self.hold()
        helper = self.helper(f"""test $n -eq 1 || {{ {self.wait_at()}; ps -o sid= -p $PPID; echo $PPID; }} >{self.path('seen')}
            printf '{{"token":"{CANARY}%s","expires_at":"{at(3600)}"}}' $n""")
        self.wrap("--", helper)
        self.make_stale()
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        subprocess.run([self.program, "wrap", "--", helper], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       pass_fds=(writer,), timeout=120, check=True)
        os.close(writer)
        self.assertEqual(select.select([reader], [], [], 60)[0], [reader])
        self.assertEqual(os.read(reader, 1), b"")
        gate.close()
        self.await_background()
        with open(self.path("seen"), encoding="ascii") as file:
            session, process = file.read().split()
        self.assertEqual(session, process)


class CacheCommand(WrapCase):
    def test_lists_and_clears(self):
        helper = self.prints(f"{CANARY}%N")
        self.wrap("--ttl", "1h", "--", helper, "S3CRET")
        self.assertRegex(self.plain("cache", "ls").stdout, rf"^[0-9a-f]{{16}}  wrap:helper  fresh, expires in .*  {helper}\n$")
        row, = json.loads(self.plain("cache", "ls", "--json").stdout)["records"]
        self.assertEqual((row["profile"], row["provider"], row["command"], row["state"]), ("wrap:helper", "wrap", helper, "fresh"))
        self.assertNotIn(CANARY, json.dumps(row))
        self.assertEqual(self.plain("cache", "clear", "-p", "other").stdout, "0 removed\n")
        self.assertEqual(self.plain("cache", "clear", "-p", "wrap:helper").stdout, "1 removed\n")
        self.wrap("--ttl", "1h", "--", helper, "S3CRET")
        self.assertEqual(self.runs(), 2)

    def test_clears_a_rejected_token(self):
        helper = self.prints(json.dumps({"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "k", "SessionToken": CANARY + "%N",
                                         "Expiration": at(3600)}))
        self.wrap("--", helper)
        for token, removed in ((CANARY + "0", 0), (CANARY + "1", 1)):
            digest = hashlib.sha256(token.encode()).hexdigest()
            self.assertEqual(self.plain("cache", "clear", "--token-sha256", digest).stdout, f"{removed} removed\n")


if __name__ == "__main__":
    main()
