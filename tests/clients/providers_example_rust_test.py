# SPDX-License-Identifier: Apache-2.0
"""The example module in Rust, as a drop-in: from a token broker or a file to an exchange that verifies."""
import hashlib
import os

from harness import MODULES, main
from source import Silence, Source

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "providers", "examples", "rust")
BUILT = os.path.join(MODULES, "rust", "release", "libwif_provider_example_rust.so")
SECRET = "wif-canary-at-broker"


class ExampleRust(Silence, Source):
    provider = "example-rust"
    path = "/token"

    def setUp(self):
        super().setUp()
        folder = self.drop_in(BUILT, os.path.join(SOURCE, "example-rust.module"))
        os.rename(os.path.join(folder, os.path.basename(BUILT)), os.path.join(folder, "wif-provider-example-rust.so"))
        self.answers(body=self.testbed.control("mint"))
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.env.update(EXAMPLE_BROKER_URL=self.testbed.about["http"], EXAMPLE_BROKER_SECRET=SECRET)

    def answers(self, **answer):
        self.testbed.control("config", answers=[{"path": self.path, "content_type": "text/plain", **answer}])

    def test_it_is_found_and_asks_the_broker(self):
        self.assertRegex(self.plain("providers").stdout, r"[*+] example-rust +95 +EXAMPLE_BROKER_URL is set")
        first = self.token("--set", "subject.provider=example-rust")
        self.assertEqual(self.testbed.control("last")["outcome"], "ok")
        asked = self.testbed.control("last", path=self.path)
        self.assertEqual(asked["target"], "/token?audience=https%3A%2F%2Fapi.openai.com%2Fv1")
        self.assertEqual(asked["headers"]["authorization"], "Bearer sha256:" + hashlib.sha256(SECRET.encode()).hexdigest())
        self.assertEqual(self.testbed.models(first), 200)

    def test_it_is_inspected_and_handed_over(self):
        words = ("--set", "subject.provider=example-rust")
        self.assertIn("system:serviceaccount:default:openai-wif", self.plain("inspect", *words).stdout)
        self.assertEqual(self.plain("subject", *words).stdout.count("."), 2)

    def test_another_secret_is_another_credential(self):
        words = ("--set", "subject.provider=example-rust")
        first = self.token(*words)
        self.assertEqual(self.token(*words), first)
        self.env["EXAMPLE_BROKER_SECRET"] = SECRET + "-2"
        self.assertNotEqual(self.token(*words), first)

    def test_a_file(self):
        words = ("--set", "subject.provider=example-rust", "--set", "subject.path=" + self.testbed.token_file)
        self.assertTrue(self.token(*words))
        self.assertEqual(self.testbed.control("last")["outcome"], "ok")

    def test_files_that_hold_no_token(self):
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        page = os.path.join(self.folder, "page")
        with open(page, "w", encoding="ascii") as file:
            file.write("<html>")
        for path, words in ((fifo, "it is no file"), (self.folder, "Is a directory"), (page, "is not a token"),
                            (page + "s", "No such file")):
            self.refused(4, words, "--set", "subject.path=" + path)

    def test_what_the_broker_may_do(self):
        for answer, code, words in (({"status": 401}, 5, "HTTP 401.*\n.*EXAMPLE_BROKER_SECRET"),
                                    ({"status": 404}, 4, "HTTP 404"),
                                    ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, 6, "where 200 is due"),
                                    ({"body": "<html>"}, 6, "not with a token")):
            with self.subTest(words=words):
                self.answers(**answer)
                self.refused(code, words, "--no-cache")

    def test_the_hosts_words(self):
        self.refused(6, "cannot connect to 127.0.0.1:1", "--set", "subject.endpoint=http://127.0.0.1:1", "--timeout", "1s")
        self.refused(3, "over plain http", "--set", "subject.endpoint=http://broker.example")

    def test_settings(self):
        self.refused(3, "not a broker's address", "--set", "subject.endpoint=127.0.0.1:1")
        self.refused(3, "subject.audience is not set", "--set", "subject.audience=")
        del self.env["EXAMPLE_BROKER_URL"]
        self.refused(3, "neither subject.path nor subject.endpoint is set.*\n.*EXAMPLE_BROKER_URL")


if __name__ == "__main__":
    main()
