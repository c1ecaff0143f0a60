# SPDX-License-Identifier: Apache-2.0
"""wif setup: what is to be entered at the relying party, out of the token that is really there; and the profile that it writes."""
import json
import os
import pty
import stat
import subprocess

import harness
import kubernetes_api
import pypi

SUBJECT = "system:serviceaccount:default:openai-wif"
IDS = ("--identity-provider-id", "idp_testbed", "--service-account-id", "sa_testbed")


class SetupCase(harness.Case):
    def setUp(self):
        super().setUp()
        for name in ("OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID"):
            del self.env[name]
        self.file = os.path.join(self.folder, "config.toml")
        self.env["WIF_CONFIG"] = self.file

    def setup(self, *words, code=0):
        return self.plain("setup", *words, code=code)

    def advice(self, *words):
        return json.loads(self.setup("--format", "json", *words).stdout)

    def write(self, *words, code=0):
        return self.setup("--write", *IDS, "--set", "exchange.url=" + self.url(), *words, code=code)

    def content(self):
        with open(self.file, "rb") as file:
            return file.read()

    def put(self, text):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)


class Advice(SetupCase):
    def rows(self, *words):
        return {row["key"]: (row["value"], row["recommended"]) for row in self.advice(*words)["mapping"]}

    def test_says_issuer_audience_and_subject(self):
        advice = self.advice()
        self.assertEqual(advice["issuer"], self.testbed.about["issuer"])
        self.assertEqual(advice["audience"], "https://api.openai.com/v1")
        self.assertEqual([(row["key"], row["value"]) for row in advice["mapping"]], [("sub", SUBJECT)])
        self.assertTrue(all(row["reason"] for row in advice["mapping"]))

    def test_a_loopback_issuer_has_its_key_set_uploaded(self):
        keys = self.advice()["keys"]
        self.assertEqual(keys["how"], "upload")
        self.assertTrue(keys["jwks"]["keys"])

    def test_a_public_issuer_is_discovered_and_not_asked(self):
        self.testbed.mint(claims={"iss": "https://issuer.invalid.example"})
        self.assertEqual(self.advice()["keys"]["how"], "discovery")

    def test_writes_the_key_set(self):
        path = os.path.join(self.folder, "jwks.json")
        self.assertIn(path, self.setup("--jwks-output", path).stdout)
        with open(path, encoding="utf-8") as file:
            self.assertIn("testbed-rs256", [key["kid"] for key in json.load(file)["keys"]])

    def test_a_private_authority_is_that_of_the_profile(self):
        path = os.path.join(self.folder, "jwks.json")
        issuer = self.testbed.about["https"]
        document = json.dumps({"issuer": issuer, "jwks_uri": issuer + "/openid/v1/jwks"})
        self.testbed.control("config", answers=[{"path": "/.well-known/openid-configuration", "status": 200, "body": document, "times": -1}])
        self.testbed.mint(claims={"iss": issuer})
        self.put(f'[profiles.prod]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                 f'exchange = {{ ca_file = "{self.testbed.about["ca_file"]}", identity_provider_id = "a", service_account_id = "b" }}\n')
        self.assertIn("can't be verified", self.setup("--jwks-output", path, code=6).stderr)
        self.setup("-p", "prod", "--jwks-output", path)
        self.assertTrue(os.path.exists(path))

    def test_a_key_set_that_can_not_be_had_is_an_error_that_writes_nothing(self):
        path = os.path.join(self.folder, "jwks.json")
        self.testbed.mint(claims={"iss": self.testbed.about["issuer"] + "/elsewhere"})
        done = self.setup("--jwks-output", path, code=5)
        self.assertIn("/elsewhere", done.stderr)
        self.assertFalse(os.path.exists(path))

    def test_google_matches_the_number_and_offers_the_address(self):
        self.testbed.mint(claims={"iss": "https://accounts.google.com", "sub": "123", "email": "a@example.com"})
        self.assertEqual(self.rows(), {"sub": ("123", True), "email": ("a@example.com", False)})

    def test_azure_matches_application_and_tenant(self):
        self.testbed.mint(claims={"iss": "https://login.microsoftonline.com/t/v2.0", "azp": "app", "tid": "t", "oid": "o"})
        self.assertEqual(self.rows(), {"azp": ("app", True), "tid": ("t", True), "oid": ("o", False)})

    def test_github_matches_the_repository_and_what_ran(self):
        self.testbed.mint(claims={"iss": "https://token.actions.githubusercontent.com", "repository": "o/r", "ref": "refs/heads/main"})
        self.assertEqual(self.rows(), {"repository": ("o/r", True), "ref": ("refs/heads/main", True)})

    def test_a_nested_claim_needs_a_transformation(self):
        self.testbed.mint(claims={"iss": "https://x.tokens.sts.global.api.aws", "sub": "arn:aws:iam::1:role/r",
                                  "https://sts.amazonaws.com/": {"aws_account": "1"}})
        advice = self.advice()
        self.assertEqual(advice["transformations"][0]["expression"], "assertion['https://sts.amazonaws.com/'].aws_account")
        self.assertIn(("openai.aws_account", "1"), [(row["key"], row["value"]) for row in advice["mapping"]])

    def test_markdown_and_text_say_the_same(self):
        for form in ("text", "markdown"):
            out = self.setup("--format", form).stdout
            for what in (self.testbed.about["issuer"], "https://api.openai.com/v1", SUBJECT, "Workload Identity Provider"):
                self.assertIn(what, out)

    def test_anthropic_has_its_own_words_and_ids(self):
        out = self.setup("--kind", "anthropic").stdout
        self.assertIn("Federation rule", out)
        self.assertIn("<federation_rule_id>", out)
        self.assertNotIn("OpenAI's", out)

    def test_no_token_is_the_error_of_its_source(self):
        os.unlink(self.testbed.token_file)
        done = subprocess.run([self.program, "setup"], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (4, ""))

    def test_wrong_words_are_usage(self):
        for words in (("--format", "xml"), ("--force",), ("--check",), ("--name", "a b"), ("--write", "--check", "--format", "json")):
            self.setup(*words, code=2)


class Write(SetupCase):
    def test_writes_a_profile_that_works(self):
        self.write("--name", "prod")
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.plain("config", "check")
        shown = json.loads(self.plain("config", "show", "-p", "prod", "--json").stdout)["settings"]
        self.assertEqual(shown["expect.claims.sub"]["value"], SUBJECT)
        self.assertEqual(shown["expect.issuer"]["value"], self.testbed.about["issuer"])
        self.assertTrue(json.loads(self.plain("get", "-p", "prod").stdout)["access_token"])

    def test_check_is_doctor(self):
        self.assertIn("No problem found.", self.write("--check").stdout)
        done = self.write("--check", "--force", "--service-account-id", "sa_other", code=5)
        self.assertIn("Most probable cause", done.stdout)

    def test_never_over_another_without_force(self):
        self.write()
        before = self.content()
        done = self.write("--identity-provider-id", "idp_other", code=3)
        self.assertIn("--force", done.stderr)
        self.assertEqual(self.content(), before)
        self.write("--identity-provider-id", "idp_other", "--force")
        self.assertIn(b"idp_other", self.content())

    def test_everything_else_stays_byte_for_byte(self):
        head = "# mine\n\n[profiles.a]   # first\nsubject = { provider = \"file\", path = \"/a\" }\n\n"
        old = "[profiles.prod]\nsubject = { provider = \"file\", path = \"/old\" }\n\n[profiles.prod.expect]\nissuer = \"x\"\n"
        tail = "\n# of b, not of prod\n[profiles.b]\nsubject = { provider = \"file\", path = \"/b\" }  # end"
        self.put(head + old + tail)
        self.write("--force")
        text = self.content().decode()
        self.assertTrue(text.startswith(head), text)
        self.assertTrue(text.endswith(tail), text)
        self.assertNotIn("/old", text)
        self.assertEqual(text.count("[profiles.prod.expect]"), 1)

    def test_appends_to_a_file_that_has_no_last_line_end(self):
        text = "[profiles.a]\nsubject = { provider = \"file\", path = \"/a\" }"
        self.put(text)
        self.write()
        self.assertTrue(self.content().decode().startswith(text + "\n\n[profiles.prod.subject]\n"))
        self.plain("config", "show", "-p", "prod")

    def test_a_file_that_does_not_parse_is_left_alone(self):
        text = "[profiles.a\n"
        self.put(text)
        self.write(code=3)
        self.assertEqual(self.content().decode(), text)
        self.assertEqual([name for name in os.listdir(self.folder) if ".new" in name or ".tmp" in name], [])

    def test_keeps_mode_and_link(self):
        real = os.path.join(self.folder, "dotfiles.toml")
        with open(real, "w", encoding="utf-8"):
            pass
        os.chmod(real, 0o640)
        os.symlink(real, self.file)
        self.write()
        self.assertTrue(os.path.islink(self.file))
        self.assertEqual(stat.S_IMODE(os.stat(real).st_mode), 0o640)

    def test_what_lacks_is_named_by_its_flag(self):
        done = self.setup("--write", code=2)
        self.assertIn("--identity-provider-id", done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse(os.path.exists(self.file))

    def test_asks_on_a_terminal(self):
        ours, theirs = pty.openpty()
        os.write(ours, b"idp_asked\nsa_asked\n")
        done = subprocess.run([self.program, "setup", "--write"], env=self.env, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE,
                              check=False, timeout=60)
        os.close(theirs)
        os.close(ours)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"idp_asked", self.content())
        self.assertIn(b"sa_asked", self.content())

    def test_an_unknown_setting_of_the_exchange_is_refused(self):
        self.setup("--kind", "anthropic", "--identity-provider-id", "x", code=2)


class Kubernetes(SetupCase):
    def test_kubectl_accepts_the_objects(self):
        server = kubernetes_api.Discovery()
        self.addCleanup(server.stop)
        done = subprocess.run(
            [pypi.program("kubectl", "kubectl"), "--server", server.url, "apply", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-"],
            input=self.advice()["kubernetes"], env=self.env, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        account, pod = json.loads(done.stdout)["items"]
        self.assertEqual((account["metadata"]["namespace"], account["metadata"]["name"]), ("default", "openai-wif"))
        self.assertEqual(pod["spec"]["serviceAccountName"], "openai-wif")
        source = pod["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
        self.assertEqual(source, {"path": "token", "audience": "https://api.openai.com/v1", "expirationSeconds": 3600})

    def test_other_tokens_have_no_objects(self):
        self.testbed.mint(claims={"sub": "spiffe://example.org/app"})
        self.assertNotIn("kubernetes", self.advice())


if __name__ == "__main__":
    harness.main()
