# SPDX-License-Identifier: Apache-2.0
"""`wif claude` under Claude Code: one run for each answer, and many turns in one process. messages_api.py stands in for the API, and lets
in what the testbed has issued."""
import json
import os
import signal
import subprocess
import unittest

import npm
from bare_token import BareToken
from harness import CANARY, PATIENCE, main
from integrating import IntegrationCase
from messages_api import ANSWER, Api

CLAUDE = None
LONGEST_S = 500  # its program is 400 MB


class ClaudeCase(IntegrationCase):
    # It asks for a token behind a turn, too, and ends who is at it when it ends.
    orphans_end_with = (*IntegrationCase.orphans_end_with, signal.SIGTERM, signal.SIGPIPE)

    @classmethod
    def setUpClass(cls):
        global CLAUDE
        try:
            # What the package @anthropic-ai/claude-code picks from when it is installed.
            builds = os.path.join(npm.environment("claude").modules, "@anthropic-ai")
        except RuntimeError as why:
            raise unittest.SkipTest(str(why)) from why  # where CI is set, too: it is large, and nothing else depends on it
        found = os.listdir(builds) if os.path.isdir(builds) else []
        if not found:  # npm leaves an optional package out that it can't get
            raise unittest.SkipTest("there is no build of Claude Code for this machine, or npm couldn't get it")
        CLAUDE = os.path.join(builds, found[0], "claude")

    def setUp(self):
        super().setUp()
        self.api = Api(lambda key: self.testbed.models(key) == 200)
        self.addCleanup(self.api.stop)
        self.config(f'[profiles.claude]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                    f'exchange = {{ kind = "anthropic", url = "{self.testbed.about["http"]}/v1/oauth/token", federation_rule_id = "fdrl_1", '
                    'organization_id = "o", service_account_id = "svac_1" }\n')
        # What would leave this machine goes nowhere.
        self.env.update(ANTHROPIC_BASE_URL=self.api.url, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1", DISABLE_AUTOUPDATER="1",
                        HTTPS_PROXY="http://127.0.0.1:1", NO_PROXY="127.0.0.1", CLAUDE_CONFIG_DIR=self.path("claude"))
        self.settings()
        self.count_calls()

    def settings(self, **changes):
        os.makedirs(self.path("claude"), exist_ok=True)
        os.replace(self.example("claude/settings.json", **changes), self.path("claude/settings.json"))

    def exchanges(self):
        return self.testbed.control("counts")["paths"].get("/v1/oauth/token", 0)

    def statuses(self):
        return [status for status, _, _ in self.api.messages]


class Print(ClaudeCase):
    def claude(self, code=0):
        done = subprocess.run([CLAUDE, "-p", "Say hello"], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LONGEST_S, check=False)
        self.assert_no_token(done.stdout + done.stderr)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        if code == 0:
            self.assertEqual(done.stdout.strip(), ANSWER)
        return done

    def test_one_exchange_for_many_runs(self):
        for _ in range(3):
            self.claude()
        self.assertGreaterEqual(self.calls(), 3)
        self.assertEqual((self.exchanges(), set(self.statuses())), (1, {200}))
        _, key, authorization = self.api.messages[-1]
        self.assertTrue(key.startswith(CANARY))
        self.assertEqual(authorization, "Bearer " + key)

    def test_an_expired_token_is_replaced(self):
        self.claude()
        self.age(3600)
        self.claude()
        self.assertEqual((self.exchanges(), set(self.statuses())), (2, {200}))

    def test_a_revoked_token_is_replaced_within_the_run(self):
        self.claude()
        self.testbed.control("revoke")
        self.claude()
        self.assertEqual((self.exchanges(), self.statuses()), (2, [200, 401, 200]))

    def test_a_server_that_refuses_everyone_costs_one_exchange_more(self):
        self.api.allows = lambda key: False
        self.env["CLAUDE_CODE_MAX_RETRIES"] = "4"  # of 10, with longer and longer pauses: four minutes
        self.claude(code=1)
        self.assertGreaterEqual(self.calls(), 2)
        self.assertGreaterEqual(self.statuses().count(401), 4)
        self.assertEqual(self.exchanges(), 2)

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.mint(ttl=-60, age=600)
        done = self.claude(code=1)
        self.assertIn("Your apiKeyHelper script is failing", done.stdout)
        self.assertIn("apiKeyHelper failed: exited 4: wif: the subject token from provider 'file' expired", done.stderr)


class Session(ClaudeCase):
    """One process, as the terminal has it."""
    def start(self, ttl_ms):
        self.settings(**{"300000": str(ttl_ms)})
        self.process = subprocess.Popen([CLAUDE, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"], env=self.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.process.communicate)

    def turn(self):
        self.process.stdin.write(json.dumps({"type": "user", "message": {"role": "user", "content": "Say hello"}}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            message = json.loads(line)
            if message["type"] == "result":
                self.assertEqual(message["result"], ANSWER)
                return
        self.fail("Claude Code ended")

    def test_it_asks_once_for_many_turns(self):
        self.start(300000)
        for _ in range(5):
            self.turn()
        self.assertEqual((self.calls(), self.exchanges(), set(self.statuses())), (1, 1, {200}))

    def test_it_crosses_an_expiry(self):
        """With its time to live, and without: then a 401 makes it ask."""
        for ttl_ms in 1000, 300000:
            with self.subTest(ttl_ms=ttl_ms):
                self.plain("cache", "clear")
                self.testbed.control("config", expires_in=15 * PATIENCE)
                self.start(ttl_ms)
                self.turn()
                self.await_expiry()
                self.turn()

    def test_a_revoked_token_is_replaced_within_the_turn(self):
        self.start(300000)
        self.turn()
        self.testbed.control("revoke")
        self.turn()
        self.turn()
        self.assertEqual(self.exchanges(), 2)

    def test_a_time_to_live_of_nothing_costs_calls_but_no_exchanges(self):
        """Asking again within seconds looks like a rejection: once a minute."""
        self.start(1)
        for _ in range(5):
            self.turn()
        self.assertGreaterEqual(self.calls(), 3 if PATIENCE == 1 else 2)  # one that is slow serves several turns
        self.assertLessEqual(self.exchanges(), 2)


class Requests(BareToken, IntegrationCase):
    COMMAND = "claude"


if __name__ == "__main__":
    main()
