# SPDX-License-Identifier: Apache-2.0
"""What holds for every integration that takes no request and prints the bare token (`COMMAND`)."""
import os
import subprocess

from harness import CANARY

MORE_THAN_A_PIPE = b"x" * (1 << 20)


class BareToken:
    COMMAND = None

    def setUp(self):
        super().setUp()
        self.config(self.profile_text())

    def profile_text(self, exchange=None):
        exchange = exchange or f'{{ kind = "openai", url = "{self.url()}" }}'
        return (f'[profiles.prod]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                f'exchange = {exchange}\n')

    def test_prints_the_token_and_a_line_end(self):
        done = self.plain(self.COMMAND)
        self.assertRegex(done.stdout, f"^{CANARY}[^\\s]+\n$")
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.testbed.models(done.stdout.strip()), 200)

    def test_standard_input_is_left_alone_though_it_never_ends(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, writer)
        self.addCleanup(os.close, reader)
        os.write(writer, b"garbage\n")
        done = subprocess.run([self.program, self.COMMAND], env=self.env, stdin=reader, capture_output=True, timeout=60, check=True)
        self.assertTrue(done.stdout.startswith(CANARY.encode()))
        self.assertEqual(os.read(reader, 100), b"garbage\n")

    def test_standard_input_may_be_closed_or_huge(self):
        for options in {"preexec_fn": lambda: os.close(0)}, {"input": MORE_THAN_A_PIPE}:
            with self.subTest(options=list(options)):
                done = subprocess.run([self.program, self.COMMAND], env=self.env, capture_output=True, timeout=60, check=True, **options)
                self.assertTrue(done.stdout.startswith(CANARY.encode()))

    def test_words_that_it_does_not_take(self):
        for words in ["get"], ["--hosts"], ["-p"], ["--", "x"], ["x" * 100_000], ["\x1b[2J\n"]:
            with self.subTest(words=words[0][:20]):
                done = self.plain(self.COMMAND, *words, code=2)
                self.assertEqual(done.stdout, "")
                self.assertNotIn("\x1b", done.stderr)
                self.assertLess(len(done.stderr), 600)

    def test_a_pair_of_keys_is_no_token(self):
        self.config(self.profile_text('{ kind = "aws-sts", role_arn = "arn:aws:iam::123456789012:role/web", '
                                      f'url = "{self.testbed.about["http"]}/" }}'))
        done = self.plain(self.COMMAND, code=2)
        self.assertEqual(done.stdout, "")
        self.assertIn("is a pair of AWS keys, not one token", done.stderr)

    def test_a_failure_prints_nothing_and_says_why(self):
        self.testbed.mint(ttl=-60, age=600)
        done = self.plain(self.COMMAND, code=4)
        self.assertEqual(done.stdout, "")
        self.assertIn("wif: the subject token from provider 'file' expired", done.stderr)
