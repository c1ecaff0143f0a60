# SPDX-License-Identifier: Apache-2.0
"""`wif codex` under Codex itself: `codex exec`, and `codex app-server` for many turns in one process. The testbed is OpenAI's API."""
import json
import os
import signal
import subprocess
import time
import unittest
from urllib.parse import parse_qs

import npm
from bare_token import BareToken
from harness import PATIENCE, main
from integrating import IntegrationCase
from proxy import Proxy

CODEX = None
ANSWER = "Hello from the testbed."
# Nothing but the API is asked for.
QUIET = [word for setting in ("features.plugins=false", "features.apps=false", "analytics.enabled=false", "check_for_update_on_startup=false")
         for word in ("-c", setting)]


class CodexCase(IntegrationCase):
    # It ends while a helper or a shell of its own still writes to it.
    orphans_end_with = (*IntegrationCase.orphans_end_with, signal.SIGPIPE, (128 + signal.SIGPIPE) << 8)

    @classmethod
    def setUpClass(cls):
        global CODEX
        try:
            tools = npm.environment("codex")
        except RuntimeError as why:
            raise unittest.SkipTest(str(why)) from why  # where CI is set, too: it is large, and nothing else depends on it
        CODEX = [tools.node, tools.program("codex")]

    def setUp(self):
        super().setUp()
        self.config(f'[profiles.prod]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                    f'exchange = {{ kind = "openai", url = "{self.url()}" }}\n')
        # Codex reads it too, and would then exchange by itself.
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        # What would leave this machine goes nowhere.
        self.env.update(CODEX_HOME=self.path("codex"), HTTPS_PROXY="http://127.0.0.1:1", NO_PROXY="127.0.0.1")
        self.configure()

    def configure(self, **changes):
        os.makedirs(self.path("codex"), exist_ok=True)
        os.replace(self.example("codex/config.toml", **{"https://api.openai.com": self.testbed.about["http"], **changes}),
                   self.path("codex/config.toml"))

    def refusals(self):
        return self.testbed.control("counts")["path_statuses"].get("/v1/responses", {}).get("401", 0)


class Exec(CodexCase):
    def codex(self, *words, code=0):
        done = self.client(*CODEX, "exec", "--skip-git-repo-check", *QUIET, *words, "Say hello", code=code)
        if code == 0:
            self.assertEqual(done.stdout.strip(), ANSWER)
        return done

    def test_one_exchange_for_many_runs(self):
        self.count_calls()
        for _ in range(3):
            self.codex()
        self.assertGreaterEqual(self.calls(), 3)
        self.assertEqual((self.testbed.exchanges(), self.refusals()), (1, 0))

    def test_an_expired_token_is_replaced(self):
        self.codex()
        self.age(3600)
        self.codex()
        self.assertEqual((self.testbed.exchanges(), self.refusals()), (2, 0))

    def test_a_token_that_ends_within_codex_interval_is_renewed_first(self):
        self.codex()
        for left, exchanges in (400, 1), (330, 2):
            self.set_life(3600 - left, left)
            self.codex()
            self.assertEqual(self.testbed.exchanges(), exchanges)

    def test_a_revoked_token_is_replaced_within_the_run(self):
        self.codex()
        self.testbed.control("revoke")
        self.count_calls()
        self.codex()
        self.assertGreaterEqual(self.calls(), 2)
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_server_that_refuses_everyone_costs_one_exchange_more(self):
        self.testbed.control("faults", path="/v1/responses", fault="status=401", count=-1)
        self.count_calls()
        self.assertIn("unexpected status 401 Unauthorized", self.codex(code=1).stderr)
        self.assertGreaterEqual(self.calls(), 5)
        self.assertLessEqual(self.testbed.exchanges(), 2)

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.mint(ttl=-60, age=600)
        done = self.codex("-c", "model_providers.openai-wif.stream_max_retries=0", code=1)
        self.assertIn("provider auth command `wif` exited with status exit status: 4: wif: the subject token from provider 'file' expired",
                      done.stderr)


class AppServer(CodexCase):
    """One process, as the TUI and the editors have it."""

    def start(self, interval):
        self.configure(**{"300000": str(interval)})
        self.count_calls()
        self.server = subprocess.Popen([*CODEX, "app-server", *QUIET], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.server.communicate)
        self.call("initialize", clientInfo={"name": "wif", "title": "wif", "version": "1"})
        self.thread = self.call("thread/start", sandbox="read-only", approvalPolicy="never")["thread"]["id"]

    def call(self, method, **params):
        self.server.stdin.write(json.dumps({"id": method, "method": method, "params": params}) + "\n")
        self.server.stdin.flush()
        return self.await_message(lambda message: message.get("id") == method)["result"]

    def await_message(self, wanted):
        for line in self.server.stdout:
            message = json.loads(line)
            if wanted(message):
                return message
        self.fail("Codex ended")

    def turn(self):
        self.call("turn/start", threadId=self.thread, input=[{"type": "text", "text": "Say hello"}])
        turn = self.await_message(lambda message: message.get("method") == "turn/completed")["params"]["turn"]
        self.assertEqual(turn["status"], "completed", turn)

    def test_it_asks_once_for_many_turns(self):
        self.start(300000)
        for _ in range(5):
            self.turn()
        self.assertEqual((self.calls(), self.testbed.exchanges()), (1, 1))

    def test_it_asks_again_when_its_interval_is_over(self):
        self.testbed.control("config", expires_in=6 * PATIENCE)
        self.start(1000)
        self.turn()
        self.await_expiry()
        self.turn()
        self.assertEqual(self.refusals(), 0)

    def test_it_asks_again_after_a_401_of_a_token_that_expired(self):
        self.testbed.control("config", expires_in=6 * PATIENCE)
        self.start(0)
        self.turn()
        self.await_expiry()
        self.turn()
        self.assertEqual(self.testbed.exchanges(), 2)
        self.assertGreaterEqual(self.refusals(), 1)

    def test_a_revoked_token_is_replaced_within_the_turn(self):
        self.start(300000)
        self.turn()
        self.testbed.control("revoke")
        self.turn()
        self.turn()
        self.assertEqual(self.testbed.exchanges(), 2)
        self.assertLessEqual(self.calls(), 3)

    def test_an_interval_of_nothing_costs_calls_but_no_exchanges(self):
        """Asking again within seconds looks like a rejection: once a minute."""
        self.start(1)
        for _ in range(5):
            self.turn()
        self.assertGreaterEqual(self.calls(), 8)
        self.assertLessEqual(self.testbed.exchanges(), 2)


class IdentityFile(CodexCase):
    """Codex' own workload identity: it wants the subject token in a file, and exchanges it itself."""

    def setUp(self):
        super().setUp()
        self.config(f'[profiles.identity]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\nexchange = {{ kind = "none" }}\n')
        self.file = self.path("identity-token")

    def keep(self):
        writer = subprocess.Popen([self.program, "write", "-p", "identity", "--format", "raw", "--output", self.file, "--watch"],
                                  env=self.env, stdin=subprocess.DEVNULL)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.terminate)

    def content(self):
        with open(self.file, encoding="ascii") as file:
            return file.read()

    def test_codex_exchanges_what_the_file_has_now(self):
        """The second token is there before the first one ends."""
        os.remove(self.path("codex/config.toml"))
        life = 20 * PATIENCE
        end = time.time() + life
        token = self.testbed.mint(ttl=life)
        self.keep()
        with Proxy(self.folder, "auth.openai.com") as proxy:
            self.env.update(HTTPS_PROXY=proxy.url, CODEX_CA_CERTIFICATE=proxy.ca_file, OPENAI_FEDERATION_RULE_ID="fdrl_1",
                            OPENAI_IDENTITY_TOKEN_FILE=self.file)
            self.assert_exchanged(proxy, token)
            token = self.testbed.mint()
            self.await_file(self.file, lambda text: text == token)
            self.assertLess(time.time(), end)
            self.assert_exchanged(proxy, token)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)

    def assert_exchanged(self, proxy, token):
        self.await_file(self.file, lambda text: text == token)
        done = self.client(*CODEX, "exec", "--skip-git-repo-check", *QUIET, "Say hello", code=1)
        self.assertIn("the workload identity token exchange was rejected with HTTP 400", done.stderr)
        path, body = proxy.requests.pop()
        self.assertEqual(path, "/oauth/token")
        self.assertEqual(parse_qs(body.decode()), {"grant_type": ["urn:ietf:params:oauth:grant-type:jwt-bearer"], "assertion": [token],
                                                   "federation_rule_id": ["fdrl_1"]})


class Requests(BareToken, IntegrationCase):
    COMMAND = "codex"


if __name__ == "__main__":
    main()
