# SPDX-License-Identifier: Apache-2.0
"""`wif aws` under the aws CLI and botocore. moto issues the keys, and checks the signatures that are made with them."""
import json
import subprocess
import time

import providers_aws_moto_test as moto
import pypi
from harness import main
from integrating import IntegrationCase

ROLE = "arn:aws:sts::123456789012:assumed-role/app/wif"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": "*"},
                                                  "Action": "sts:AssumeRoleWithWebIdentity"}]}
AWS = None


def setUpModule():
    global AWS
    moto.setUpModule()
    AWS = pypi.program("awscli", "aws")


class AwsCase(moto.MotoCase, IntegrationCase):
    def setUp(self):
        super().setUp()
        self.env.update(AWS_PROFILE="wif", AWS_CONFIG_FILE=self.example("aws/config"), AWS_EC2_METADATA_DISABLED="true",
                        AWS_ENDPOINT_URL_STS="http://" + self.address + "/")
        self.create_role()
        self.aws_profile()

    def create_role(self):
        self.iam("CreateRole", RoleName="app", AssumeRolePolicyDocument=json.dumps(TRUST))
        # The one call that isn't signed comes first; from then on every signature is checked.
        self.check(after=1)

    def aws_profile(self, more=""):
        self.config(f'[profiles.aws]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                    f'exchange = {{ kind = "aws-sts", role_arn = "{moto.ACCOUNT}role/app"{more} }}\n')

    def cli(self, code=0):
        done = self.client(AWS, "sts", "get-caller-identity", "--query", "Arn", "--output", "text", code=code)
        if code == 0:
            self.assertEqual(done.stdout.strip(), ROLE)
        return done

    def botocore(self, script):
        """Its last line; `session` is there, and so is `credentials`."""
        begin = "import botocore.session\nsession = botocore.session.Session()\ncredentials = session.get_credentials()\n"
        return self.client(moto.PYTHON, "-c", begin + script).stdout.splitlines()[-1]


class CommandLine(AwsCase):
    def test_it_signs_with_the_roles_keys(self):
        self.cli()
        self.cli()
        self.assertEqual(len(self.records()), 1)

    def test_keys_that_expired_are_replaced(self):
        self.cli()
        self.age(3601)
        self.check(after=1)
        self.cli()

    def test_keys_that_aws_no_longer_knows(self):
        """AWS's protocol has no word for it: `wif cache clear` is."""
        self.cli()
        self.call("POST", "/moto-api/reset")
        self.check(after=1000)
        self.create_role()
        self.check()
        self.assertIn("InvalidClientTokenId", self.cli(code=255).stderr)
        self.plain("cache", "clear", "-p", "aws")
        self.check(after=1)
        self.cli()

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.mint(ttl=-60, age=600)
        self.assertRegex(self.cli(code=255).stderr,
                         "Error when retrieving credentials from custom-process: wif: the subject token from provider 'file' expired")


class Botocore(AwsCase):
    def test_it_asks_once_for_many_requests(self):
        found = self.botocore("""
client = session.create_client("sts")
for _ in range(5):
    arn = client.get_caller_identity()["Arn"]
print(arn)""")
        self.assertEqual(found, ROLE)

    def test_an_answer_that_it_would_ask_again_for_is_renewed_first(self):
        """boto refreshes from 15 minutes before the end."""
        first = self.botocore("print(credentials.get_frozen_credentials().access_key)")
        for left, same in (17 * 60, True), (15 * 60 + 30, False):
            self.set_life(3600 - left, left)
            self.check(after=1)
            self.assertEqual(self.botocore("print(credentials.get_frozen_credentials().access_key)") == first, same, left)

    def test_it_crosses_an_expiry(self):
        self.cli()
        self.set_life(1, 9)  # more than half of it left until botocore has it, or it would be renewed first
        self.check(after=2)  # the look at who it is is checked below
        found = self.botocore("""
import datetime, time
first = credentials.get_frozen_credentials().access_key
end = credentials._expiry_time
while datetime.datetime.now(end.tzinfo) < end:
    time.sleep((end - datetime.datetime.now(end.tzinfo)).total_seconds())
second = credentials.get_frozen_credentials()
print(first != second.access_key, session.create_client("sts").get_caller_identity()["Arn"])""")
        self.assertEqual(found, "True " + ROLE)

    def test_an_exchange_that_gives_less_than_it_wants(self):
        """Then boto asks at each request: each of them is answered out of the cache."""
        self.aws_profile(', duration = "15m"')
        self.count_calls()
        keys = self.botocore("print(len({credentials.get_frozen_credentials().access_key for _ in range(5)}))")
        self.assertEqual(keys, "1")
        self.assertGreaterEqual(self.calls(), 5)
        self.assertEqual(len(self.records()), 1)
        done = self.plain("aws")
        self.assertRegex(done.stderr, "^wif: the credential is good for 1[45] min.* more, and aws wants 16 min; the exchange of profile 'aws' "
                                      "gave no longer one\n$")


class Answer(AwsCase):
    def test_is_compact_and_in_utc(self):
        text = self.plain("aws", "-p", "aws").stdout
        answer = json.loads(text)
        self.assertEqual(list(answer), ["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])
        self.assertEqual(answer["Version"], 1)
        self.assertEqual(len(text), sum(len(answer[name]) for name in list(answer)[1:]) + len(
            '{"Version":1,"AccessKeyId":"","SecretAccessKey":"","SessionToken":"","Expiration":""}\n'))
        self.assertLess(len(text), 1024)
        self.assertRegex(answer["Expiration"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_standard_input_is_left_alone(self):
        """An open one that never ends, as a daemon's may be."""
        process = subprocess.Popen([self.program, "aws"], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertIn("AccessKeyId", process.stdout.read())
        process.stdin.close()
        process.stdout.close()
        self.assertEqual(process.wait(), 0)

    def test_a_profile_whose_credential_is_one_token(self):
        self.config(f'[profiles.own]\nexchange = {{ kind = "none" }}\nsubject = {{ provider = "file", path = '
                    f'"{self.testbed.token_file}" }}\n')
        done = self.plain("aws", code=2)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, "^wif: the credential of profile 'own' is one token, .*\n +use a profile with .*aws-sts")

    def test_another_helpers_keys_cached(self):
        """`wif wrap` in the line's place."""
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        answer = json.loads(self.plain("aws").stdout) | {"Expiration": until}
        helper = self.write("helper", f"#!/bin/sh\necho run >>{self.path('runs')}\necho '{json.dumps(answer)}'\n")
        self.client("chmod", "+x", helper)
        self.env["AWS_CONFIG_FILE"] = self.write(
            "wrapped", f"[profile wif]\nregion = eu-central-1\ncredential_process = wif wrap --min-ttl 16m -- {helper}\n")
        self.cli()
        self.cli()
        with open(self.path("runs"), encoding="ascii") as file:
            self.assertEqual(file.read(), "run\n")


if __name__ == "__main__":
    main()
