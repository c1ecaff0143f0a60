# SPDX-License-Identifier: Apache-2.0
"""Exchange rfc8693 with Dex (Go module proxy), which shares no line with us or the testbed: it verifies tokens of Kubernetes' and
SPIRE's kind by their issuer's keys, and what it issues is a subject token for another server, which has Dex's keys."""
import base64
import json
import os
import subprocess

import golang
from dex import CLIENT, ISSUER, SECRET, Dex, unused_port
from harness import Case, main
from providers_spiffe_test import ID, Agent

PROGRAM = None
TYPE = "urn:ietf:params:oauth:token-type:"
AUDIENCE = "https://api.openai.com/v1"  # what the testbed's tokens are for
CROWD = 20


def setUpModule():
    global PROGRAM
    PROGRAM = golang.program("dex")


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class DexCase(Case):
    def setUp(self):
        super().setUp()
        self.dex = Dex(PROGRAM, self.folder, self.testbed)
        self.addCleanup(self.dex.stop)
        self.secret = os.path.join(self.folder, "secret")
        self.write_secret(SECRET)
        for name in ("OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID", "OPENAI_IDENTITY_TOKEN_FILE"):
            del self.env[name]
        self.profiles = ""
        self.by_dex("p")

    def write_secret(self, text):
        with open(self.secret, "w", encoding="ascii") as file:
            file.write(text + "\n")

    def by_dex(self, name, connector="kubernetes", subject=None, more=""):
        self.profile(name, subject or f'provider = "kubernetes", path = "{self.testbed.token_file}", audience = "{AUDIENCE}"',
                     f'kind = "dex", url = "{self.dex.url}/token", ca_file = "{self.dex.ca_file}", connector_id = "{connector}", '
                     f'client_id = "{CLIENT}", client_secret_file = "{self.secret}"{more}')

    def profile(self, name, subject, exchange):
        self.profiles += f"[profiles.{name}]\nsubject = {{ {subject} }}\nexchange = {{ {exchange} }}\n"
        self.config(self.profiles)

    def get(self, name="p", *words):
        done = self.plain("get", "-p", name, *words)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)

    def refused(self, expected, *words, code=5):
        done = self.plain("get", "-p", "p", *words, code=code)
        self.assertRegex(done.stderr, expected)
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
        self.assertNotIn("eyJ", done.stderr)
        self.assertEqual((self.records(), self.dex.exchanges()), ([], 0))


class Exchange(DexCase):
    def test_a_kubernetes_token_for_an_access_token(self):
        answer = self.get()
        said = claims(answer["access_token"])
        self.assertEqual((said["iss"], said["aud"], answer["token_type"]), (ISSUER, CLIENT, "Bearer"))
        self.assertGreater(answer["expires_in"], 80000)  # what Dex says, and longer than the subject lives
        self.assertEqual(self.get()["access_token"], answer["access_token"])
        self.assertEqual(self.dex.exchanges(), 1)
        self.assertLessEqual(self.get("p", "--set", "exchange.cap_by_subject=true")["expires_in"], 3600)

    def test_a_kubernetes_token_for_an_id_token(self):
        token = self.get("p", "--set", f"exchange.requested_token_type={TYPE}id_token", "--set",
                         "exchange.scope=openid profile")["access_token"]
        self.assertEqual(claims(token)["name"], "system:serviceaccount:default:openai-wif")

    def test_a_spiffe_workloads_token(self):
        socket = os.path.join(self.folder, "agent.sock")
        agent = Agent("unix:" + socket, self.testbed.about["http"] + "/control/mint")
        self.addCleanup(agent.stop)
        agent.set(registrations=[{"spiffe_id": ID}])
        self.by_dex("workload", "spire", f'provider = "spiffe", endpoint = "unix://{socket}", audience = "{AUDIENCE}"',
                    f', requested_token_type = "{TYPE}id_token", scope = ["openid", "profile"]')
        self.assertEqual(claims(self.get("workload")["access_token"])["name"], ID)


