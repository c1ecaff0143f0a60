# SPDX-License-Identifier: Apache-2.0
"""github: from the testbed's token endpoint to an exchange that verifies, and all that may go wrong on the way."""
import hashlib
import http.client
import json
from urllib.parse import urlsplit

from harness import main
from source import LostConnections, Silence, Source

PATH = "/222//idtoken/7f3c/1d2e"
TOKEN = "wif-canary-at-job-1"
PENDING = {"message": "Can't issue ID_TOKEN for job in 'Pending' state."}


class Github(Source):
    provider = "github"
    path = PATH

    def setUp(self):
        super().setUp()
        self.address = self.testbed.about["http"] + PATH + "?api-version=2.0"
        self.env.update(GITHUB_ACTIONS="true", ACTIONS_ID_TOKEN_REQUEST_URL=self.address,
                        ACTIONS_ID_TOKEN_REQUEST_TOKEN=TOKEN)
        self.trust("https://api.openai.com/v1")

    def trust(self, audience):
        self.testbed.control("config", providers=[{"audience": audience}], mappings=[{"rows": {
            "repository": "octo-org/octo-repo", "ref": "refs/heads/main", "environment": "production"}}])

    def answers(self, *answers):
        self.testbed.control("config", answers=[{"path": PATH, **answer} for answer in answers])

    def value(self, **options):
        self.answers({"body": {"count": 1, "value": self.testbed.control("mint", shape="github", **options)}})


class Good(Github):
    def test_it_comes_first_and_is_asked_as_the_reference_says(self):
        self.assertIn("* github", self.plain("providers").stdout)
        self.assertTrue(self.token())
        asked = self.testbed.control("last", path=PATH)
        self.assertEqual(asked["target"], PATH + "?api-version=2.0&audience=https%3A%2F%2Fapi.openai.com%2Fv1")
        self.assertEqual(asked["headers"]["authorization"], "bearer sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest())
        exchange = self.testbed.control("last")
        self.assertEqual(exchange["outcome"], "ok")
        self.assertEqual(exchange["body"]["subject_token_type"], "urn:ietf:params:oauth:token-type:jwt")

    def test_the_credential_lives_no_longer_than_the_token(self):
        answer = json.loads(self.wif("get").stdout)
        self.assertLessEqual(answer["expires_in"], 300)
        self.token()
        self.assertEqual(self.served(), 1)

    def test_each_exchange_has_a_token_of_its_own(self):
        """It lives for five minutes, so that none is kept."""
        for number in (1, 2):
            self.assertTrue(self.token("--no-cache"))
            self.assertEqual((self.served(), self.testbed.exchanges()), (number, number))

    def test_an_audience_of_ones_own(self):
        self.trust("a b&audience=c#d")
        self.env["OPENAI_WIF_AUDIENCE"] = "a b&audience=c#d"
        self.assertTrue(self.token())

    def test_the_next_job_never_gets_the_formers_credential(self):
        first = self.token()
        self.assertEqual(self.token(), first)
        self.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "wif-canary-at-job-2"
        self.assertNotEqual(self.token(), first)
        self.env["ACTIONS_ID_TOKEN_REQUEST_URL"] = self.address.replace("1d2e", "3f4a")
        self.token()
        self.assertEqual(self.testbed.exchanges(), 3)

    def test_an_endpoint_replaces_the_host_and_may_have_a_private_authority(self):
        self.env["ACTIONS_ID_TOKEN_REQUEST_URL"] = "https://run.actions.invalid" + PATH + "?api-version=2.0"
        words = ["--set", "subject.endpoint=" + self.testbed.about["https"]]
        self.assertTrue(self.token(*words, "--set", "subject.ca_file=" + self.testbed.about["ca_file"]))
        self.plain("cache", "clear")
        self.wif("get", *words, "--timeout", "1s", code=6)


class Permission(Github):
    def setUp(self):
        super().setUp()
        del self.env["ACTIONS_ID_TOKEN_REQUEST_URL"]
        del self.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]

    def test_its_lack_is_named(self):
        done = self.refused(4, "may not ask for an OIDC token: ACTIONS_ID_TOKEN_REQUEST_URL is not set")
        self.assertIn("permissions: id-token: write", done.stderr)

    def test_its_lack_is_named_without_configuration_too(self):
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        # Whatever this machine is: the job's word comes last, so it is only asked for on one that is nothing else.
        if "* github" in self.plain("providers").stdout:
            done = self.wif("get", code=4)
            self.assertIn("permissions: id-token: write", done.stderr)
        else:
            self.assertIn("+ github", self.plain("providers").stdout)

    def test_half_of_it(self):
        self.env["ACTIONS_ID_TOKEN_REQUEST_URL"] = self.address
        self.refused(4, "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set")

    def test_outside_a_job(self):
        del self.env["GITHUB_ACTIONS"]
        done = self.refused(4, "this is no GitHub Actions job")
        self.assertNotIn("permissions", done.stderr)
        self.assertIn("  github", self.plain("providers").stdout)


