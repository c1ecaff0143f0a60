# SPDX-License-Identifier: Apache-2.0
"""aws: an instance's credentials from AWS's own mock of EC2's metadata (amazon-ec2-metadata-mock, Go), IMDSv2 only."""
import json
import os
import subprocess

import golang
import listening
from harness import Case, main

# The instance's keys and role, as the testbed's STS knows them (tests/testbed/standin_aws_keys.hpp).
KEYS = {"Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": "ASIATESTBEDINSTANCE0",
        "SecretAccessKey": "wif-canary-aws/inst+K7MDENGbPxRfiCYEXAMP",
        "Token": "wif-canary-aws-session-instance/+//////////wEaCXVzLWVhc3QtMSJGMEQCIA==", "Expiration": "2099-01-01T00:00:00Z"}
MOCK = None


def setUpModule():
    global MOCK
    MOCK = golang.program("ec2-metadata-mock")


class Metadata(Case):
    def setUp(self):
        super().setUp()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.testbed.control("config", mappings=[{"rows": {"sub": "arn:aws:iam::123456789012:role/instance"}}])

    def mock(self, **keys):
        config = os.path.join(self.folder, "mock.json")
        with open(config, "w", encoding="ascii") as file:
            json.dump({"metadata": {"values": {"iam-security-credentials": {**KEYS, **keys}, "placement-region": "eu-west-3"}}}, file)
        log_file = os.path.join(self.folder, "mock.log")
        with open(log_file, "wb") as log:
            mock = subprocess.Popen([MOCK, "--imdsv2", "--hostname", "127.0.0.1", "--port", "0", "--config-file", config],
                                    stdout=log, stderr=log, env={"HOME": self.folder})
        self.addCleanup(mock.wait)
        self.addCleanup(mock.kill)
        [port] = listening.ports_of(mock, 1, log_file)
        self.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"http://127.0.0.1:{port}"

    def get(self, *words, **options):
        return self.wif("get", "--set", "subject.provider=aws", "--set", "subject.endpoint=" + self.testbed.about["http"], *words,
                        **options)

    def test_its_keys_and_region_sign_a_request_that_sts_takes(self):
        self.mock()
        self.assertTrue(json.loads(self.get().stdout)["access_token"])
        self.assertIn("/eu-west-3/sts/aws4_request", self.testbed.control("last", path="/")["headers"]["authorization"])
        self.assertEqual(self.testbed.control("last")["outcome"], "ok")

    def test_keys_that_sts_does_not_know(self):
        self.mock(SecretAccessKey="another")
        self.assertIn("SignatureDoesNotMatch", self.get(code=5).stderr)


if __name__ == "__main__":
    main()
