# SPDX-License-Identifier: Apache-2.0
"""libwif in a program: the same records as wif's, from many threads and forked children, with nothing of the process's
changed. probe.c is the program, and checks the latter itself, whatever it is asked."""
import fcntl
import hashlib
import os
import shutil
import subprocess
import time

from harness import BUILD, WIF, Case, install, main

PROBE = os.path.join(BUILD, "tests", "lib", "probe")
FIRST, SECOND = "system:serviceaccount:default:first", "system:serviceaccount:default:second"


class Library(Case):
    def setUp(self):
        super().setUp()
        self.config(self.profile("prod"))

    def profile(self, name, token_file=None, fault=None):
        return (f'[profiles.{name}]\nsubject = {{ provider = "file", path = "{token_file or self.testbed.token_file}" }}\n'
                f'exchange = {{ kind = "openai", url = "{self.url(fault)}", identity_provider_id = "idp_testbed", '
                'service_account_id = "sa_testbed" }\n')

    def probe(self, *words, code=0, program=PROBE):
        done = subprocess.run([program, *words], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=500, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, code, done.stdout if code == 0 else "")
        if code:
            self.assert_no_token(done.stdout)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def await_lock(self, how=0):
        """Waits for the engine that has it (or, by LOCK_NB, doesn't)."""
        lock, = (name for name in os.listdir(self.cache) if name.endswith(".lock"))
        with open(os.path.join(self.cache, lock), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | how)