class Again(LostConnections, Github):
    def test_while_the_job_is_pending(self):
        self.answers({"status": 403, "body": PENDING, "times": 2})
        self.assertTrue(self.token())
        self.assertEqual(self.testbed.control("counts")["statuses"]["403"], 2)

    def test_a_job_that_stays_pending(self):
        self.answers({"status": 403, "body": PENDING})
        self.refused(6, "Can't issue ID_TOKEN for job in 'Pending' state", "--timeout", "2s")

    def test_statuses(self):
        for number, status in enumerate((429, 500, 502, 503, 504, 408)):
            self.fault(f"status={status},id={number}", 1)
            self.assertTrue(self.token("--no-cache"))

    def test_a_try_that_hangs(self):
        self.fault("hang", 1)
        self.assertTrue(self.token())
        self.assertEqual(self.testbed.control("last")["outcome"], "ok")


class Bad(Silence, Github):
    def test_a_request_token_that_is_not_taken(self):
        self.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "another"
        self.refused(5, "does not take the job's request token: HTTP 401: The request token")
        self.assertEqual(self.served(), 1)

    def test_refusals(self):
        self.answers({"status": 404, "body": {"message": "no such job"}})
        self.refused(5, "HTTP 404: no such job")

    def test_a_broken_server(self):
        self.fault("status=500")
        self.refused(6, "token endpoint failed: HTTP 500", "--timeout", "2s")

    def test_a_redirect_is_not_followed(self):
        self.fault("redirect=" + self.testbed.about["http"] + "/elsewhere")
        self.refused(6, "HTTP 307 where 200 is due; redirects aren't followed")
        self.assertEqual(self.served("/elsewhere"), 0)

    def test_a_page(self):
        self.fault("html")
        self.refused(6, "answered 200, but what it sent is not a JSON object: <html>")

    def test_broken_json(self):
        self.fault("invalid_json")
        self.refused(6, "is not a JSON object")

    def test_no_token(self):
        for value in ({}, {"value": ""}, {"value": None}, {"value": ["a"]}):
            self.answers({"body": value, "times": 1})
            self.refused(6, 'without a token in "?value"?', "--no-cache")

    def test_half_a_token(self):
        token = self.testbed.control("mint", shape="github")
        self.answers({"body": {"value": token[:token.rindex(".")]}})
        self.refused(6, "is not a token")

    def test_an_expired_token(self):
        self.value(ttl=-180, age=600)
        self.refused(4, "expired 3 min ago")

    def test_a_token_for_somebody_else(self):
        self.value(audience="https://github.com/octo-org")
        self.refused(6, "not for the audience https://api.openai.com/v1")

    def test_nobody_listens(self):
        self.env["ACTIONS_ID_TOKEN_REQUEST_URL"] = "http://127.0.0.1:1/?api-version=2.0"
        self.refused(6, "asking GitHub for this job's token: cannot connect to 127.0.0.1:1", "--timeout", "1s")

    def test_the_request_token_goes_nowhere_over_plain_http(self):
        self.env["ACTIONS_ID_TOKEN_REQUEST_URL"] = "http://actions.example.com/?api-version=2.0"
        self.refused(3, "over plain http")
        self.env["ACTIONS_ID_TOKEN_REQUEST_URL"] = "nonsense"
        self.refused(3, "not a URL")
        self.refused(3, "subject.endpoint", "--set", "subject.endpoint=https://h/path")


class StandIn(Github):
    def ask(self, target, authorization=None):
        connection = http.client.HTTPConnection(urlsplit(self.testbed.about["http"]).netloc)
        connection.request("GET", target, headers={"Authorization": authorization} if authorization else {})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def test_it_is_as_strict_as_the_real_one(self):
        good = PATH + "?api-version=2.0&audience=a"
        self.assertEqual(self.ask(good), 401)
        self.assertEqual(self.ask(good, "bearer other"), 401)
        self.assertEqual(self.ask(good, TOKEN), 401)
        self.assertEqual(self.ask(PATH + "?audience=a", "bearer " + TOKEN), 400)
        self.assertEqual(self.ask(good + "&audience=b", "bearer " + TOKEN), 400)
        self.assertEqual(self.ask(good, "bearer " + TOKEN), 200)


if __name__ == "__main__":
    main()
