# SPDX-License-Identifier: Apache-2.0
"""wif against an exchange that somebody else might have written (foreign.py)."""
import json
import os

from foreign import ACCOUNT, PROVIDER, Authority, Exchange, Proxy, Signer
from harness import CANARY, Case, main

ISSUED = CANARY + "foreign.~+/-_0=="


class Foreign(Case):
    def setUp(self):
        super().setUp()
        self.signer = Signer(self.folder)
        self.subject = self.signer.token()
        with open(self.testbed.token_file, "w", encoding="ascii") as file:
            file.write(self.subject + "\n")
        self.env.update(OPENAI_IDENTITY_PROVIDER_ID=PROVIDER, OPENAI_SERVICE_ACCOUNT_ID=ACCOUNT)

    def serve(self, context=None):
        exchange = Exchange(self.signer, ISSUED, context)
        self.addCleanup(exchange.stop)
        return exchange

    def assert_answer(self, done, profile):
        answer = json.loads(done.stdout)
        self.assertEqual((answer["access_token"], answer["token_type"], answer["profile"]), (ISSUED, "Bearer", profile))
        self.assertTrue(1700 < answer["expires_in"] <= 1800, answer["expires_in"])
        self.assertNotIn("scope", answer)

    def assert_requests(self, exchange, count):
        self.assertEqual(exchange.requests, [[]] * count)


class Plain(Foreign):
    def test_with_no_file_at_all(self):
        exchange = self.serve()
        words = ("get", "--set", "exchange.url=" + exchange.url())
        self.assert_answer(self.plain(*words), "default")
        self.assert_answer(self.plain(*words), "default")
        self.assert_requests(exchange, 1)

    def test_it_finds_mistakes(self):
        """Else it would show nothing: a wrong field, and a token of another signer."""
        exchange = self.serve()
        words = ("get", "--set", "exchange.url=" + exchange.url())
        self.plain(*words, "--set", "exchange.service_account_id=sa_other", code=5)
        Signer(self.folder)  # writes over the public key
        self.plain(*words, code=5)
        self.assertRegex(exchange.requests[0][0], "fields: .*sa_other")
        self.assertEqual(exchange.requests[1], ["signature"])


class Tls(Foreign):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)

    def profile(self, url):
        for name in ("OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID", "OPENAI_IDENTITY_TOKEN_FILE"):
            self.env.pop(name, None)
        self.config(f"""
[profiles.theirs]
subject = {{ provider = "file", path = "{self.testbed.token_file}" }}
[profiles.theirs.exchange]
url = "{url}"
ca_file = "{self.authority.root}"
identity_provider_id = "{PROVIDER}"
service_account_id = "{ACCOUNT}"
""")

    def test_from_a_profile_with_a_chain_and_its_root(self):
        exchange = self.serve(self.authority.context())
        self.profile(exchange.url())
        self.assert_answer(self.plain("get"), "theirs")
        self.assert_answer(self.plain("get"), "theirs")
        self.assert_requests(exchange, 1)

    def test_with_no_file_and_the_root_in_a_variable(self):
        exchange = self.serve(self.authority.context())
        self.env["SSL_CERT_FILE"] = self.authority.root
        self.assert_answer(self.plain("get", "--set", "exchange.url=" + exchange.url()), "default")
        self.assert_requests(exchange, 1)

    def refused(self, exchange, url, *words):
        self.profile(url)
        done = self.plain("get", *words, code=6)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.records(), [])
        return done.stderr

    def test_a_chain_with_a_gap_another_name_and_another_root_are_refused(self):
        gap = self.serve(self.authority.context("server.pem"))
        self.assertIn("can't be verified", self.refused(gap, gap.url()))
        exchange = self.serve(self.authority.context())
        self.assertIn("can't be verified", self.refused(exchange, exchange.url("localhost")))
        other = os.path.join(self.folder, "other")
        os.mkdir(other)
        self.authority.root = Authority(other).root
        self.assertIn("can't be verified", self.refused(exchange, exchange.url()))
        self.assertEqual(gap.requests + exchange.requests, [])

    def test_an_answer_that_was_cut_off_is_refused(self):
        """Neither a length nor TLS's own end tells where it ends: the JSON has to."""
        exchange = self.serve(self.authority.context())
        exchange.cut = len(exchange.answer().encode()) - 60
        self.refused(exchange, exchange.url(), "--timeout", "2s")
        self.assertGreater(len(exchange.requests), 0)
        self.assertEqual(exchange.requests[0], [])

    def test_through_a_proxy_that_learns_nothing(self):
        exchange = self.serve(self.authority.context())
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        self.profile(exchange.url("exchange.localhost"))
        self.env["https_proxy"] = proxy.url
        self.assert_answer(self.plain("get"), "theirs")
        self.assertEqual(proxy.asked, [f"exchange.localhost:{exchange.port}"])
        self.assertGreater(len(proxy.seen), 500)
        self.assertNotIn(self.subject[-40:].encode(), proxy.seen)
        self.assert_requests(exchange, 1)


if __name__ == "__main__":
    main()
