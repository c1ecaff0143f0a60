# SPDX-License-Identifier: Apache-2.0
"""`wif google` under Google's libraries for Python and Node.js, which exchange the job's token at a stand-in of Google's STS."""
import json
import os
import stat
import subprocess
import time

import npm
import pypi
from google_cloud import Cloud, claims
from harness import main
from integrating import IntegrationCase
from providers_github_test import PATH, TOKEN

AUDIENCE = "//iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/example/providers/example"
PYTHON = TOOLS = None


def setUpModule():
    global PYTHON, TOOLS
    PYTHON = pypi.environment("vendors")
    TOOLS = npm.environment("clouds")


class GoogleCase(IntegrationCase):
    """A job of GitHub's, whose token's audience is whatever is asked for."""

    def setUp(self):
        super().setUp()
        self.cloud = Cloud(AUDIENCE)
        self.addCleanup(self.cloud.stop)
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.env.update(GITHUB_ACTIONS="true", ACTIONS_ID_TOKEN_REQUEST_TOKEN=TOKEN,
                        ACTIONS_ID_TOKEN_REQUEST_URL=self.testbed.about["http"] + PATH + "?api-version=2.0")
        self.config('[profiles.cloud]\nsubject = { provider = "github" }\n')
        self.output = self.path("output.json")

    def allow(self, **executable):
        """The user's two variables, and the example."""
        path = self.example("google/google.json", **{"https://sts.googleapis.com": self.cloud.url})
        with open(path, encoding="ascii") as file:
            account = json.load(file)
        account["credential_source"]["executable"].update(executable)
        # With a project named, the library doesn't ask Google which one it is.
        self.env.update(GOOGLE_APPLICATION_CREDENTIALS=self.write("account.json", json.dumps(account)),
                        GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES="1", GOOGLE_CLOUD_PROJECT="project")

    def request(self, **variables):
        """What a library sets."""
        return {"GOOGLE_EXTERNAL_ACCOUNT_" + name: value for name, value in
                {"AUDIENCE": AUDIENCE, "TOKEN_TYPE": "urn:ietf:params:oauth:token-type:jwt", "INTERACTIVE": "0", **variables}.items()}

    def ask(self, code=0, **variables):
        done = self.client("wif", "google", env=self.request(**variables), code=code)
        return json.loads(done.stdout) if done.stdout else None

    def served(self):
        return self.testbed.control("counts")["paths"].get(PATH, 0)