class Refusals(DexCase):
    def test_a_wrong_type_is_named_with_its_setting(self):
        self.refused(r"HTTP 400 request_not_supported: Invalid subject_token_type.*\n.*exchange\.subject_token_type",
                     "--set", f"exchange.subject_token_type={TYPE}jwt")

    def test_a_wrong_client_secret(self):
        self.write_secret("wif-canary-at-another")
        self.refused(r"HTTP 401 invalid_client.*\n.*exchange\.client_auth and the secret")

    def test_a_connector_that_dex_has_not(self):
        self.refused("Requested connector does not exist", "--set", "exchange.connector_id=nobodys")

    def test_tokens_that_dex_cannot_verify(self):
        """Its answer has no description: what the token says is the hint."""
        for options in ({"bad_signature": True}, {"claims": {"iss": "https://elsewhere.example"}}):
            self.testbed.mint(**options)
            self.refused("HTTP 401 access_denied.*\n.*the token says iss=")

    def test_a_certificate_that_nobody_here_vouches_for(self):
        self.refused("certificate", "--set", "exchange.ca_file=", code=6)


class Chain(DexCase):
    """Kubernetes' token for Dex's ID token, and that for OpenAI's access token."""

    def setUp(self):
        super().setUp()
        self.by_dex("first", more=f', requested_token_type = "{TYPE}id_token"')
        self.profile("chain", 'profile = "first"', f'url = "{self.url()}", identity_provider_id = "idp_dex", '
                                                   'service_account_id = "sa_dex"')
        # What Dex calls a user: a small protobuf message of its connector and of its subject there.
        subject, connector = b"system:serviceaccount:default:openai-wif", b"kubernetes"
        message = b"\x0a%c%b\x12%c%b" % (len(subject), subject, len(connector), connector)
        user = base64.urlsafe_b64encode(message).decode().rstrip("=")
        self.testbed.control("config", providers=[{"id": "idp_dex", "issuer": ISSUER, "audience": CLIENT, "jwks": self.dex.keys()}],
                             mappings=[{"provider": "idp_dex", "service_account": "sa_dex", "rows": {"sub": user}}])

    def test_each_link_has_its_own_record(self):
        token = self.get("chain")["access_token"]
        self.assertEqual(self.testbed.models(token), 200)
        self.assertEqual(self.testbed.control("last")["outcome"], "ok")
        self.assertEqual(len(self.records()), 2)
        self.assertEqual(claims(self.get("first")["access_token"])["iss"], ISSUER)
        self.assertEqual(self.get("chain")["access_token"], token)
        self.assertEqual((self.dex.exchanges(), self.testbed.exchanges()), (1, 1))

    def test_twenty_at_once_make_one_exchange_of_each(self):
        running = [subprocess.Popen([self.program, "token", "-p", "chain"], env=self.env, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(CROWD)]
        answers = [self.finish(process) for process in running]
        self.assertEqual({(done.returncode, done.stderr) for done in answers}, {(0, "")})
        self.assertEqual(len({done.stdout for done in answers}), 1)
        self.assertEqual((self.dex.exchanges(), self.testbed.exchanges()), (1, 1))

    def test_without_dex_what_is_good_is_served(self):
        token = self.get("chain")["access_token"]
        self.dex.stop()
        self.make_stale()
        self.assertEqual(self.get("chain")["access_token"], token)
        done = self.plain("get", "-p", "chain", "--set", "subject.profile=first", "--no-cache", "--timeout", "2s", code=6)
        self.assertIn("profile 'first', the subject of 'chain'", done.stderr)

    def test_a_refusal_of_the_second_names_what_dex_issued(self):
        self.testbed.control("config", mappings=[], strict_errors=True)
        done = self.plain("get", "-p", "chain", code=5)
        self.assertIn(f"iss={ISSUER}", done.stderr)
        self.assertEqual(len(self.records()), 1)  # Dex's is good


class Doctor(Case):
    """wif doctor looks up Dex's discovery document and keys, which OpenSSL verifies its tokens with."""

    def setUp(self):
        super().setUp()
        self.start_dex()
        self.token = os.path.join(self.folder, "dex-token")
        secret = os.path.join(self.folder, "secret")
        for path, text in ((secret, SECRET), (self.token, "")):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        self.uploaded = os.path.join(self.folder, "uploaded.json")
        self.profiles = (
            "[profiles.first]\n"
            f'subject = {{ provider = "kubernetes", path = "{self.testbed.token_file}", audience = "{AUDIENCE}" }}\n'
            f'exchange = {{ kind = "dex", url = "{self.dex.url}/token", ca_file = "{self.dex.ca_file}", connector_id = "kubernetes", '
            f'client_id = "{CLIENT}", client_secret_file = "{secret}", requested_token_type = "{TYPE}id_token" }}\n'
            "[profiles.second]\n"
            f'subject = {{ provider = "file", path = "{self.token}" }}\n'
            f'exchange = {{ url = "{self.url(scheme="https")}", ca_file = "{self.dex.ca_file}", identity_provider_id = "idp_dex", '
            'service_account_id = "sa_dex" }\n'
            f'expect = {{ issuer = "{self.dex.issuer}", audience = "{CLIENT}" }}\n')
        self.config(self.profiles)
        token = self.plain("token", "-p", "first").stdout.strip()
        with open(self.token, "w", encoding="ascii") as file:
            file.write(token)
        self.trust(self.dex.keys(), claims(token)["sub"])

    def start_dex(self):
        self.dex = self.new_dex(unused_port)
        self.addCleanup(lambda: self.dex.stop())

    def new_dex(self, port):
        """On a port that was free; somebody else may have it for a moment."""
        for _ in range(50):
            try:
                return Dex(PROGRAM, self.folder, self.testbed, port())
            except AssertionError as error:
                if "address already in use" not in str(error):
                    raise
        self.fail("no port is free")

    def trust(self, keys, sub):
        """What OpenAI has of Dex: this key set."""
        self.testbed.control("config", providers=[{"id": "idp_dex", "issuer": self.dex.issuer, "audience": CLIENT, "jwks": keys}],
                             mappings=[{"provider": "idp_dex", "service_account": "sa_dex", "rows": {"sub": sub}}])

    def doctor(self, code):
        done = self.plain("doctor", "--json", "-p", "second", code=code)
        report = json.loads(done.stdout)
        return report["cause"], {step["id"]: step for step in report["steps"]}

    def rotate(self):
        """Dex keeps its keys in memory: started anew, at the same address, it has others."""
        former = self.dex.keys()
        self.dex.stop()
        self.dex = self.new_dex(lambda: self.dex.port)
        present = self.dex.keys()
        self.assertNotEqual(former["keys"][0]["kid"], present["keys"][0]["kid"])
        return former, present

    def test_its_discovery_keys_and_signature_pass(self):
        cause, steps = self.doctor(0)
        self.assertIsNone(cause)
        for step in ("discovery", "jwks", "key", "signature", "exchange"):
            self.assertEqual(steps[step]["status"], "ok", steps[step])

    def test_a_key_that_it_rotated_away_is_named(self):
        former, present = self.rotate()
        self.testbed.control("config", providers=[{"id": "idp_dex", "issuer": self.dex.issuer, "audience": CLIENT, "jwks": present}])
        cause, steps = self.doctor(5)
        self.assertEqual((cause["step"], cause["certain"]), ("key", False))
        self.assertIn(former["keys"][0]["kid"], cause["summary"])
        self.assertIn(present["keys"][0]["kid"], cause["summary"])
        self.assertEqual(steps["signature"]["status"], "skipped")

    def test_an_uploaded_set_that_is_older_than_its_keys_is_named(self):
        with open(self.uploaded, "w", encoding="utf-8") as file:
            json.dump(self.dex.keys(), file)
        former, present = self.rotate()
        self.config(self.profiles.replace("expect = {", f'expect = {{ jwks_file = "{self.uploaded}",'))
        with open(self.token, "w", encoding="ascii") as file:
            file.write(self.plain("token", "-p", "first", "--no-cache").stdout.strip())
        cause, steps = self.doctor(5)
        self.assertEqual(cause["step"], "key")
        self.assertIn("the uploaded key set has only " + former["keys"][0]["kid"], cause["summary"])
        self.assertIn("it lacks " + present["keys"][0]["kid"], steps["uploaded_jwks"]["cause"])

    def test_a_changed_token_does_not_verify(self):
        with open(self.token, encoding="ascii") as file:
            head, payload, signature = file.read().split(".")
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        forged = base64.urlsafe_b64encode(json.dumps({**said, "sub": "somebody else"}).encode()).decode().rstrip("=")
        with open(self.token, "w", encoding="ascii") as file:
            file.write(".".join((head, forged, signature)))
        cause, _ = self.doctor(5)
        self.assertEqual(cause["step"], "signature")


if __name__ == "__main__":
    main()
