# SPDX-License-Identifier: Apache-2.0
"""Provider azure through to an exchange that verifies: instance metadata, App Service and Arc, and each of them wrong."""
import json
import os
import time

from harness import PATIENCE, Case, main

IMDS = "/metadata/identity/oauth2/token"
APP = "/msi/token"
ARC = "/arc" + IMDS
AUDIENCE = "api://00000000-1111-2222-3333-444444444444"
MACHINE = "9f1c2f0a-5d0e-4c55-8c0b-6f3a1d2e7b40"  # the stand-in's own identity, and the one that a user assigned
ASSIGNED = "5e29463d-71da-4fe0-8e69-999b57db23b0"
ASSIGNED_OBJECT = "5e29463d-71da-4fe0-8e69-999b57db23b1"
ASSIGNED_RESOURCE = ("/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/app")
HEADER = "testbed-identity-header"


class Azure(Case):
    """`wif get` with the instance metadata service's stand-in; the two others by their variables."""
    path = IMDS

    def setUp(self):
        super().setUp()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.env["OPENAI_WIF_AUDIENCE"] = AUDIENCE
        self.base = self.testbed.about["http"]
        self.place = ["subject.endpoint=" + self.base]
        self.trust(MACHINE)

    def trust(self, client_id, audience=AUDIENCE):
        self.trusted = {"providers": [{"audience": audience}], "mappings": [{"rows": {"appid": client_id}}]}
        self.testbed.control("config", **self.trusted)

    def forget(self):
        """Counts, answers and faults; not whom the exchange trusts."""
        self.testbed.control("reset")
        self.testbed.control("config", **self.trusted)

    def at_app_service(self):
        self.path, self.place = APP, []
        self.env.update(IDENTITY_ENDPOINT=self.base + APP, IDENTITY_HEADER=HEADER)

    def at_arc(self):
        self.keys = os.path.join(self.folder, "testbed", "arc")
        self.path, self.place = ARC, ["subject.arc_token_dir=" + self.keys]
        self.env.update(IDENTITY_ENDPOINT=self.base + ARC, IMDS_ENDPOINT=self.base)

    def words(self, *settings):
        out = ["get", "--set", "subject.provider=azure"]
        for setting in (*self.place, *settings):
            out += ["--set", setting]
        return out

    def get(self, *settings, more=()):
        done = self.wif(*self.words(*settings), *more)
        self.assertNotIn("eyJ", done.stderr)
        return done

    def refused(self, code, expected, *settings, more=()):
        """Asserts the exit code, the words (a pattern), and that nothing was cached or shown."""
        begin = time.monotonic()
        done = self.wif(*self.words(*settings), *more, code=code)
        self.assertLess(time.monotonic() - begin, 60)
        self.assertRegex(done.stderr, expected)
        self.assertNotIn("eyJ", done.stderr)
        self.assertNotIn(HEADER, done.stderr)
        self.assertEqual(self.records(), [])
        self.assertNotIn("sa_testbed", self.plain("cache", "ls").stdout)
        return done

    def asked(self):
        return self.testbed.control("last", path=self.path)

    def served(self):
        return self.testbed.control("counts")["paths"].get(self.path, 0)

    def answer(self, status, body, **more):
        """In place of the stand-in's and of former ones."""
        self.testbed.control("config", answers=[{"path": self.path, "status": status, "body": body, **more}])

    def fault(self, text, count=-1):
        self.testbed.control("faults", path=self.path, fault=text, count=count)