class Libraries:
    """A program that does a request for each line that it is sent, and says how it went. The subject token is a mounted one."""

    def setUp(self):
        super().setUp()
        self.rotations = 0
        self.rotate()
        self.good = f'[profiles.cloud]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
        self.config(self.good)

    def rotate(self):
        self.rotations += 1
        self.testbed.mint(audience="https:" + AUDIENCE, claims={"jti": str(self.rotations)})

    def start(self, **executable):
        self.allow(**executable)
        self.process = subprocess.Popen(self.command(), env=self.env | self.variables(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end)

    def end(self):
        self.process.stdin.close()
        error = self.process.stderr.read()
        for pipe in self.process.stdout, self.process.stderr:
            pipe.close()
        self.assertEqual(self.process.wait(), 0, error)
        self.assert_no_token(error)

    def get(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def assert_said(self, expected, said):
        self.assertIn(expected, said)
        self.assert_no_token(said)

    def test_requests_and_an_expiry(self):
        """The access token is expired at once, so that each request has a new one. The subject token is the cache's until it expires."""
        self.cloud.expires_in = 1
        self.start()
        self.assertEqual([self.get() for _ in range(4)], ["200"] * 4)
        self.assertEqual(len(self.cloud.subjects), 4)
        self.assertEqual(len(set(self.cloud.subjects)), 1)
        self.rotate()
        self.age(3600)
        self.assertEqual(self.get(), "200")
        self.assertEqual(len(set(self.cloud.subjects)), 2)

    def test_a_revoked_token(self):
        """Of both kinds, while the cache has the old subject token."""
        self.start()
        self.assertEqual(self.get(), "200")
        self.cloud.refuse()
        self.rotate()
        found = [self.get(), self.get(), self.get()]
        self.assertEqual(found[-1], "200", found)
        self.assertEqual(len(self.cloud.subjects), 2)

    def test_an_output_file(self):
        """It is asked first: no helper runs while it is good. A failure isn't kept there."""
        self.count_calls()
        self.cloud.expires_in = 1
        self.config('[profiles.cloud]\nsubject = { provider = "file", path = "/nowhere" }\n')
        self.start(output_file=self.output)
        self.assert_said("cannot read the token file /nowhere", self.get())
        self.assertFalse(os.path.exists(self.output))
        self.config(self.good)
        for _ in range(3):
            self.assertEqual(self.get(), "200")
        self.assertEqual(self.calls(), 2)
        self.assertEqual(stat.S_IMODE(os.stat(self.output).st_mode), 0o600)

    def test_words_on_standard_error_would_be_a_part_of_the_answer(self):
        """The cache can't be written to, which any other integration tells beside its answer."""
        self.env["WIF_CACHE_DIR"] = "/proc/nowhere"
        self.start()
        self.assertEqual(self.get(), "200")


class Python(Libraries, GoogleCase):
    SCRIPT = """
import sys
import google.auth
from google.auth.transport.requests import AuthorizedSession
credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
session = AuthorizedSession(credentials)
for line in sys.stdin:
    try:
        print(session.get(sys.argv[1]).status_code, flush=True)
    except Exception as error:
        print(str(error).replace("\\n", " "), flush=True)
"""

    def command(self):
        return [PYTHON, "-W", "ignore", "-c", self.SCRIPT, self.cloud.url + "/things"]

    def variables(self):
        return {}

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.mint(ttl=-60, age=600)
        self.start()
        said = self.get()
        self.assert_said("Executable exited with non-zero return code 4. Error: b'wif: ", said)
        self.assertIn('"success":false', said)


class Node(Libraries, GoogleCase):
    SCRIPT = """
const {GoogleAuth} = require('google-auth-library');
const auth = new GoogleAuth({scopes: 'https://www.googleapis.com/auth/cloud-platform', clientOptions: {forceRefreshOnFailure: true}});
const {createInterface} = require('readline');
(async () => {
  const client = await auth.getClient();
  for await (const line of createInterface({input: process.stdin})) {
    try {
      console.log((await client.request({url: process.argv[1]})).status);
    } catch (error) {
      console.log(String(error.message).replaceAll('\\n', ' '));
    }
  }
})();
"""

    def command(self):
        return [TOOLS.node, "-e", self.SCRIPT, self.cloud.url + "/things"]

    def variables(self):
        return TOOLS.variables | {"PATH": self.env["PATH"] + ":" + TOOLS.variables["PATH"]}

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.mint(ttl=-60, age=600)
        self.start()
        said = self.get()
        self.assert_said("The executable failed with exit code: 4 and error message: wif: ", said)


class Contract(GoogleCase):
    def test_the_audience_is_the_providers_name_as_a_url(self):
        self.assertEqual(claims(self.ask()["id_token"])["aud"], "https:" + AUDIENCE)

    def test_unless_the_profile_says_another(self):
        self.config('[profiles.cloud]\nsubject = { provider = "github", audience = "sts" }\n')
        self.assertEqual(claims(self.ask()["id_token"])["aud"], "sts")

    def test_other_audiences_are_left_alone(self):
        self.env["OPENAI_WIF_AUDIENCE"] = "mine"
        for audience in "", "https://evil.example", "x":
            self.assertEqual(claims(self.ask(AUDIENCE=audience)["id_token"])["aud"], "mine")

    def test_audiences_have_a_record_each(self):
        self.assertEqual({claims(self.ask(AUDIENCE=f"//iam/{n % 2}")["id_token"])["aud"] for n in range(4)}, {"https://iam/0", "https://iam/1"})
        self.assertEqual(len(self.records()), 2)

    def test_the_answer(self):
        answer = self.ask()
        self.assertEqual(list(answer), ["version", "success", "token_type", "expiration_time", "id_token"])
        self.assertEqual((answer["version"], answer["success"]), (1, True))
        self.assertEqual(answer["expiration_time"], claims(answer["id_token"])["exp"])
        self.assertGreater(answer["expiration_time"], time.time())

    def test_token_types(self):
        jwt, id_token = ("urn:ietf:params:oauth:token-type:" + name for name in ("jwt", "id_token"))
        self.assertEqual([self.ask(TOKEN_TYPE=wanted)["token_type"] for wanted in (jwt, id_token, "")], [jwt, id_token, jwt])
        for wanted in "urn:ietf:params:oauth:token-type:saml2", "jwt", jwt + "\n", "x" * 100_000:
            answer = self.ask(TOKEN_TYPE=wanted, code=2)
            self.assertEqual((answer["version"], answer["success"], answer["code"]), (1, False, "usage"))
            self.assertIn("the library wants a token of type", answer["message"])
            self.assertLess(len(answer["message"]), 400)

    def test_audiences_that_would_be_several(self):
        for audience in "//iam/a\n//iam/b", "//iam/a b", "//iam/\x7f", "\n":
            self.assertFalse(self.ask(AUDIENCE=audience, code=2)["success"])
        self.assertEqual(self.served(), 0)

    def test_a_failure(self):
        del self.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
        answer = self.ask(code=4, OUTPUT_FILE=self.output)
        self.assertEqual(list(answer), ["version", "success", "code", "message"])
        self.assertEqual((answer["success"], answer["code"]), (False, "no identity"))
        self.assertFalse(os.path.exists(self.output))

    def test_the_output_file(self):
        self.write("output.json", "old")
        os.chmod(self.output, 0o644)
        answer = self.ask(OUTPUT_FILE=self.output)
        with open(self.output, encoding="ascii") as file:
            self.assertEqual(json.load(file), answer)
        self.assertEqual(stat.S_IMODE(os.stat(self.output).st_mode), 0o600)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("output.json.")], [])

    def test_a_link_in_the_files_place_is_replaced(self):
        target = self.write("target", "theirs")
        os.symlink(target, self.output)
        self.ask(OUTPUT_FILE=self.output)
        with open(target, encoding="ascii") as file:
            self.assertEqual(file.read(), "theirs")

    def test_a_file_that_cannot_be_written(self):
        self.assertTrue(self.ask(OUTPUT_FILE="/proc/nowhere/x")["success"])
        self.assertFalse(self.ask(OUTPUT_FILE="/proc/nowhere/x", INTERACTIVE="1", code=3)["success"])

    def test_an_interactive_run_answers_by_the_file_alone(self):
        """Its standard output is the user's terminal."""
        self.assertIsNone(self.ask(OUTPUT_FILE=self.output, INTERACTIVE="1"))
        with open(self.output, encoding="ascii") as file:
            self.assertTrue(json.load(file)["success"])

    def test_nothing_is_revoked(self):
        self.assertIn("nothing to revoke", self.ask(REVOKE="1", code=2)["message"])
        self.assertTrue(self.ask(REVOKE="0")["success"])


if __name__ == "__main__":
    main()
