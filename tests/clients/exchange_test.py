# SPDX-License-Identifier: Apache-2.0
"""What the token endpoint may answer, and what wif makes of it: exit code, words, and nothing bad in the cache."""
import json
import os

from harness import Case, main


class Answers(Case):
    def refused(self, code, expected, fault, *words):
        done = self.wif("get", *words, fault=fault, code=code)
        self.assertRegex(done.stderr, expected)
        self.assertEqual(self.records(), [])
        return done

    def test_a_refusal_shows_the_servers_words(self):
        body = '{"error":"invalid_grant"}'
        for status in (400, 401, 403):
            self.testbed.control("config", answers=[{"path": "/oauth/token", "status": status, "times": 1, "body": body,
                                                     "content_type": "application/json"}])
            done = self.wif("get", "--set", f"exchange.client_id=c{status}", code=5)
            self.assertIn("invalid_grant", done.stderr)
            self.assertIn("wif doctor", done.stderr)

    def test_a_bare_500_is_tried_twice_and_explained(self):
        done = self.refused(6, "wif doctor", "status=500")
        self.assertIn("500", done.stderr)
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_one_500_is_forgiven(self):
        self.assertTrue(self.token(fault="status=500,times=1"))

    def test_transient_statuses_are_tried_again(self):
        for status in (429, 502, 503, 504):
            self.assertTrue(self.token("--no-cache", fault=f"status={status},times=1"))

    def test_a_reset_connection_is_tried_again(self):
        self.assertTrue(self.token("--no-cache", fault="reset,times=1"))

    def test_retry_after_past_the_deadline_fails_at_once_and_is_remembered(self):
        self.refused(6, "503", "status=503,retry_after=500", "--timeout", "20s")
        self.assertEqual(self.testbed.exchanges(), 1)
        done = self.wif("get", fault="status=503,retry_after=500", code=6)
        self.assertIn("next try in", done.stderr)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_retry_after_within_the_deadline_is_obeyed(self):
        self.assertTrue(self.token("--no-cache", fault="status=503,times=1,retry_after=1"))
        self.assertTrue(self.token("--no-cache", fault="status=503,times=1,retry_after=date+1"))

    def test_a_redirect_is_not_followed(self):
        other = self.testbed.about["https"]
        self.refused(6, "redirect", f"redirect={other}/oauth/token")
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_malformed_answers_are_errors(self):
        for fault in ("invalid_json", "html", "truncate", "big=10000000", "empty_token", "unsafe_token",
                      "expires_in=-1", "expires_in=0", "expires_in=text", "token_type=N_A"):
            with self.subTest(fault=fault):
                done = self.finish(self.start("get", "--timeout", "8s", fault=fault))
                self.assertIn(done.returncode, (5, 6), done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertLessEqual(len(done.stderr.splitlines()), 2, done.stderr)
                self.assertEqual(self.records(), [])

    def test_odd_but_good_answers_are_taken(self):
        for fault, life in (('expires_in="600"', 600), ("expires_in=absent", 3600), ("token_type=bearer", 3600)):
            with self.subTest(fault=fault):
                answer = json.loads(self.wif("get", "--no-cache", fault=fault.replace('"', "%22")).stdout)
                self.assertTrue(life - 60 < answer["expires_in"] <= life, answer["expires_in"])

    def test_a_hanging_server_ends_with_the_time_allowed(self):
        self.refused(6, "did not|no answer|timed? ?out", "hang", "--timeout", "1s")

    def test_nobody_listens(self):
        done = self.plain("get", "--set", "exchange.url=http://127.0.0.1:1/oauth/token", "--timeout", "3s", code=6)
        self.assertIn("127.0.0.1", done.stderr)

    def test_plain_http_to_elsewhere_is_refused(self):
        done = self.plain("get", "--set", "exchange.url=http://auth.example.com/oauth/token", code=3)
        self.assertIn("https", done.stderr)

    def test_a_reused_assertion_is_not_sent_again(self):
        self.testbed.control("config", single_use=True)
        self.token()
        self.plain("cache", "clear")
        self.assertIn("jti_reused", self.wif("get", code=5).stderr)
        sent = self.testbed.exchanges()
        self.set_pause(0)
        self.assertIn("has not rotated it yet; it was not sent again", self.wif("get", code=5).stderr)
        self.assertEqual(self.testbed.exchanges(), sent)
        self.testbed.mint(ttl=3000)
        self.set_pause(0)
        self.assertTrue(self.token())
        self.assertEqual(self.testbed.exchanges(), sent + 1)

    def set_pause(self, seconds):
        """As if a failure were remembered for that long: 0 forgets it."""
        for name in os.listdir(self.cache):
            if name.endswith(".failure"):
                with open(os.path.join(self.cache, name), "r+", encoding="utf-8") as file:
                    failure = json.load(file)
                    failure["not_before"] = failure["at"] + seconds
                    file.seek(0)
                    file.truncate()
                    json.dump(failure, file)

    def test_a_reused_assertion_leaves_a_good_record_alone(self):
        self.testbed.control("config", single_use=True)
        first = self.token()
        self.make_stale()
        done = self.wif("get", "--set", "cache.refresh=inline")
        self.assertEqual(json.loads(done.stdout)["access_token"], first)
        self.assertIn("jti_reused", done.stderr)
        self.assertEqual(self.token(), first)

    def test_an_outage_during_a_refresh_leaves_a_good_record_alone(self):
        first = self.token()
        self.make_stale()
        self.testbed.control("faults", fault="status=401", count=1)
        self.assertEqual(self.token(), first)
        while not any(name.endswith(".failure") for name in os.listdir(self.cache)):
            os.sched_yield()  # the refresh goes on behind the answer
        self.set_pause(3600)  # however slow this machine is, the next call comes within it
        self.assertEqual(self.token(), first)
        self.set_pause(0)
        self.testbed.control("faults", fault="empty_token", count=1)
        done = self.wif("get", "--set", "cache.refresh=inline")
        self.assertEqual(json.loads(done.stdout)["access_token"], first)
        self.assertIn("using the cached credential", done.stderr)
        self.assertEqual(self.token(), first)

    def test_no_proxy_for_loopback(self):
        self.env.update(http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1", all_proxy="http://127.0.0.1:1")
        self.assertTrue(self.token())


class Trust(Case):
    """What the endpoint checks; most of it comes back as a bare 500."""

    def outcome(self):
        return self.testbed.control("last")["outcome"]

    def test_wrong_tokens_are_refused_by_the_endpoint(self):
        for options, outcome in (({"claims": {"iss": "https://other"}}, "wrong_issuer"),
                                 ({"audience": "https://other"}, "wrong_audience"),
                                 ({"kid": False}, "missing_kid"),
                                 ({"kid": "unknown"}, "unknown_key"),
                                 ({"bad_signature": True}, "bad_signature"),
                                 ({"claims": {"sub": "system:serviceaccount:other:x"}}, "claims_mismatch")):
            with self.subTest(outcome=outcome):
                self.testbed.mint(**options)
                done = self.finish(self.start("get", "--no-cache"))
                self.assertIn(done.returncode, (5, 6), done.stderr)
                self.assertEqual(self.outcome(), outcome)

    def test_es256_is_taken_too(self):
        self.testbed.mint(alg="ES256")
        self.assertTrue(self.token())


if __name__ == "__main__":
    main()