class Sources(Azure):
    def test_the_metadata_service_is_asked_once_and_as_documented(self):
        first = json.loads(self.get().stdout)
        self.assertEqual(json.loads(self.get().stdout)["access_token"], first["access_token"])
        self.assertEqual((self.served(), self.testbed.exchanges()), (1, 1))
        asked = self.asked()
        self.assertEqual(asked["target"], IMDS + "?api-version=2018-02-01&resource=api%3A%2F%2F" + AUDIENCE[6:])
        self.assertEqual(asked["headers"]["metadata"], "true")
        self.assertNotIn("x-identity-header", asked["headers"])

    def test_app_service_is_detected(self):
        self.at_app_service()
        self.assertIn("* azure", self.plain("providers").stdout)
        self.wif("get")
        asked = self.asked()
        self.assertEqual(asked["target"], APP + "?api-version=2019-08-01&resource=api%3A%2F%2F" + AUDIENCE[6:])
        self.assertEqual(asked["headers"]["x-identity-header"], HEADER)

    def test_arc_is_detected_and_its_challenge_answered(self):
        self.at_arc()
        self.assertIn("* azure", self.plain("providers").stdout)
        self.wif("get", "--set", *self.place)
        self.assertEqual(self.served(), 2)
        self.assertRegex(self.asked()["headers"]["authorization"], "^Basic .")
        self.assertEqual(os.listdir(self.keys), [])

    def test_each_chooses_among_identities_by_any_of_their_names(self):
        self.trust(ASSIGNED)
        for at in (None, self.at_app_service, self.at_arc):
            for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT"):
                self.env.pop(name, None)
            if at is not None:
                at()
            for setting in ("client_id=" + ASSIGNED, "object_id=" + ASSIGNED_OBJECT,
                            "msi_res_id=" + ASSIGNED_RESOURCE):
                with self.subTest(path=self.path, setting=setting):
                    self.get("subject." + setting, more=["--no-cache"])

    def test_the_variable_chooses_too_and_another_identity_is_another_record(self):
        machine = self.get().stdout
        self.trust(ASSIGNED)
        self.env["AZURE_CLIENT_ID"] = ASSIGNED
        self.assertNotEqual(self.get().stdout, machine)
        self.assertEqual(len(self.records()), 2)
        # A setting comes before it.
        self.trust(MACHINE)
        self.get("subject.client_id=" + MACHINE)

    def test_from_a_profile(self):
        del self.env["OPENAI_WIF_AUDIENCE"]
        self.config(f"""
default_profile = "prod"
[profiles.prod]
subject = {{ provider = "azure", audience = "{AUDIENCE}", endpoint = "{self.base}" }}
[profiles.prod.exchange]
url = "{self.url()}"
identity_provider_id = "idp_testbed"
service_account_id = "sa_testbed"
""")
        self.plain("get")

    def test_never_through_a_proxy(self):
        self.env.update(http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1", all_proxy="http://127.0.0.1:1")
        self.get()
        self.at_app_service()
        self.get()

    def test_over_https_with_a_ca_file(self):
        self.place = ["subject.endpoint=" + self.testbed.about["https"]]
        self.refused(6, "certificate|authority|ca_file", more=["--timeout", "5s"])
        self.plain("cache", "clear")
        self.get("subject.ca_file=" + self.testbed.about["ca_file"])

    def test_a_token_for_another_audience_is_warned_of_and_sent(self):
        guid = AUDIENCE[len("api://"):]
        self.trust(MACHINE, audience=guid)
        token = self.testbed.control("mint", shape="azure", audience=guid)
        self.answer(200, {"access_token": token, "token_type": "Bearer"})
        done = self.get()
        self.assertRegex(done.stderr, f"warning: .*azure: .*audience is {guid}, not {AUDIENCE}")
        self.assertNotIn(token.split(".")[-1], done.stderr)


class Retries(Azure):
    def test_an_update_is_waited_for(self):
        self.fault("status=410", count=1)
        self.get()
        self.assertEqual(self.served(), 2)

    def test_a_service_that_stays_away_ends_with_the_time_allowed(self):
        for status, expected in ((410, "410.*\n.*--timeout 90s"), (429, "429"), (404, "404"), (503, "503")):
            with self.subTest(status=status):
                self.forget()
                self.fault(f"status={status}")
                self.refused(6, expected, more=["--timeout", "1s", "--no-cache"])
                # It asks again after a second, then after two more.
                self.assertIn(self.served(), (1,) if PATIENCE == 1 else (1, 2, 3))

    def test_a_no_is_not_asked_again(self):
        self.fault("status=403")
        self.refused(5, "answered 403")
        self.assertEqual(self.served(), 1)

    def test_app_services_hiccups_are_the_hosts_affair(self):
        self.at_app_service()
        self.fault("status=503", count=2)
        self.get()
        self.assertEqual(self.served(), 3)


class Refusals(Azure):
    def test_no_audience_says_what_to_set(self):
        del self.env["OPENAI_WIF_AUDIENCE"]
        self.refused(3, "(?s)subject.audience.*Application ID URI.*OPENAI_WIF_AUDIENCE")
        self.refused(3, "/.default", "subject.audience=api://x/.default")

    def test_an_audience_that_entra_does_not_know(self):
        self.refused(5, "(?s)Application ID URI https://api.openai.com/v1.*AADSTS500011.*subject.audience",
                     "subject.audience=https://api.openai.com/v1")
        self.at_app_service()
        self.refused(5, "(?s)AADSTS500011.*subject.audience", "subject.audience=https://elsewhere.example")

    def test_several_identities_and_none_chosen(self):
        self.answer(400, {"error": "invalid_request", "error_description":
                          "Multiple user assigned identities exist, please specify the clientId / resourceId of the "
                          "identity in the token request"})
        self.refused(5, "(?s)none is chosen.*subject.client_id.*AZURE_CLIENT_ID.*subject.object_id.*subject.msi_res_id")

    def test_two_settings_that_choose(self):
        self.refused(3, "subject.client_id and subject.object_id", "subject.client_id=a", "subject.object_id=b")

    def test_no_identity_assigned(self):
        self.answer(400, {"error": "invalid_request", "error_description": "Identity not found"})
        self.refused(4, "(?s)no managed identity is assigned here.*identity assign")

    def test_an_identity_that_is_not_assigned(self):
        self.refused(5, "(?s)subject.client_id is not assigned here.*AZURE_CLIENT_ID", "subject.client_id=unknown")
        self.at_app_service()
        self.refused(5, "subject.msi_res_id is not assigned here", "subject.msi_res_id=/unknown")
        self.env.pop("IDENTITY_HEADER")
        self.at_arc()
        self.refused(5, "subject.object_id is not assigned here", "subject.object_id=unknown")

    def test_a_wrong_identity_header_is_not_shown(self):
        self.at_app_service()
        self.env["IDENTITY_HEADER"] = "wrong-853b9a84-5bfa"
        done = self.refused(5, "(?s)answered 401.*IDENTITY_HEADER")
        self.assertNotIn("853b9a84", done.stderr)

    def test_service_fabric_is_not_supported(self):
        self.at_app_service()
        self.env["IDENTITY_SERVER_THUMBPRINT"] = "a6f221acd6b3e2"
        self.refused(3, "Service Fabric")

    def test_an_endpoint_with_a_path(self):
        self.place = []
        self.refused(3, "subject.endpoint", "subject.endpoint=" + self.base + IMDS)

    def test_plain_http_to_elsewhere(self):
        self.place = []
        self.refused(3, "plain http", "subject.endpoint=http://identity.example.com")
        self.env.update(IDENTITY_ENDPOINT="http://identity.example.com/msi/token", IDENTITY_HEADER=HEADER)
        self.refused(3, "plain http")

    def test_an_answer_for_another_identity(self):
        token = self.testbed.control("mint", shape="azure", audience=AUDIENCE)
        self.answer(200, {"access_token": token, "client_id": MACHINE})
        self.refused(5, "another managed identity", "subject.client_id=" + ASSIGNED)
        self.at_arc()
        self.answer(200, {"access_token": token})  # an agent that ignores the choice
        self.refused(5, "(?s)doesn't confirm.*update the agent", "subject.client_id=" + ASSIGNED)


class Wrong(Azure):
    """The same for each source: whatever comes back is told, in time, and never cached."""

    def each(self):
        for at in (None, self.at_app_service, self.at_arc):
            for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT"):
                self.env.pop(name, None)
            if at is not None:
                at()
            with self.subTest(path=self.path):
                yield

    def test_malformed_answers(self):
        more = ["--timeout", "1s", "--no-cache"]  # truncated ones are asked for again until then
        for _ in self.each():
            for fault, expected in (("html", "text/html"), ("invalid_json", "in place of a JSON object"),
                                    ("empty_token", "without an access_token"), ("token_type=N_A", "N_A"),
                                    ("truncate", "."), ("big=3000000", "."), ("expires_in=-1", "expires_in")):
                with self.subTest(fault=fault):
                    self.forget()
                    # Without expires_on, which comes before expires_in, and without Arc's challenge.
                    self.answer(200, {"access_token": self.token()})
                    self.fault(fault)
                    self.refused(6, expected, more=more)

    def token(self, **options):
        return self.testbed.control("mint", shape="azure", audience=AUDIENCE, **options)

    def test_other_json(self):
        for _ in self.each():
            for body in ("[]", "null", '{"compute": {"name": "vm-1"}}', '{"access_token": 7}', '{"value": "x"}'):
                with self.subTest(body=body):
                    self.answer(200, body)
                    self.refused(6, "answered 200", more=["--no-cache"])

    def test_a_token_that_is_no_jwt_or_has_a_line_break(self):
        for _ in self.each():
            for token in ("opaque", "a.b.c\r\nX-Injected: yes"):
                self.answer(200, {"access_token": token})
                self.refused(4, "provider 'azure'", more=["--no-cache"])
                self.assertEqual(self.testbed.exchanges(), 0)

    def test_an_expired_token_is_not_sent(self):
        for _ in self.each():
            for options, expires_on in (({"ttl": -60}, {}), ({}, {"expires_on": "1500000000"})):
                self.answer(200, {"access_token": self.token(**options), **expires_on})
                self.refused(4, "expired", more=["--no-cache"])
                self.assertEqual(self.testbed.exchanges(), 0)

    def test_a_redirect_is_not_followed(self):
        for _ in self.each():
            self.fault("redirect=" + self.base + "/elsewhere", count=1)
            self.refused(6, "(?s)answered 307.*redirects", more=["--no-cache"])
        self.assertEqual(self.testbed.control("counts")["paths"].get("/elsewhere", 0), 0)

    def test_errors_of_all_kinds(self):
        for _ in self.each():
            for status, code in ((400, 5), (403, 5), (405, 5), (500, 6), (502, 6)):
                with self.subTest(status=status):
                    self.forget()
                    self.fault(f"status={status}")
                    self.refused(code, f"answered {status}", more=["--timeout", "1s", "--no-cache"])

    def test_a_source_that_hangs_drips_or_resets(self):
        for _ in self.each():
            for fault in ("hang", "drip=600", "reset", "latency=20000"):
                with self.subTest(fault=fault):
                    self.forget()
                    self.fault(fault)
                    self.refused(6, "asking", more=["--timeout", "1s", "--no-cache"])

    def test_nobody_listens(self):
        self.place = ["subject.endpoint=http://127.0.0.1:1"]
        self.refused(6, "(?s)instance metadata service.*127.0.0.1.*wif providers", more=["--timeout", "1s"])
        self.place = []
        self.env.update(IDENTITY_ENDPOINT="http://127.0.0.1:1/msi/token", IDENTITY_HEADER=HEADER)
        self.refused(6, "IDENTITY_ENDPOINT.*127.0.0.1", more=["--timeout", "1s"])
        self.env.update(IDENTITY_ENDPOINT="http://127.0.0.1:1/t", IMDS_ENDPOINT="http://127.0.0.1:1")
        self.env.pop("IDENTITY_HEADER")
        self.refused(6, "(?s)Azure Arc agent.*127.0.0.1.*azcmagent", more=["--timeout", "1s"])


class Challenge(Azure):
    def setUp(self):
        super().setUp()
        self.at_arc()
        os.makedirs(self.keys)

    def challenge(self, header, expected, code=5):
        self.answer(401, "{}", headers={"WWW-Authenticate": header} if header else {})
        self.refused(code, expected, more=["--no-cache"])
        self.assertNotIn("authorization", self.asked()["headers"])

    def write(self, name, text="key"):
        path = os.path.join(self.keys, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def test_only_a_key_in_its_folder_is_sent(self):
        secret = os.path.join(self.folder, "secret.key")
        with open(secret, "w", encoding="ascii") as file:
            file.write("of another")
        os.symlink(secret, os.path.join(self.keys, "link.key"))
        self.challenge("Basic realm=" + secret, "outside of")
        self.challenge(f"Basic realm={self.keys}/../../secret.key", "outside of")
        self.challenge(f"Basic realm={self.keys}/link.key", "symbolic link")
        self.challenge("Basic realm=" + self.write("a.txt"), "which isn't \\*.key")
        self.challenge("Basic realm=" + self.write("large.key", "k" * 4097), "4096")
        self.challenge("Basic realm=" + self.write("empty.key", ""), "empty")
        self.challenge(f"Basic realm={self.keys}/missing.key", "No such file", code=4)
        self.challenge("Bearer", "Basic realm=FILE")
        self.challenge(None, "Basic realm=FILE")

    def test_by_default_that_is_the_agents_folder(self):
        self.place = []
        self.challenge("Basic realm=" + self.write("a.key"), "outside of /var/opt/azcmagent/tokens")

    def test_a_key_that_the_agent_does_not_take(self):
        path = self.write("a.key", "stale-key-of-the-agent")
        self.answer(401, {"error": "e", "error_description": "bad key stale-key-of-the-agent"},
                    headers={"WWW-Authenticate": "Basic realm=" + path})
        done = self.refused(5, "(?s)answered 401.*azcmagent")
        self.assertNotIn("stale-key-of-the-agent", done.stderr)
        self.assertEqual(self.served(), 2)


if __name__ == "__main__":
    main()
