# SPDX-License-Identifier: Apache-2.0
"""`wif dotenv` read by a shell, and by python-dotenv."""
import json
import os

import pypi
from harness import main
from hosting import HostCase

PYTHON = None


def setUpModule():
    global PYTHON
    PYTHON = pypi.environment("dotenv")


class Dotenv(HostCase):
    def setUp(self):
        super().setUp()
        self.serve("127.0.0.1:*")

    def token_by(self, *words):
        return self.client(*words).stdout.strip()

    def test_a_shell_reads_it(self):
        """integrations/dotenv/service, in a folder with a .env."""
        self.plain("write", "--format", "dotenv", "--output", self.path(".env"))
        script = self.example("dotenv/service")
        token = self.token_by("sh", "-c", f'cd {self.folder} && exec sh {script} printenv OPENAI_API_KEY')
        self.assertTrue(self.accepts(token))
        self.assertEqual(os.stat(self.path(".env")).st_mode & 0o777, 0o600)

    def test_python_dotenv_reads_it(self):
        self.write(".env", self.plain("dotenv", "--env", "SERVICE_TOKEN").stdout)
        script = "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1])))"
        values = json.loads(self.token_by(PYTHON, "-c", script, self.path(".env")))
        self.assertEqual(list(values), ["SERVICE_TOKEN"])
        self.assertTrue(self.accepts(values["SERVICE_TOKEN"]))

    def test_a_pair_of_aws_keys(self):
        http = self.testbed.about["http"]
        self.serve(name="tokens", more=f'[profiles.aws]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\nexchange = {{ '
                   f'kind = "aws-sts", url = "{http}/", role_arn = "arn:aws:iam::123456789012:role/web" }}\n')
        lines = self.plain("dotenv", "-p", "aws").stdout.splitlines()
        self.assertEqual([line.partition("=")[0] for line in lines], ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
        self.assertEqual(lines[0], "AWS_ACCESS_KEY_ID=ASIATESTBEDWEB000000")

    def test_it_crosses_an_expiry(self):
        first = self.plain("dotenv").stdout
        self.assertEqual(self.plain("dotenv").stdout, first)
        self.age(3600)
        self.assertNotEqual(self.plain("dotenv").stdout, first)

    def test_a_revoked_token(self):
        first = self.plain("dotenv").stdout
        self.testbed.control("revoke")
        self.plain("cache", "clear", "-p", "registry")
        second = self.plain("dotenv").stdout
        self.assertNotEqual(second, first)
        self.assertTrue(self.accepts(second.strip().partition("=")[2]))

    def test_names_that_are_none(self):
        for name in "", "1A", "A B", "A=B", "A\nB", "A;id":
            self.assertEqual(self.plain("dotenv", "--env", name, code=2).stdout, "")
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_a_failure_writes_nothing(self):
        self.testbed.mint(ttl=-60, age=3600)
        self.assertEqual(self.plain("dotenv", code=4).stdout, "")
        self.plain("write", "--format", "dotenv", "--output", self.path(".env"), code=4)
        self.assertFalse(os.path.exists(self.path(".env")))


if __name__ == "__main__":
    main()
