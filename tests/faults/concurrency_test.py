# SPDX-License-Identifier: Apache-2.0
"""Many at once: one exchange, one truth, whatever happens to whoever makes it."""
import json
import os
import signal
import subprocess
import tempfile

from harness import Case, main

# The asan and tsan presets say 50: a thousand sanitized programs at once would want tens of gigabytes, and have to be
# there within the 15 s after which an engine tries again. The order of the steps, which is looked at here, is the same.
MANY = int(os.environ.get("WIF_TEST_MANY", "1000"))


class Crowd(Case):
    """Each identity has a mapping of its own, whose scope tells whose token an answer is."""

    FIRST, SECOND = "system:serviceaccount:default:first", "system:serviceaccount:default:second"

    def setUp(self):
        super().setUp()
        self.testbed.control("config", mappings=[{"rows": {"sub": self.FIRST}, "permissions": ["first"]},
                                                 {"rows": {"sub": self.SECOND}, "permissions": ["second"]}])
        self.testbed.mint(claims={"sub": self.FIRST})
        self.testbed.control("hold", path="/oauth/token")

    def launch(self, count, fault=None):
        """Starts so many wif at once, each with files for its output (a thousand pipes would need a thousand readers)."""
        crowd = []
        for _ in range(count):
            out, err = tempfile.TemporaryFile("w+", dir=self.folder), tempfile.TemporaryFile("w+", dir=self.folder)
            # Python's files are close-on-exec; closing two thousand of them by hand, once a start, takes longer than wif.
            crowd.append((subprocess.Popen(self.arguments(("get", "--timeout", "200s"), fault), env=self.env,
                                           stdin=subprocess.DEVNULL, stdout=out, stderr=err, close_fds=False), out, err))
        return crowd

    def lead(self, **options):
        """Starts the one whose exchange everybody else will wait for; its output comes by pipes."""
        leader = self.start("get", "--timeout", "200s", **options)
        self.await_exchanges(1)
        return leader

    def kill(self, leader, send):
        """Ends the leader, and sees its output end: nothing that it leaves behind may keep a reader of it waiting."""
        send(leader.pid, signal.SIGKILL)
        leader.communicate(timeout=60)
        self.assertEqual(leader.returncode, -signal.SIGKILL)

    def await_exchanges(self, count):
        self.testbed.control("wait", path="/oauth/token", count=count)

    def gather(self, crowd, code=0):
        """(stdout, stderr) of each; all end with that exit code."""
        answers = []
        for process, out, err in crowd:
            ended = process.wait(timeout=300)
            out.seek(0)
            err.seek(0)
            answers.append((out.read(), err.read()))
            out.close()
            err.close()
            self.assert_no_token(answers[-1][1])
            self.assertEqual(ended, code, answers[-1][1])
        return answers

    def assert_answers(self, crowd, identity="first"):
        """Everybody has one and the same token: that identity's, and one that the API takes."""
        answers = [json.loads(out) for out, _ in self.gather(crowd)]
        self.assertEqual({answer["scope"] for answer in answers}, {identity})
        tokens = {answer["access_token"] for answer in answers}
        self.assertEqual(len(tokens), 1)
        self.assertEqual(self.testbed.models(tokens.pop()), 200)

    def assert_exchanges(self, count):
        self.assertEqual(self.testbed.exchanges(), count)

    def test_a_thousand_on_a_cold_cache_make_one_exchange(self):
        crowd = self.launch(MANY)
        self.await_waiters(MANY - 1)
        self.testbed.control("release")
        self.assert_answers(crowd)
        self.assert_exchanges(1)

    def test_the_same_with_the_leader_killed(self):
        """Its engine holds the lock on, and its record serves everybody."""
        leader = self.lead()
        crowd = self.launch(MANY)
        self.await_waiters(MANY)
        self.kill(leader, os.kill)
        self.testbed.control("release")
        self.assert_answers(crowd)
        self.assert_exchanges(1)

    def test_the_same_with_the_leader_and_its_engine_killed(self):
        """Nobody wrote anything down: one of those who waited is the next."""
        leader = self.lead(start_new_session=True)
        crowd = self.launch(MANY)
        self.await_waiters(MANY)
        self.kill(leader, os.killpg)
        self.await_exchanges(2)
        self.testbed.control("release")
        self.assert_answers(crowd)
        self.assert_exchanges(2)

    def test_a_refusal_is_everybodys(self):
        crowd = self.launch(MANY, fault="status=401")
        self.await_waiters(MANY - 1)
        self.testbed.control("release")
        for out, err in self.gather(crowd, code=5):
            self.assertEqual(out, "")
            self.assertIn("HTTP 401", err)
        self.assert_exchanges(1)

    def test_a_failing_server_is_asked_by_one_of_them(self):
        """Twice, since a bare 500 is tried again."""
        crowd = self.launch(MANY, fault="status=500")
        self.await_waiters(MANY - 1)
        self.testbed.control("release")
        for out, err in self.gather(crowd, code=6):
            self.assertEqual(out, "")
            self.assertIn("HTTP 500", err)
        self.assert_exchanges(2)

    def test_an_identity_swapped_in_between_gets_its_own(self):
        """Those who came before the swap have the first identity's token, those who came after it the second's."""
        before = self.launch(MANY // 2)
        self.await_waiters(MANY // 2 - 1)
        self.testbed.mint(claims={"sub": self.SECOND})
        after = self.launch(MANY // 2)
        self.await_waiters(2 * (MANY // 2 - 1))
        self.testbed.control("release")
        self.assert_answers(after, "second")
        self.assert_answers(before, "first")
        self.assert_exchanges(2)


if __name__ == "__main__":
    main()
