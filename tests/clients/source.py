# SPDX-License-Identifier: Apache-2.0
"""What the client tests of providers share whose token comes from one path of a server that the testbed stands in for."""
import time

from harness import Case


class Source(Case):
    provider = path = ""

    def finish(self, process):
        done = super().finish(process)
        self.assertNotIn("eyJ", done.stderr)
        return done

    def served(self, path=None):
        return self.testbed.control("counts")["paths"].get(path or self.path, 0)

    def fault(self, text, count=-1):
        self.testbed.control("faults", path=self.path, fault=text, count=count)

    def refused(self, code, expected, *words):
        """Asserts the exit code, the words (a pattern), and that nothing was cached or sent on."""
        done = self.wif("get", "--set", "subject.provider=" + self.provider, *words, code=code)
        self.assertRegex(done.stderr, expected)
        self.assertEqual(self.records(), [])
        self.assertNotIn("expires in", self.plain("cache", "ls").stdout)
        self.assertEqual(self.testbed.exchanges(), 0)
        return done


class LostConnections:
    def test_lost_connections(self):
        self.fault("reset", 2)
        self.assertTrue(self.token())


class Silence:
    """Servers that don't get to the end of their answer."""

    def test_a_cut_answer(self):
        self.fault("truncate")
        self.refused(6, "lost before its answer was whole", "--timeout", "1s")

    def test_a_hanging_server(self):
        self.fault("hang")
        began = time.monotonic()
        self.refused(6, "did not answer", "--timeout", "2s")
        self.assertLess(time.monotonic() - began, 30)

    def test_a_slow_server(self):
        self.fault("drip=100")
        self.refused(6, "did not finish its answer|did not answer", "--timeout", "2s")