class OneThread(Library):
    def test_it_gives_what_wif_gives(self):
        first = self.probe("get")
        answer = self.probe("get")
        self.assertEqual(first.pop("refresh_at"), "0")
        self.assertEqual(first, {name: answer[name] for name in first})
        self.assertEqual(self.testbed.exchanges(), 1)
        self.assertEqual(answer["access_token"], self.plain("token").stdout.strip())
        self.assertEqual((answer["profile"], answer["token_type"]), ("prod", "Bearer"))
        self.assertEqual(answer["sha256"], hashlib.sha256(answer["access_token"].encode()).hexdigest())
        issued, refresh, expires = (int(answer[name]) for name in ("issued_at", "refresh_at", "expires_at"))
        self.assertTrue(time.time() - 600 < issued < refresh < expires)
        self.assertNotIn("aws_access_key_id", answer)

    def test_options(self):
        other = os.path.join(self.folder, "other.toml")
        with open(other, "w", encoding="utf-8") as file:
            file.write(self.profile("one") + self.profile("two"))
        self.assertEqual(self.probe("get", "config=" + other, "profile=two")["profile"], "two")
        self.assertIn("several profiles", self.probe("get", "config=" + other, code=3)["message"])
        said = self.probe("get", "set=exchange.service_account_idd=x", code=3)
        self.assertIn("service_account_idd", said["message"])
        self.assertEqual(said["status"], "3")
        # The same exchange by another name has the same record.
        for words, exchanges in ((("profile=prod",), 1), (("flags=1",), 2), (("flags=2",), 3), (("remaining=86400",), 3)):
            self.probe("get", *words)
            self.assertEqual(self.testbed.exchanges(), exchanges, words)

    def test_a_pair_of_aws_keys(self):
        role = "arn:aws:iam::123456789012:role/web"
        self.config(f'[profiles.aws]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                    f'exchange = {{ kind = "aws-sts", url = "{self.testbed.about["http"]}/", role_arn = "{role}" }}\n')
        answer = self.probe("get")
        self.assertEqual(answer["aws_access_key_id"], "ASIATESTBEDWEB000000")
        self.assertTrue(answer["aws_secret_access_key"])
        self.assertEqual(answer["sha256"], hashlib.sha256(answer["aws_session_token"].encode()).hexdigest())
        self.assertNotIn("access_token", answer)
        self.assertNotIn("token_type", answer)

    def test_a_stale_one_is_answered_at_once_and_refreshed_by_nobodys_child(self):
        first = self.probe("get")
        self.make_stale()
        # The probe ends with an error if the engine were its child.
        self.assertEqual(self.probe("get")["access_token"], first["access_token"])
        self.testbed.control("wait", path="/oauth/token", count=2)
        self.await_lock()
        self.assertNotEqual(self.probe("get")["access_token"], first["access_token"])
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_rejected_one_is_replaced(self):
        first = self.probe("get")
        self.assertEqual(self.probe("reject", "0" * 64), {"removed": "0"})
        self.assertEqual(self.probe("get")["sha256"], first["sha256"])
        self.assertEqual(self.probe("reject", first["sha256"]), {"removed": "1"})
        self.assertEqual(self.probe("reject", first["sha256"]), {"removed": "0"})
        self.assertNotEqual(self.probe("get")["sha256"], first["sha256"])
        self.assertIn("token_sha256", self.probe("reject", "abc", code=2)["message"])

    def test_failures_have_wifs_words(self):
        self.config(self.profile("refused", fault="status=401"))
        said = self.probe("get", code=5)
        self.assertIn("HTTP 401", said["message"])
        self.config(self.profile("absent", token_file=self.folder + "/absent"))
        said = self.probe("get", code=4)
        self.assertIn("absent", said["message"])
        self.env["WIF_CONFIG"] = self.folder + "/nothing.toml"
        self.assertIn("nothing.toml", self.probe("get", code=3)["message"])
        os.chmod(self.cache, 0o755)
        self.config(self.profile("prod"))
        self.assertIn("0755", self.probe("get", code=7)["message"])

    def test_it_ends_at_its_deadline(self):
        self.testbed.control("hold", path="/oauth/token")
        self.assertTrue(self.probe("get", "timeout=700", "flags=1", code=6)["message"])
        # Behind somebody else's lock, too.
        leader = subprocess.Popen([WIF, "token"], env=self.env, stdout=subprocess.DEVNULL)
        self.testbed.control("wait", path="/oauth/token", count=2)
        self.probe("get", "timeout=700", code=6)
        self.testbed.control("release")
        self.assertEqual(leader.wait(60), 0)

    def test_a_program_that_reaps_or_ignores_its_children(self):
        for verb in ("reaper", "deaf"):
            with self.subTest(verb):
                first = self.probe(verb, "get", "flags=2")
                self.make_stale()
                exchanges = self.testbed.exchanges()
                self.assertEqual(self.probe(verb, "get")["sha256"], first["sha256"])
                self.testbed.control("wait", path="/oauth/token", count=exchanges + 1)
                self.await_lock()
        self.env["WIF_ENGINE"] = "/bin/false"
        self.assertIn("SIGCHLD", self.probe("deaf", "get", "flags=1", code=70)["message"])
        self.assertIn("exit status 1", self.probe("get", "flags=1", code=70)["message"])

    def test_without_a_cache_it_says_why(self):
        for name in ("WIF_CACHE_DIR", "HOME"):
            del self.env[name]
        answer = self.probe("get")
        self.assertIn("nothing is cached", answer["warning"])
        self.assertEqual(answer["refresh_at"], "0")

    def test_the_engine_is_found_beside_the_library(self):
        """The probe's own folder has none, and the library was configured for another one."""
        prefix = os.path.join(self.folder, "prefix")
        install(prefix)
        self.env["LD_LIBRARY_PATH"] = os.path.join(prefix, "lib")
        engine = os.path.join(prefix, "libexec", "wif", "wif-engine")
        self.probe("get")
        os.remove(engine)
        os.symlink("/bin/false", engine)
        self.assertIn("exit status 1", self.probe("get", "flags=1", code=70)["message"])


class ManyThreads(Library):
    def setUp(self):
        super().setUp()
        self.testbed.control("config", mappings=[{"rows": {"sub": FIRST}, "permissions": ["first"]},
                                                 {"rows": {"sub": SECOND}, "permissions": ["second"]}])
        files = {}
        for name, subject in (("first", FIRST), ("second", SECOND)):
            self.testbed.mint(claims={"sub": subject})
            files[name] = shutil.copy(self.testbed.token_file, os.path.join(self.folder, name))
        self.config("".join(self.profile(name, path) for name, path in files.items()))

    def test_sixty_four_that_fork_and_reject(self):
        self.assertEqual(self.probe("threads", "64", os.environ.get("WIF_TEST_ROUNDS", "12")), {"threads": "64"})
        # 4 threads reject 3 times each; each time at most one exchange follows, and two begin.
        self.assertLessEqual(self.testbed.exchanges(), 2 + 4 * 3)
        self.assertGreaterEqual(self.testbed.exchanges(), 3)

    def test_a_cold_start_makes_one_exchange(self):
        self.testbed.control("hold", path="/oauth/token")
        process = subprocess.Popen([PROBE, "threads", "64", "1"], env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.testbed.control("wait", path="/oauth/token", count=2)
        self.testbed.control("release")
        out, err = process.communicate(timeout=300)
        self.assertEqual((process.returncode, out, err), (0, "threads=64\n", ""))
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_child_forked_in_the_middle_keeps_no_lock(self):
        self.env["WIF_PROFILE"] = "first"
        self.testbed.control("hold", path="/oauth/token")
        process = subprocess.Popen([PROBE, "held"], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.testbed.control("wait", path="/oauth/token", count=1)
        process.stdin.write("\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "forked\n")  # before the exchange ends
        self.testbed.control("release")
        while not process.stdout.readline().startswith("child="):
            self.assertIsNone(process.poll())
        self.await_lock(fcntl.LOCK_NB)
        process.communicate("\n", timeout=60)
        self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    main()
