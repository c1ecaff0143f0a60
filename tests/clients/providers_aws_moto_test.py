# SPDX-License-Identifier: Apache-2.0
"""Provider aws, and exchange aws-sts, against moto (PyPI), which shares no line with us or the testbed: it checks signatures, session tokens and IAM's
policies, and has EC2's metadata. moto_server.py says what of it is ours."""
import http.client
import json
import os
import re
import subprocess

import pypi
from harness import Case, main

ACCOUNT = "arn:aws:iam::123456789012:"
ALLOWED = {"Effect": "Allow", "Action": ["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"], "Resource": "*"}
PYTHON = None


def setUpModule():
    global PYTHON
    PYTHON = pypi.environment("moto")


class MotoCase(Case):
    def setUp(self):
        super().setUp()
        server = os.path.join(os.path.dirname(os.path.abspath(__file__)), "moto_server.py")
        self.log = os.path.join(self.folder, "moto.log")
        with open(self.log, "wb") as log:
            self.moto = subprocess.Popen([PYTHON, server, self.testbed.about["http"]], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=log, text=True, env={"PATH": os.environ["PATH"]})
        self.addCleanup(self.stop)
        port = self.moto.stdout.readline().strip()
        if not port:
            with open(self.log, encoding="utf-8") as log:
                self.fail("moto did not start:\n" + log.read())
        self.address = "127.0.0.1:" + port
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.env.update(AWS_REGION="eu-central-1", AWS_EC2_METADATA_SERVICE_ENDPOINT="http://" + self.address)
        self.testbed.control("config", mappings=[{"rows": {"sub": ACCOUNT + "*"}}])

    def stop(self):
        self.moto.stdin.close()
        code = self.moto.wait()
        self.moto.stdout.close()
        self.assertEqual(code, 0)

    def call(self, method, path, body="", headers=None):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        self.assertEqual(answer.status, 200, text)
        return text

    def iam(self, action, **parameters):
        """moto asks for no signature until check() is called."""
        from urllib.parse import urlencode
        form = urlencode({"Action": action, "Version": "2010-05-08", **parameters})
        scope = "AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0"
        return self.call("POST", "/", form, {"Authorization": scope, "Content-Type": "application/x-www-form-urlencoded"})

    def aws_user(self, name="app", allowed=True):
        """A user with a key, which is put into wif's environment."""
        self.iam("CreateUser", UserName=name)
        if allowed:
            self.iam("PutUserPolicy", UserName=name, PolicyName="wif",
                     PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [ALLOWED]}))
        answer = self.iam("CreateAccessKey", UserName=name)
        for variable, element in (("AWS_ACCESS_KEY_ID", "AccessKeyId"), ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey")):
            self.env[variable] = re.search(f"<{element}>(.*)</{element}>", answer).group(1)

    def check(self, after=0):
        """From here on moto checks each request but for the next `after`."""
        self.call("POST", "/moto-api/reset-auth", str(after))

    def arguments(self, words, fault=None):
        settings = ["--set", "subject.provider=aws", "--set", "subject.endpoint=http://" + self.address]
        return super().arguments([words[0], *settings, *words[1:]], fault)

    def asked(self):
        """What moto understood GetWebIdentityToken to be asked for."""
        return json.loads(self.call("GET", "/asked"))

    def fails(self, code, expected):
        done = self.wif("get", "--timeout", "20s", code=code)
        self.assertRegex(done.stderr, expected)
        if "AWS_SECRET_ACCESS_KEY" in self.env:
            self.assertNotIn(self.env["AWS_SECRET_ACCESS_KEY"], done.stderr)
        self.assertEqual((self.asked(), self.records()), ([], []))


class Signatures(MotoCase):
    def test_a_users_key(self):
        self.aws_user()
        self.check()
        self.testbed.control("config", mappings=[{"rows": {"sub": ACCOUNT + "user/app"}}])
        self.assertTrue(self.token())
        self.assertEqual(self.asked(), [{
            "caller": ACCOUNT + "user/app", "region": "eu-central-1", "Audience": ["https://api.openai.com/v1"],
            "SigningAlgorithm": "RS256", "DurationSeconds": 300}])

    def test_settings_arrive_as_they_were_set(self):
        self.aws_user()
        self.check()
        # No space: moto forgets the body's bytes and writes its own, with a + for it. Botocore's test in
        # providers_aws_test.py has one.
        for value in ("a&b=c+d/e", "ü~*%41", "'\"<>"):
            with self.subTest(value=value):
                self.assertTrue(self.token("--no-cache", "--set", "subject.duration=1h", "--set",
                                           "subject.signing_algorithm=ES384", "--set", "subject.tags=team=" + value))
                last = self.asked()[-1]
                self.assertEqual(last["Tags"], [{"Key": "team", "Value": value}])
                self.assertEqual((last["SigningAlgorithm"], last["DurationSeconds"]), ("ES384", 3600))

    def test_a_wrong_secret(self):
        self.aws_user()
        self.check()
        self.env["AWS_SECRET_ACCESS_KEY"] += "x"
        self.fails(5, "SignatureDoesNotMatch.*\n.*secret key from the environment")

    def test_a_key_that_was_deleted(self):
        self.aws_user()
        self.iam("DeleteAccessKey", UserName="app", AccessKeyId=self.env["AWS_ACCESS_KEY_ID"])
        self.check()
        self.fails(5, "InvalidClientTokenId.*\n.*does not know the key from the environment")

    def test_a_user_without_the_permission(self):
        self.aws_user(allowed=False)
        self.check()
        self.fails(5, "AccessDenied.*user/app.*\n.*allow sts:GetWebIdentityToken")


class Sources(MotoCase):
    def test_web_identity_and_a_session_token(self):
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": "*"},
                                                          "Action": "sts:AssumeRoleWithWebIdentity"}]}
        self.iam("CreateRole", RoleName="web", AssumeRolePolicyDocument=json.dumps(policy))
        self.iam("PutRolePolicy", RoleName="web", PolicyName="wif",
                 PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [ALLOWED]}))
        self.env.update(AWS_WEB_IDENTITY_TOKEN_FILE=self.testbed.token_file, AWS_ROLE_ARN=ACCOUNT + "role/web")
        self.testbed.control("config", mappings=[{"rows": {"sub": "arn:aws:sts::123456789012:assumed-role/web/wif"}}])
        self.check(after=1)  # AssumeRoleWithWebIdentity is not signed
        self.assertTrue(self.token())
        self.assertEqual([one["caller"] for one in self.asked()], ["arn:aws:sts::123456789012:assumed-role/web/wif"])

    def test_an_instance(self):
        del self.env["AWS_REGION"]
        self.testbed.control("config", mappings=[{"rows": {"sub": "arn:aws:sts::123456789012:*"}}])
        self.assertTrue(self.token())
        self.assertEqual([one["region"] for one in self.asked()], ["us-east-1"])


WHO = """
import boto3, sys
print(boto3.client("sts", endpoint_url=sys.argv[1], region_name="eu-central-1").get_caller_identity()["Arn"])
"""


class Exchange(MotoCase):
    def test_a_roles_keys_are_good_for_a_signed_call(self):
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": "*"},
                                                          "Action": "sts:AssumeRoleWithWebIdentity"}]}
        self.iam("CreateRole", RoleName="app", AssumeRolePolicyDocument=json.dumps(policy))
        self.config(f'[profiles.aws]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                    f'exchange = {{ kind = "aws-sts", url = "http://{self.address}/", role_arn = "{ACCOUNT}role/app", '
                    'session_name = "job-7", duration = "20m" }\n')
        answer = json.loads(self.plain("get").stdout)
        self.assertTrue(1100 < answer["expires_in"] <= 1200, answer["expires_in"])
        self.check()
        found = self.plain("exec", "--", PYTHON, "-c", WHO, "http://" + self.address).stdout.strip()
        self.assertEqual(found, "arn:aws:sts::123456789012:assumed-role/app/job-7")


if __name__ == "__main__":
    main()
