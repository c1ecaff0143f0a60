# SPDX-License-Identifier: Apache-2.0
"""Many at once: one exchange, one truth, whatever happens to whoever makes it."""
import json
import os
import signal
import subprocess
import tempfile

from harness import Case, main

# The asan and tsan presets say 200: a thousand sanitized programs at once would want 20 GB, and what they have in turn
# to look at, the order of the steps, is the same.
MANY = int(os.environ.get("WIF_TEST_MANY", "1000"))


class Crowd(Case):
    def launch(self, count, *words, fault=None, **options):
        """Starts so many wif at once, each with files for its output (a thousand pipes would need a thousand readers)."""
        crowd = []
        for _ in range(count):
            out, err = tempfile.TemporaryFile("w+", dir=self.folder), tempfile.TemporaryFile("w+", dir=self.folder)
            crowd.append((subprocess.Popen(self.arguments(("get", *words), fault), env=self.env,
                                           stdin=subprocess.DEVNULL, stdout=out, stderr=err, **options), out, err))
        return crowd

    def gather(self, crowd):
        """(exit code, stdout, stderr) of each."""
        answers = []
        for process, out, err in crowd:
            code = process.wait(timeout=300)
            out.seek(0)
            err.seek(0)
            answers.append((code, out.read(), err.read()))
            out.close()
            err.close()
            self.assert_no_token(answers[-1][2])
        return answers

    def assert_one_token(self, answers):
        self.assertEqual({code for code, _, _ in answers}, {0}, [err for code, _, err in answers if code][:3])
        self.assertEqual(len({json.loads(out)["access_token"] for _, out, _ in answers}), 1)

    def test_a_thousand_on_a_cold_cache_make_one_exchange(self):
        self.testbed.control("hold", path="/oauth/token")
        crowd = self.launch(MANY, "--timeout", "200s")
        self.testbed.control("wait", path="/oauth/token", count=1)
        self.testbed.control("release")
        self.assert_one_token(self.gather(crowd))
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_the_same_with_the_leader_killed(self):
        """Its engine holds the lock on, and its record serves everybody."""
        self.testbed.control("hold", path="/oauth/token")
        leader = self.launch(1, "--timeout", "200s")[0][0]
        self.testbed.control("wait", path="/oauth/token", count=1)
        crowd = self.launch(MANY // 4, "--timeout", "200s")
        leader.send_signal(signal.SIGKILL)
        leader.wait()  # not its output: the engine that it leaves behind holds that open
        self.testbed.control("release")
        self.assert_one_token(self.gather(crowd))
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_the_same_with_the_leader_and_its_engine_killed(self):
        """Nobody wrote anything down: one of those who waited is the next."""
        self.testbed.control("hold", path="/oauth/token")
        leader = self.launch(1, "--timeout", "200s", start_new_session=True)[0][0]
        self.testbed.control("wait", path="/oauth/token", count=1)
        crowd = self.launch(MANY // 4, "--timeout", "200s")
        os.killpg(leader.pid, signal.SIGKILL)
        leader.wait()  # not its output: the engine that it leaves behind holds that open
        self.testbed.control("wait", path="/oauth/token", count=2)
        self.testbed.control("release")
        self.assert_one_token(self.gather(crowd))
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_failing_server_is_asked_for_one_of_them(self):
        self.testbed.control("hold", path="/oauth/token")
        crowd = self.launch(MANY // 4, "--timeout", "200s", fault="status=401")
        self.testbed.control("wait", path="/oauth/token", count=1)
        self.testbed.control("release")
        answers = self.gather(crowd)
        self.assertEqual({code for code, _, _ in answers}, {5})
        # Those that were started after the failure's brief memory ended may have asked again.
        self.assertLess(self.testbed.exchanges(), MANY // 40)

    def test_an_identity_swapped_in_between_gets_its_own(self):
        self.env["OPENAI_SERVICE_ACCOUNT_ID"] = "sa_scoped"
        self.testbed.control("hold", path="/oauth/token")
        before = self.launch(MANY // 10, "--timeout", "200s")
        self.testbed.control("wait", path="/oauth/token", count=1)
        self.testbed.mint(claims={"sub": "system:serviceaccount:default:swapped"})
        after = self.launch(MANY // 10, "--timeout", "200s")
        self.testbed.control("wait", path="/oauth/token", count=2)
        self.testbed.control("release")
        tokens_after = {json.loads(out)["access_token"] for code, out, _ in self.gather(after)}
        self.assertEqual(len(tokens_after), 1)
        subjects = {row["subject"]: row for row in json.loads(self.plain("cache", "ls", "--json").stdout)["records"]}
        self.assertIn("system:serviceaccount:default:swapped", subjects)
        self.gather(before)


if __name__ == "__main__":
    main()
