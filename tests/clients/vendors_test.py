# SPDX-License-Identifier: Apache-2.0
"""The testbed's stand-ins under the vendors' own clients (PyPI, npm): Google's, Microsoft's and GitHub's libraries take them for the
real services, and get from them, with the variables that wif follows too, the token that wif gets."""
import base64
import json
import subprocess
from urllib.parse import urlsplit

import npm
import pypi
from harness import Case, main

AUDIENCE = "https://api.openai.com/v1"
APPLICATION = "api://openai"
ASSIGNED = "5e29463d-71da-4fe0-8e69-999b57db23b0"  # tests/testbed/standin_azure.cpp
PYTHON = TOOLS = None


def setUpModule():
    global PYTHON, TOOLS
    PYTHON = pypi.environment("vendors")
    TOOLS = npm.environment("clouds")


def claims(token):
    """What doesn't differ between two tokens of one identity."""
    payload = token.split(".")[1]
    all_claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {name: value for name, value in all_claims.items() if name not in ("iat", "nbf", "exp", "jti", "uti", "aio", "rh")}


class Vendor(Case):
    def setUp(self):
        super().setUp()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.server = self.testbed.about["http"]

    def run_client(self, *words, **variables):
        """The last line that it printed."""
        done = subprocess.run(words, env=self.env | variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()[-1]

    def python(self, script, **variables):
        return self.run_client(PYTHON, "-c", script, **variables)

    def node(self, script, **variables):
        return self.run_client(TOOLS.node, "-e", script, **TOOLS.variables, **variables)

    def ours(self, provider, *words):
        return self.plain("subject", "--set", "subject.provider=" + provider, *words).stdout.strip()


class Google(Vendor):
    """Its metadata server keeps a token until the last five minutes, so that all get the very same."""

    def setUp(self):
        super().setUp()
        # Python's library looks whether it is on Google Cloud at an address of its own.
        self.env["GCE_METADATA_HOST"] = self.env["GCE_METADATA_IP"] = urlsplit(self.server).netloc

    def test_python(self):
        self.assertEqual(self.python(f"""
import google.auth.transport.requests, google.oauth2.id_token
print(google.oauth2.id_token.fetch_id_token(google.auth.transport.requests.Request(), "{AUDIENCE}"))"""), self.ours("google"))

    def test_python_by_the_identity_endpoint(self):
        self.assertEqual(self.python(f"""
from google.auth import compute_engine
from google.auth.transport.requests import Request
credentials = compute_engine.IDTokenCredentials(Request(), "{AUDIENCE}", use_metadata_identity_endpoint=True)
credentials.refresh(Request())
assert credentials.service_account_email == "app@testbed.iam.gserviceaccount.com", credentials.service_account_email
print(credentials.token)"""), self.ours("google"))

    def test_javascript(self):
        self.assertEqual(self.node(f"""
const {{GoogleAuth}} = require('google-auth-library');
(async () => {{
  const client = await new GoogleAuth().getIdTokenClient('{AUDIENCE}');
  console.log(await client.idTokenProvider.fetchIdToken('{AUDIENCE}'));
}})()"""), self.ours("google"))


class Azure(Vendor):
    PYTHON = """
from azure.identity import ManagedIdentityCredential
print(ManagedIdentityCredential({}).get_token("%s/.default").token)""" % APPLICATION
    JAVASCRIPT = """
const {ManagedIdentityCredential} = require('@azure/identity');
new ManagedIdentityCredential({}).getToken('%s/.default').then(answer => console.log(answer.token))""" % APPLICATION

    def ours(self, *words):
        return claims(super().ours("azure", "--set", "subject.audience=" + APPLICATION, *words))

    def app_service(self):
        self.env.update(IDENTITY_ENDPOINT=self.server + "/msi/token", IDENTITY_HEADER="testbed-identity-header")

    def test_instance_metadata(self):
        token = self.python(self.PYTHON.format(""), AZURE_POD_IDENTITY_AUTHORITY_HOST=self.server)
        self.assertEqual(claims(token), self.ours("--set", "subject.endpoint=" + self.server))

    def test_an_assigned_identity_of_instance_metadata(self):
        token = self.python(self.PYTHON.format(f'client_id="{ASSIGNED}"'), AZURE_POD_IDENTITY_AUTHORITY_HOST=self.server)
        self.assertEqual(claims(token)["appid"], ASSIGNED)
        self.assertEqual(claims(token), self.ours("--set", "subject.endpoint=" + self.server, "--set", "subject.client_id=" + ASSIGNED))

    def test_app_service(self):
        self.app_service()
        for token in self.python(self.PYTHON.format("")), self.node(self.JAVASCRIPT):
            self.assertEqual(claims(token), self.ours())

    def test_an_assigned_identity_of_app_service(self):
        self.app_service()
        for token in (self.python(self.PYTHON.format(f'client_id="{ASSIGNED}"')),
                      self.node(self.JAVASCRIPT.replace("{}", "{clientId: '%s'}" % ASSIGNED))):
            self.assertEqual(claims(token)["appid"], ASSIGNED)
            self.assertEqual(claims(token), self.ours("--set", "subject.client_id=" + ASSIGNED))


class GitHub(Vendor):
    def test_javascript(self):
        self.env.update(ACTIONS_ID_TOKEN_REQUEST_URL=self.server + "/222//idtoken/1/2?api-version=2.0",
                        ACTIONS_ID_TOKEN_REQUEST_TOKEN="wif-canary-at-job-1")
        # A module of ECMAScript's, which NODE_PATH doesn't lead to.
        token = self.node(f"""
import('{TOOLS.modules}/@actions/core/lib/core.js').then(core => core.getIDToken('{AUDIENCE}')).then(token => console.log(token))""")
        self.assertEqual(claims(token), claims(self.ours("github")))
        self.assertEqual(claims(token)["aud"], AUDIENCE)


if __name__ == "__main__":
    main()
