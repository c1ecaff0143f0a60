# SPDX-License-Identifier: Apache-2.0
"""`bazel-credential-wif` by the specification's letter: no registry has a Bazel that knows credential helpers."""
import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from harness import CANARY, main
from hosting import FOREIGN, MALFORMED, OURS, HostCase

URI = f"https://{OURS}/cas/blobs"


class BazelCase(HostCase):
    def setUp(self):
        super().setUp()
        self.serve(OURS, "*.corp.example:8980")

    def helper(self, given, *words, code=0, program="bazel-credential-wif"):
        text = given if isinstance(given, str) else json.dumps(given)
        return self.client(program, *(words or ("get",)), given=text, code=code)

    def token(self, uri=URI, *words, **options):
        answer = json.loads(self.helper({"uri": uri}, *words, **options).stdout)
        self.assertEqual(list(answer["headers"]), ["Authorization"])
        scheme, _, token = answer["headers"]["Authorization"][0].partition(" ")
        self.assertEqual((len(answer["headers"]["Authorization"]), scheme), (1, "Bearer"))
        return token

    def refused(self, given, *words, codes=(2, 3)):
        text = given if isinstance(given, str) else json.dumps(given)
        done = subprocess.run(["bazel-credential-wif", *(words or ("get",))], env=self.env, input=text, capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertIn(done.returncode, codes, text[:200])
        self.assertEqual(done.stdout, "")
        self.assertNotIn(CANARY, done.stderr)
        self.assertLessEqual(len(done.stderr.splitlines()), 2)
        self.assertEqual(self.testbed.exchanges(), 0)
        return done.stderr


class Requests(BazelCase):
    def test_an_answer_by_the_schema(self):
        answer = self.helper({"uri": URI}).stdout
        self.assertEqual(answer.count("\n"), 1)
        found = json.loads(answer)
        self.assertEqual(list(found), ["headers", "expires"])
        self.assertRegex(found["expires"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        with open(os.path.join(self.cache, self.records()[0]), encoding="utf-8") as file:
            expires_at = json.load(file)["credential"]["expires_at"]
        self.assertEqual(found["expires"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires_at)))
        self.assertTrue(self.accepts(self.token()))

    def test_uris_of_ours(self):
        for uri in (URI, f"grpcs://{OURS}/build.bazel.remote.execution.v2.Capabilities/GetCapabilities", f"HTTPS://{OURS.upper()}",
                    "grpcs://a.corp.example:8980/x", "https://a.corp.example:8980", f"https://{OURS}:443/?a=b#c"):
            self.assertTrue(self.accepts(self.token(uri)))
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_uris_of_nobodys(self):
        for name in FOREIGN:
            for uri in name, "https://" + name, "grpcs://" + name:
                self.assertRegex(self.refused({"uri": uri}), "no profile serves|names no host|is no URI", uri)
        for uri in f"grpc://{OURS}", f"unix:{OURS}", f"http://{OURS}:443", f"grpcs://https://{OURS}", OURS, "//" + OURS, f"file:///{OURS}":
            self.refused({"uri": uri})

    def test_uris_that_are_none(self):
        for name in MALFORMED:
            for uri in name, "https://" + name, f"grpcs://{name}/x":
                self.refused({"uri": uri})

    def test_requests_that_are_none(self):
        for given in ("", "\n", "\0", "get", URI, "[]", "7", "null", "{}", '{"uri":7}', '{"uri":null}', '{"uri":["%s"]}' % URI, '{"url":"%s"}' % URI,
                      json.dumps({"uri": URI})[:-1], json.dumps({"uri": URI}) * 2, "{" * 100_000, json.dumps({"uri": URI, "x": "x" * 2_000_000})):
            self.refused(given)

    def test_what_the_request_says_besides_is_left_aside(self):
        self.helper({"version": 2, "headers": {"a": []}, "uri": URI})

    def test_verbs(self):
        for words in ("list",), ("get", "more"), ("get-credentials",), ("",), ("--no-expires",):
            self.assertIn("wif: ", self.refused({"uri": URI}, *words))
        done = self.client("bazel-credential-wif", given="", code=2)
        self.assertIn("no verb", done.stderr)

    def test_a_failure_is_told(self):
        self.testbed.mint(ttl=-60, age=3600)
        done = self.helper({"uri": URI}, code=4)
        self.assertEqual(done.stdout, "")
        self.assertIn("the subject token from provider 'file' expired", done.stderr)


class Life(BazelCase):
    def test_an_expiry_is_crossed(self):
        first = self.token()
        self.age(3600)
        self.assertNotEqual(self.token(), first)

    def test_a_revoked_token(self):
        first = self.token()
        self.testbed.control("revoke")
        self.assertEqual(self.token(), first)  # several URIs in a row are no rejection
        self.plain("cache", "clear", "-p", "registry")
        self.assertTrue(self.accepts(self.token()))

    def test_one_with_less_left_than_bazel_may_keep_it_is_renewed(self):
        first = self.token()
        self.set_life(1700, 1900)
        self.assertEqual(self.token(), first)
        self.set_life(1900, 1700)
        self.assertNotEqual(self.token(), first)

    def test_without_an_expiry(self):
        """The script that the README has."""
        shutil.copy(self.example("bazel/bazel-credential-no-expires"), self.path("helper"))
        os.chmod(self.path("helper"), 0o755)
        self.assertEqual(list(json.loads(self.helper({"uri": URI}, program=self.path("helper")).stdout)), ["headers"])

    def test_thousands_of_calls_are_one_exchange(self):
        """As Bazel 7.1 to 7.3 make them (bazel#23429): one a request, many at a time."""
        many = int(os.environ.get("WIF_TEST_MANY", "1000"))
        with ThreadPoolExecutor(16) as pool:
            tokens = set(pool.map(lambda number: self.token(f"{URI}/{number}"), range(many)))
        self.assertEqual(len(tokens), 1)
        self.assertEqual(self.testbed.exchanges(), 1)


if __name__ == "__main__":
    main()
