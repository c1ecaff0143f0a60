# SPDX-License-Identifier: Apache-2.0
"""wif doctor against set-ups that are broken on purpose, each for real: the first cause that it names has to be the true one."""
import json
import os
import socket
import stat
import subprocess
import time

import harness
import serving
from integrating import INTEGRATIONS

ISSUER_SUB = "system:serviceaccount:default:openai-wif"


class DoctorCase(harness.Case):
    """A profile that says what it expects, all of it true until a test breaks something."""

    def setUp(self):
        super().setUp()
        self.issuer = self.testbed.about["issuer"]
        self.expect = {"issuer": self.issuer, "audience": "https://api.openai.com/v1", "sub": ISSUER_SUB}
        self.exchange = {"kind": "openai", "url": self.url(), "identity_provider_id": "idp_testbed",
                         "service_account_id": "sa_testbed"}
        self.subject = {"provider": "file", "path": self.testbed.token_file}
        self.more = ""
        self.hosts = []

    def write_profile(self):
        def table(values):
            return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items()) + " }"
        expect = dict(self.expect)
        sub = expect.pop("sub", None)
        lines = ["[profiles.prod]", f"subject = {table(self.subject)}", f"exchange = {table(self.exchange)}"]
        if self.hosts:
            lines.append(f"hosts = {json.dumps(self.hosts)}")
        if expect or sub:
            lines += ["[profiles.prod.expect]"] + [f"{key} = {json.dumps(value)}" for key, value in expect.items()]
        if sub:
            lines += ["[profiles.prod.expect.claims]", f"sub = {json.dumps(sub)}"]
        return self.config("\n".join(lines) + "\n" + self.more)

    def doctor(self, *words, timeout=20, code=None, write=True):
        if write:
            self.write_profile()
        began = time.monotonic()
        done = subprocess.run([self.program, "doctor", "--json", "--timeout", f"{timeout * harness.PATIENCE}s", *words], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120, **self.user)
        self.took = time.monotonic() - began
        self.assert_no_token(done.stdout + done.stderr)
        answer = json.loads(done.stdout)
        self.assertEqual(answer["version"], 1)
        self.steps = {step["id"]: step for step in answer["steps"]}
        self.notice = answer["notice"]
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout)
        self.code = done.returncode
        return answer["cause"]

    def assert_cause(self, step, *words, certain=None, code=5, options=()):
        cause = self.doctor(*options)
        self.assertIsNotNone(cause, "no cause was named")
        self.assertEqual(cause["step"], step, json.dumps(cause))
        for word in words:
            self.assertIn(word, cause["summary"])
        if certain is not None:
            self.assertEqual(cause["certain"], certain, json.dumps(cause))
        self.assertEqual(self.code, code)
        self.assertNotIn("wif doctor", json.dumps(self.steps))  # it is doctor that says it
        return cause

    def configure(self, **what):
        self.testbed.control("config", **what)


class WhatIsRight(DoctorCase):
    def test_finds_no_problem(self):
        self.env["OPENAI_BASE_URL"] = self.testbed.about["http"] + "/v1/"
        self.assertIsNone(self.doctor("--call-api", code=0))
        self.assertEqual({step["status"] for step in self.steps.values()} - {"skipped"}, {"ok"})
        for step in ("subject", "signature", "mapping", "exchange", "api"):
            self.assertEqual(self.steps[step]["status"], "ok", step)
        self.assertEqual(self.steps["tls"]["status"], "skipped")

    def test_leaves_cache_and_source_alone(self):
        self.doctor(code=0)
        self.assertEqual(self.records(), [])

    def test_over_tls_says_who_issued_the_certificate(self):
        self.exchange.update(url=self.url(scheme="https"), ca_file=self.testbed.about["ca_file"])
        self.assertIsNone(self.doctor(code=0))
        self.assertIn("verified", self.steps["tls"]["found"])

    def test_text_has_a_line_a_step_and_a_last_line(self):
        self.write_profile()
        done = self.plain("doctor", "-p", "prod")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[-1], "No problem found.")
        self.assertEqual(lines[-2], "")
        self.assertTrue(all(line[0] in "✓✗!– " for line in lines[:-2]))
        self.assertTrue(all(len(line) <= 80 for line in lines), done.stdout)
        self.assertNotIn("\033", done.stdout)

    def test_an_api_key_in_the_environment_is_a_warning(self):
        self.env["OPENAI_API_KEY"] = "k"
        self.assertIsNone(self.doctor(code=0))
        self.assertEqual(self.steps["environment"]["status"], "warn")
        self.assertIn("ignore federation", self.steps["environment"]["cause"])
        self.assertEqual((self.notice["step"], self.notice["summary"]), ("environment", self.steps["environment"]["cause"]))
        closing = self.closing()
        self.assertIn("No problem found on the way to a credential, but: OPENAI_API_KEY is set", closing)
        self.assertIn("What to do: unset OPENAI_API_KEY", closing)

    def closing(self, code=0):
        """What the text ends with, as one line; it is kept within 80 columns."""
        closing = self.plain("doctor", "-p", "prod", code=code).stdout.split("\n\n")[-1]
        self.assertTrue(all(len(line) <= 80 for line in closing.splitlines()), closing)
        return " ".join(closing.split())

    def test_the_text_ends_with_the_cause_and_what_to_do(self):
        self.testbed.mint(audience="https://api.openai.com/v1/")
        self.doctor(code=5)
        self.assertRegex(self.closing(code=5), "^Most probable cause: the audiences differ: .* What to do: one text in three places")
        self.testbed.mint(omit=["iat"])
        self.assertRegex(self.closing(code=5), "^The cause: the token has no iat")

    def test_what_was_expected_wrongly_is_a_warning_once_a_credential_came(self):
        self.expect["issuer"] = self.issuer + "/"
        self.assertIsNone(self.doctor(code=0))
        self.assertEqual(self.steps["iss"]["status"], "warn")

    def test_a_helper_that_is_not_there_is_a_warning(self):
        with open(os.path.join(self.folder, ".gitconfig"), "w", encoding="utf-8") as file:
            file.write("[credential]\n\thelper = /nowhere/wif git\n")
        self.assertIsNone(self.doctor(code=0))
        self.assertIn("/nowhere/wif", self.steps["integrations"]["cause"])

    def test_what_was_pasted_from_an_example_is_found(self):
        """At its usual place, or where its variable says; and with another path for wif it is a warning."""
        self.env["PATH"] = os.path.dirname(harness.WIF) + ":" + self.env["PATH"]
        self.env["WIF_PROFILE"] = "prod"
        self.more = '[profiles.claude.cache]\nmin_ttl = "1m"\n'
        for name, example, path, variable in (("claude", "claude/settings.json", ".claude/settings.json", None),
                                              ("claude", "claude/settings.json", "other/settings.json", "CLAUDE_CONFIG_DIR"),
                                              ("codex", "codex/config.toml", ".codex/config.toml", None),
                                              ("codex", "codex/config.toml", "other/config.toml", "CODEX_HOME")):
            with self.subTest(name):
                target = self.pasted(example, path)
                if variable:
                    self.env[variable] = os.path.dirname(target)
                self.assertIsNone(self.doctor(code=0))
                self.assertEqual(self.steps["integrations"]["status"], "ok", self.steps["integrations"])
                self.assertIn(f"{name} ({target})", self.steps["integrations"]["found"])
                self.pasted(example, path, '"/nowhere/wif')
                self.assertIsNone(self.doctor(code=0))
                self.assertIn(f"{name} ({target}) runs /nowhere/wif", self.steps["integrations"]["cause"])
                os.remove(target)
                self.env.pop(variable, None)

    def test_a_consumer_that_asks_for_an_unknown_profile_or_runs_what_cannot_run(self):
        wif = os.path.join(self.folder, "wif")
        for name, path, text, said in (
                ("aws", ".aws/config", f"[profile x]\ncredential_process = {harness.WIF} aws -p absent\n", "asks for profile 'absent'"),
                ("kubernetes", ".kube/config", f"exec:\n  args:\n  - kubernetes\n  - --profile=absent\n  command: {harness.WIF}\n",
                 "asks for profile 'absent'"),
                ("git", ".gitconfig", "[credential]\n\thelper = wif\n", "runs git-credential-wif, which isn't in PATH"),
                ("claude", ".claude/settings.json", f'{{"apiKeyHelper": "{wif} claude"}}', f"runs {wif}, which this user can't execute")):
            with self.subTest(name):
                with open(wif, "w", encoding="ascii"):
                    os.chmod(wif, 0o644)
                target = os.path.join(self.folder, path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "w", encoding="utf-8") as file:
                    file.write(text)
                self.assertIsNone(self.doctor(code=0))
                self.assertIn(f"{name} ({target}) {said}", self.steps["integrations"]["cause"])
                os.remove(target)

    def test_a_host_that_no_profile_serves(self):
        self.env["PATH"] = os.path.dirname(harness.WIF) + ":" + self.env["PATH"]
        for path, text in ((".docker/config.json", '{"credHelpers": {"ghcr.example.com": "wif"}}'),
                           (".gitconfig", '[credential "https://ghcr.example.com"]\n\thelper = wif\n'),
                           (".cargo/config.toml", '[registries.x]\nindex = "sparse+https://ghcr.example.com/"\n'
                                                  'credential-provider = "cargo-credential-wif"\n')):
            target = os.path.join(self.folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8") as file:
                file.write(text)
            self.hosts = ["registry.example.com"]
            self.doctor(code=0)
            self.assertIn("asks for ghcr.example.com, which no profile's hosts name", self.steps["integrations"].get("cause", ""), path)
            self.hosts = ["*.example.com"]
            self.doctor(code=0)
            self.assertNotIn("hosts", self.steps["integrations"].get("cause", ""), path)
            os.remove(target)

    def pasted(self, example, path, program='"wif'):
        target = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(os.path.join(INTEGRATIONS, example), encoding="utf-8") as file:
            text = file.read()
        with open(target, "w", encoding="utf-8") as file:
            file.write(text.replace('"wif', program))
        return target

    def test_terraform_looks_in_its_own_folder_for_its_helper(self):
        self.env["PATH"] = os.path.dirname(harness.WIF) + ":" + self.env["PATH"]
        self.env["WIF_PROFILE"] = "prod"
        self.more = '[profiles.registry.cache]\nmin_ttl = "1m"\n'
        self.pasted("terraform/terraformrc", ".terraformrc")
        self.assertIsNone(self.doctor(code=0))
        self.assertIn("which isn't in ~/.terraform.d/plugins (it doesn't look in PATH)", self.steps["integrations"]["cause"])
        plugins = os.path.join(self.folder, ".terraform.d/plugins")
        os.makedirs(plugins)
        os.symlink(harness.WIF, os.path.join(plugins, "terraform-credentials-wif"))
        self.assertIsNone(self.doctor(code=0))
        self.assertEqual(self.steps["integrations"]["status"], "ok", self.steps["integrations"])

    def test_people_are_masked_unless_told_otherwise(self):
        self.testbed.mint(shape="google")
        self.expect = {"sub": "nobody"}
        self.more = "email = \"other@example.com\"\n"
        shown = json.dumps(self.doctor("--no-redact")) + json.dumps(self.steps)
        hidden = json.dumps(self.doctor()) + json.dumps(self.steps)
        self.assertIn("other@example.com", shown)
        self.assertNotIn("other@", hidden)


class Ids(DoctorCase):
    def test_wrong_service_account(self):
        self.exchange["service_account_id"] = "sa_other"
        self.assert_cause("exchange", "idp_testbed", "sa_other", certain=False)

    def test_unknown_provider(self):
        self.exchange["identity_provider_id"] = "idp_other"
        self.assert_cause("exchange", "idp_other", certain=False)

    def test_disabled_provider(self):
        self.configure(providers=[{"id": "idp_testbed", "enabled": False}])
        self.assert_cause("exchange", "disabled", certain=False)

    def test_disabled_mapping(self):
        self.configure(mappings=[{"provider": "idp_testbed", "service_account": "sa_testbed", "enabled": False}])
        self.assert_cause("exchange", "mapping", certain=False)

    def test_a_placeholder(self):
        self.exchange["service_account_id"] = "<your-service-account-id>"
        self.assert_cause("configuration", "placeholder", certain=True)

    def test_quotes_that_came_along(self):
        self.exchange["identity_provider_id"] = "\"idp_testbed\""
        self.assert_cause("configuration", "quotes", certain=True)

    def test_one_id_in_both_places(self):
        self.exchange["identity_provider_id"] = "sa_testbed"
        self.assert_cause("configuration", "the same", certain=True)

    def test_swapped(self):
        self.exchange.update(identity_provider_id="sa_testbed", service_account_id="idp_testbed")
        self.assert_cause("configuration", "the two are swapped", certain=True)

    def test_one_of_the_wrong_kind(self):
        self.exchange["service_account_id"] = "idp_other"
        self.assert_cause("configuration", "begins as ids of identity providers do", certain=True)

    def test_a_url_that_takes_no_tokens(self):
        self.exchange["url"] = self.testbed.about["http"] + "/v1/oauth"
        self.assertIn("exchange.url", self.assert_cause("exchange", "404", certain=True)["mend"])

    def test_a_server_that_says_what_it_minds_is_believed(self):
        self.configure(strict_errors=True)
        self.exchange["service_account_id"] = "sa_other"
        self.assert_cause("exchange", "refused", certain=True)


class Tokens(DoctorCase):
    def test_audience_with_a_slash_too_many(self):
        self.testbed.mint(audience="https://api.openai.com/v1/")
        self.assert_cause("aud", "ends with a slash", certain=False)

    def test_the_same_without_an_expectation(self):
        self.testbed.mint(audience="https://api.openai.com/v1/")
        self.expect = {}
        self.assert_cause("aud", "ends with a slash", certain=False)

    def test_another_audience_without_an_expectation(self):
        self.testbed.mint(audience="6f1e2c1c-organization")
        self.expect = {}
        self.assert_cause("aud", "6f1e2c1c-organization", "https://api.openai.com/v1", certain=False)

    def test_such_an_audience_is_no_concern_where_openai_has_it(self):
        self.testbed.mint(audience="https://ours.example")
        self.configure(providers=[{"audience": "https://ours.example"}])
        self.expect = {}
        self.assertIsNone(self.doctor(code=0))
        self.assertEqual((self.steps["aud"]["status"], self.notice), ("ok", None))

    def test_nor_where_the_exchange_did_not_get_that_far(self):
        self.testbed.mint(audience="https://ours.example")
        self.expect = {}
        self.exchange["url"] = self.url("status=503")
        self.assert_cause("exchange", "503", code=6)

    def test_a_legacy_token_is_called_one(self):
        self.testbed.mint(omit=["exp", "aud", "iat"], claims={"iss": "kubernetes/serviceaccount"})
        self.subject["provider"] = "kubernetes"
        self.assert_cause("exchange", "a legacy one out of a Secret", certain=True)

    def test_an_unsigned_token_is_called_one(self):
        self.testbed.mint(alg="none")
        self.assert_cause("kid", "not signed", certain=True)

    def test_issuer_with_a_slash_too_many(self):
        self.configure(providers=[{"id": "idp_testbed", "issuer": self.issuer + "/"}])
        self.expect["issuer"] = self.issuer + "/"
        self.assert_cause("iss", "slash", certain=False)

    def test_issuer_over_http_for_https(self):
        wanted = self.issuer.replace("http://", "https://")
        self.configure(providers=[{"id": "idp_testbed", "issuer": wanted}])
        self.expect["issuer"] = wanted
        self.assert_cause("iss", "the token says http, https is expected")

    def test_another_tenant(self):
        self.configure(providers=[{"id": "idp_testbed", "issuer": "https://login.microsoftonline.com/t2/v2.0"}])
        self.testbed.mint(claims={"iss": "https://login.microsoftonline.com/t1/v2.0"})
        self.expect["issuer"] = "https://login.microsoftonline.com/t2/v2.0"
        self.assert_cause("iss", "another tenant: 't1' for 't2'")

    def test_entra_v1_for_v2(self):
        self.configure(providers=[{"id": "idp_testbed", "issuer": "https://login.microsoftonline.com/t1/v2.0"}])
        self.testbed.mint(claims={"iss": "https://sts.windows.net/t1/"})
        self.expect["issuer"] = "https://login.microsoftonline.com/t1/v2.0"
        self.assert_cause("iss", "v1.0")

    def test_another_namespace(self):
        self.testbed.mint(claims={"sub": "system:serviceaccount:dev:openai-wif"})
        self.assert_cause("mapping", "another namespace: 'dev' for 'default'", certain=False)

    def test_no_key_id(self):
        self.testbed.mint(kid=False)
        self.assert_cause("kid", "no kid", certain=True)

    def test_no_algorithm_to_verify(self):
        self.testbed.mint(header={"alg": "HS256"})
        self.assert_cause("alg", "HS256", certain=True)

    def test_claims_that_are_missing(self):
        for claim in ("iat", "sub", "aud", "exp"):
            with self.subTest(claim=claim):
                self.testbed.mint(omit=[claim])
                self.assert_cause(claim, f"has no {claim}", certain=True)

    def test_expired(self):
        self.testbed.mint(ttl=-60, age=3600)
        cause = self.assert_cause("exp", "expired", certain=True)
        self.assertIn("renew", cause["mend"])

    def test_issued_in_the_future(self):
        self.testbed.mint(age=-3600, ttl=3600)
        self.exchange["service_account_id"] = "sa_other"  # something that is refused
        self.assert_cause("iat", "in the future", certain=False)

    def test_a_key_that_the_issuer_does_not_publish(self):
        self.testbed.mint(kid="rotated-away")
        cause = self.assert_cause("key", "rotated-away", "testbed-rs256", certain=False)
        self.assertIn("fetch a fresh token", cause["mend"])

    def test_a_signature_that_does_not_verify(self):
        self.testbed.mint(bad_signature=True)
        self.assert_cause("signature", "doesn't verify", certain=True)  # the server says it as well

    def test_a_claim_inside_another_one(self):
        self.testbed.mint(shape="kubernetes")
        self.more = "\"kubernetes.io.namespace\" = \"default\"\n"
        self.configure(mappings=[{"rows": {"kubernetes.io.namespace": "default"}}])
        cause = self.assert_cause("mapping", "kubernetes.io.namespace: the claim is inside another one", certain=False)
        self.assertIn('namespace = assertion["kubernetes.io"].namespace', cause["mend"])

    def test_an_uploaded_key_set_with_the_next_key_is_right(self):
        keys = self.testbed.keys()
        with open(os.path.join(self.folder, "uploaded.json"), "w", encoding="utf-8") as file:
            json.dump({"keys": keys + [dict(keys[0], kid="next-year")]}, file)
        self.expect["jwks_file"] = file.name
        self.assertIsNone(self.doctor(code=0))
        self.assertEqual(self.steps["uploaded_jwks"]["status"], "ok")
        self.assertIn("the issuer doesn't publish next-year", self.steps["uploaded_jwks"]["found"])

    def test_an_uploaded_key_set_with_another_key_of_that_name(self):
        keys = self.testbed.keys()
        other = dict(next(key for key in keys if key["kty"] == "EC"), kid=keys[0]["kid"])
        with open(os.path.join(self.folder, "uploaded.json"), "w", encoding="utf-8") as file:
            json.dump({"keys": [other] + keys[1:]}, file)
        self.expect["jwks_file"] = file.name
        self.doctor()
        self.assertIn(f"it has another key by the name of {keys[0]['kid']}", self.steps["uploaded_jwks"]["cause"])

    def test_an_uploaded_key_set_that_is_stale(self):
        stale = os.path.join(self.folder, "jwks.json")
        with open(stale, "w", encoding="utf-8") as file:
            json.dump({"keys": [{"kty": "RSA", "kid": "last-year", "n": "AQAB", "e": "AQAB"}]}, file)
        self.configure(providers=[{"id": "idp_testbed", "jwks": {"keys": []}}])
        self.expect["jwks_file"] = stale
        cause = self.assert_cause("key", "uploaded", "last-year", certain=False)
        self.assertIn("upload its present key set", cause["mend"])
        self.assertIn("it lacks", self.steps["uploaded_jwks"]["cause"])
        self.assertIn("it still has last-year", self.steps["uploaded_jwks"]["cause"])

    def test_a_token_that_is_older_than_both_key_sets(self):
        self.expect["jwks_file"] = os.path.join(self.folder, "jwks.json")
        with open(self.expect["jwks_file"], "w", encoding="utf-8") as file:
            json.dump({"keys": self.testbed.keys()}, file)
        self.testbed.mint(kid="rotated-away")
        cause = self.assert_cause("key", "rotated-away", "the uploaded key set has only testbed-rs256", certain=False)
        self.assertIn("fetch a fresh token", cause["mend"])
        self.assertIn("as the issuer's", self.steps["uploaded_jwks"]["found"])
        self.configure(answers=[{"path": "/openid/v1/jwks", "status": 403, "body": "", "content_type": "text/plain", "times": -1}])
        cause = self.assert_cause("key", "rotated-away", certain=False)  # which of the two is old can't be told
        self.assertIn("upload its present key set to OpenAI; where that was done, fetch a fresh token", cause["mend"])

    def test_no_jwt_at_all(self):
        self.set_token("an-opaque-token")
        cause = self.assert_cause("token", certain=True)
        self.assertNotIn("opaque", cause["summary"])

    def test_two_tokens_in_one_file(self):
        self.set_token("aaa\nbbb")
        self.assert_cause("token", certain=True)

    def test_what_is_there_instead_of_a_token(self):
        good = self.testbed.control("mint")
        for text, words in ((json.dumps({"status": {"token": good}}), "it is JSON"), ("sk-proj-abc123", "as API keys do"),
                            ("Bearer " + good, "the word Bearer"), (good[:200] + "\n" + good[200:], "a line break or a space inside"),
                            ("<html>Sign in</html>", "a page"), ("$CI_JOB_JWT", "a variable's name")):
            with self.subTest(words=words):
                self.set_token(text)
                self.assert_cause("token", words, certain=True)

    def test_a_broken_copy_of_the_uploaded_key_set_is_no_certain_cause(self):
        self.expect["jwks_file"] = os.path.join(self.folder, "jwks.json")
        with open(self.expect["jwks_file"], "w", encoding="utf-8") as file:
            file.write("{}")
        self.exchange["service_account_id"] = "sa_other"
        self.assert_cause("uploaded_jwks", "no key set", certain=False)
        self.configure(strict_errors=True)
        self.assert_cause("exchange", "no_mapping", certain=True)

    def test_a_mapping_of_an_attribute_that_nothing_derives(self):
        self.testbed.mint(claims={"openai.team": "ml"})
        self.configure(mappings=[{"rows": {"openai.team": "ml"}}])
        self.more = "\"openai.team\" = \"ml\"\n"
        self.assert_cause("mapping", "openai.team needs an attribute transformation", certain=False)

    def set_token(self, text):
        with open(self.testbed.token_file, "w", encoding="ascii") as file:
            file.write(text)


class Sources(DoctorCase):
    def test_no_file(self):
        self.subject["path"] = os.path.join(self.folder, "absent")
        self.assert_cause("subject", "absent", certain=True)
        # What can still be learned is.
        self.assertEqual(self.steps["dns"]["status"], "ok")
        self.assertEqual(self.steps["exchange"]["status"], "skipped")

    def test_what_led_to_the_source_is_told(self):
        self.subject = {}
        self.env["OPENAI_IDENTITY_TOKEN_FILE"] = os.path.join(self.folder, "absent")
        self.more = "[profiles.prod.cache]\n"
        self.assertIn("because OPENAI_IDENTITY_TOKEN_FILE is set", self.assert_cause("subject", "absent", certain=True)["mend"])

    def test_an_empty_file(self):
        self.subject["path"] = os.path.join(self.folder, "empty")
        with open(self.subject["path"], "w", encoding="ascii"):
            pass
        self.assert_cause("subject", "empty", certain=True)

    def test_no_variable(self):
        self.subject = {"provider": "env", "variable": "MY_TOKEN"}
        self.assert_cause("subject", "MY_TOKEN", certain=True)

    def test_nothing_found_here(self):
        self.subject = {}
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.assert_cause("provider", "no provider fits", certain=True)

    def test_a_command_that_fails(self):
        self.subject = {"provider": "command", "args": ["/bin/false"]}
        self.assert_cause("subject", "/bin/false", certain=True)

    def test_a_workload_api_that_is_not_there(self):
        self.subject = {"provider": "spiffe", "endpoint": "unix://" + os.path.join(self.folder, "agent.sock")}
        self.assert_cause("subject", "agent.sock", certain=True, code=self.any_code())

    def test_a_metadata_server_that_refuses(self):
        self.subject = {"provider": "google", "endpoint": self.testbed.about["http"], "service_account": "absent@example.com"}
        self.assert_cause("subject", certain=True, code=self.any_code())

    def test_a_managed_identity_that_is_not_assigned(self):
        self.subject = {"provider": "azure", "endpoint": self.testbed.about["http"], "audience": "api://testbed", "client_id": "absent"}
        self.assert_cause("subject", certain=True, code=self.any_code())

    def test_a_job_without_permission(self):
        self.subject = {"provider": "github"}
        self.env["GITHUB_ACTIONS"] = "true"
        self.assertIn("id-token: write", self.assert_cause("subject", certain=True)["mend"])

    def any_code(self):
        """A source's answer decides whether it is refused (5) or unreachable (6)."""
        case = self

        class Either:
            def __eq__(self, other):
                return other in (5, 6)

            def __repr__(self):
                return "5 or 6 of " + case.id()
        return Either()


class Ways(DoctorCase):
    def test_an_unknown_name(self):
        self.exchange["url"] = "https://auth.openai.invalid/oauth/token"
        self.assert_cause("dns", "auth.openai.invalid", certain=True, code=6)

    def test_without_a_network_it_is_not_the_issuer(self):
        self.testbed.mint(claims={"iss": "https://issuer.invalid"})
        self.expect["issuer"] = "https://issuer.invalid"
        self.exchange["url"] = "https://auth.openai.invalid/oauth/token"
        self.assert_cause("dns", "auth.openai.invalid", certain=True, code=6)
        self.assertIn("the issuer's discovery document can't be read", self.steps["issuer_dns"]["cause"])

    def test_an_issuer_that_cannot_be_reached_is_no_trouble_of_this_network(self):
        self.testbed.mint(claims={"iss": "https://issuer.invalid"})
        self.expect["issuer"] = "https://issuer.invalid"
        self.assertIn("upload the key set", self.assert_cause("issuer_dns", "issuer.invalid", certain=False, code=5)["mend"])
        self.assertEqual(self.steps["discovery"]["status"], "skipped")

    def test_the_way_to_the_issuer_has_steps_of_its_own(self):
        self.doctor()
        self.assertEqual([self.steps["issuer_" + step]["status"] for step in ("dns", "proxy", "tcp", "tls")], ["ok", "ok", "ok", "skipped"])
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            issuer = f"http://127.0.0.1:{unused.getsockname()[1]}"
        self.testbed.mint(claims={"iss": issuer})
        self.expect["issuer"] = issuer
        self.assert_cause("issuer_tcp", "the issuer's discovery document can't be read", "refused", certain=False, code=5)
        self.assertEqual(self.steps["tcp"]["status"], "ok")

    def test_an_issuer_whose_certificate_nobody_trusts(self):
        issuer = self.testbed.about["https"]
        self.testbed.mint(claims={"iss": issuer})
        self.expect["issuer"] = issuer
        self.assert_cause("issuer_tls", "can't be verified", certain=False, code=5)
        self.expect["ca_file"] = self.testbed.about["ca_file"]
        self.doctor()
        self.assertEqual(self.steps["issuer_tls"]["status"], "ok")

    def test_nobody_listens(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.exchange["url"] = f"http://127.0.0.1:{unused.getsockname()[1]}/oauth/token"
        self.assert_cause("tcp", "refused", certain=True, code=6)

    def test_a_certificate_of_an_unknown_authority(self):
        self.exchange["url"] = self.url(scheme="https")
        self.assert_cause("tls", "can't be verified", certain=True, code=6)

    def test_plain_http_on_a_tls_port(self):
        self.exchange["url"] = self.testbed.about["http"].replace("http://", "https://") + "/oauth/token"
        self.assert_cause("tls", certain=True, code=6)

    def test_a_proxy_that_is_not_there(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            proxy = f"http://user:secret@127.0.0.1:{unused.getsockname()[1]}"
        self.exchange["url"] = "https://auth.openai.invalid/oauth/token"
        self.env["https_proxy"] = proxy
        self.assert_cause("tcp", "proxy", certain=True, code=6)
        self.assertNotIn("secret", json.dumps(self.steps))

    def test_a_redirect(self):
        self.exchange["url"] = self.url("redirect=https://elsewhere.example/")
        self.assert_cause("exchange", "redirect", code=6)

    def test_too_many_requests(self):
        self.exchange["url"] = self.url("status=429")
        self.assert_cause("exchange", "too often", code=6)

    def test_a_page_in_place_of_an_answer(self):
        self.exchange["url"] = self.url("html")
        self.assert_cause("exchange", code=6)

    def test_a_clock_that_is_wrong(self):
        # For the server the token has expired.
        self.testbed.mint(ttl=3600)
        self.configure(clock_skew=7200)
        cause = self.assert_cause("clock", "2 h 0 min behind", certain=True)  # the server says `expired`
        self.assertIn("NTP", cause["mend"])

    def test_an_endpoint_that_hangs_ends_in_time_and_hides_nothing(self):
        self.exchange["url"] = self.url("hang")
        cause = self.doctor(timeout=3)
        self.assertEqual(cause["step"], "exchange")
        self.assertEqual(self.code, 6)
        self.assertLess(self.took, 3 * harness.PATIENCE + 10)
        self.assertEqual(self.steps["signature"]["status"], "ok")

    def test_a_source_that_hangs_hides_nothing_else(self):
        self.subject = {"provider": "command", "args": ["/bin/sleep", "1000"]}
        cause = self.doctor(timeout=3)
        self.assertEqual(cause["step"], "subject")
        self.assertLess(self.took, 3 * harness.PATIENCE + 10)
        self.assertEqual(self.steps["tcp"]["status"], "ok")

    def test_an_issuer_that_hangs_hides_nothing_else(self):
        self.testbed.control("faults", path="/.well-known/openid-configuration", fault="hang", count=-1)
        self.doctor(timeout=4)
        self.assertEqual(self.steps["exchange"]["status"], "ok")
        self.assertEqual(self.steps["issuer_tcp"]["status"], "warn")


    def test_a_filters_page_is_not_openais_refusal(self):
        self.testbed.control("config", answers=[{"path": "/oauth/token", "status": 403, "content_type": "text/html",
                                                 "body": "<html><head><title>Web Page Blocked</title></head><body>no</body></html>"}])
        cause = self.assert_cause("exchange", "is a web page ('Web Page Blocked'), not its token endpoint", "HTTP 403", code=6)
        self.assertIn("a filter", cause["mend"])

    def test_a_proxy_that_wants_a_password(self):
        class Proxy(serving.Handler):
            def do_CONNECT(self):
                self.give(407, b"denied", "text/plain", [("Proxy-Authenticate", 'Basic realm="corp"')])
                self.close_connection = True
        proxy = serving.Server(Proxy)
        self.addCleanup(proxy.stop)
        self.env["https_proxy"] = f"http://somebody:{harness.CANARY}@{proxy.authority}"
        self.exchange["url"] = "https://auth.openai.com/oauth/token"
        self.assert_cause("tcp", "the proxy on the way to auth.openai.com answered HTTP 407", certain=True, code=6)
        self.assertIn("left to the proxy", self.steps["dns"]["found"])

    def test_trust_anchors_that_are_not_there(self):
        self.exchange["url"] = self.url(scheme="https")
        self.env["SSL_CERT_FILE"] = "/nowhere/cacert.pem"
        self.assert_cause("tls", "/nowhere/cacert.pem, which SSL_CERT_FILE names: No such file", certain=True)


class Rest(DoctorCase):
    def test_an_api_without_quota(self):
        self.env["OPENAI_BASE_URL"] = self.testbed.about["http"] + "/v1"
        self.testbed.control("config", answers=[{"path": "/v1/models", "status": 429, "body": {
            "error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}}])
        cause = self.assert_cause("api", "insufficient_quota: You exceeded", certain=True, options=("--call-api",))
        self.assertIn("no quota left", cause["mend"])

    def test_a_cache_that_this_user_may_not_open(self):
        self.be_ordinary()
        self.configured_cache(0)
        self.assertIsNone(self.doctor(code=0))
        self.assertIn("Permission denied", self.steps["cache"]["cause"])
        self.assertIn("chmod u+rwx", self.steps["cache"]["mend"])
        self.configured_cache(0o500)
        self.assertIsNone(self.doctor(code=0))
        self.assertIn(".lock: Permission denied", self.steps["cache"]["cause"])
        self.assertIn("able to write", self.steps["cache"]["mend"])

    def configured_cache(self, mode):
        if not os.path.isdir(self.cache):
            os.mkdir(self.cache)
            if os.geteuid() == 0:
                os.chown(self.cache, *[harness.NOBODY] * 2)
        os.chmod(self.cache, mode)
        self.addCleanup(os.chmod, self.cache, 0o700)

    def test_an_unknown_key(self):
        self.more = "[profiles.prod.cache]\nrefesh = \"inline\"\n"
        cause = self.assert_cause("configuration", "refesh", certain=True)
        self.assertIn("refresh", cause["mend"])

    def test_no_such_profile(self):
        self.write_profile()
        cause = self.assert_cause("configuration", "prd", options=("-p", "prd"))
        self.assertIn("prod", cause["mend"])

    def test_scopes_that_are_narrower(self):
        self.exchange["service_account_id"] = "sa_scoped"
        self.expect["scopes"] = ["api.model.request", "api.model.read"]
        cause = self.assert_cause("scopes", "api.model.read", certain=True)
        self.assertNotIn("api.model.request", cause["summary"])

    def test_an_api_that_refuses(self):
        self.env["OPENAI_BASE_URL"] = self.testbed.about["http"] + "/absent"
        self.assert_cause("api", "404", certain=True, options=("--call-api",))

    def test_a_wide_cache(self):
        os.mkdir(self.cache)
        os.chmod(self.cache, 0o755)
        self.assert_cause("cache", self.cache, certain=True)
        self.assertEqual(stat.S_IMODE(os.stat(self.cache).st_mode), 0o755)

    def test_a_cache_that_cannot_be_made(self):
        self.env["WIF_CACHE_DIR"] = "/proc/sys/wif/cache"  # not even root may
        self.assertIsNone(self.doctor(code=0))
        self.assertIn("/proc/sys can't be written to", self.notice["summary"])

    def test_an_expectation_holds_for_any_exchange(self):
        self.exchange = {"kind": "anthropic", "url": self.testbed.about["http"] + "/v1/oauth/token", "federation_rule_id": "fdrl_x",
                         "organization_id": "11111111-2222-4333-8444-555555555555", "service_account_id": "svac_x"}
        self.expect["issuer"] = "https://other.example"
        self.configure(answers=[{"path": "/v1/oauth/token", "status": 401, "content_type": "application/json", "times": -1,
                                 "body": '{"error": "invalid_grant", "error_description": "issuer is not trusted"}'}])
        self.assert_cause("iss", "https://other.example", certain=True)

    def test_attributes_are_followed_where_they_are_plain_paths(self):
        self.more = ("\"openai.account\" = \"openai-*\"\n\"openai.upper\" = \"X\"\n[profiles.prod.expect.attributes]\n"
                     "account = \"assertion['kubernetes.io'].serviceaccount.name\"\nupper = \"assertion.sub.upperAscii()\"\n")
        self.assertIsNone(self.doctor(code=0))
        self.assertIn("3 of 3 match; not evaluated here: openai.upper", self.steps["mapping"]["found"])

    def test_the_last_failure_is_shown_with_its_step_and_request(self):
        self.exchange["service_account_id"] = "sa_nobody"
        self.write_profile()
        self.plain("get", "-p", "prod", code=6)
        self.doctor(write=False)
        step = self.steps["last_failure"]
        self.assertEqual(step["status"], "warn")
        self.assertRegex(step["found"], r"^\d+ s ago in step exchange, request \S+$")
        self.assertTrue(step["cause"])

    def test_get_says_the_cause_after_a_bare_failure(self):
        self.testbed.mint(audience="https://api.openai.com/v1/")
        self.write_profile()
        done = self.plain("get", "-p", "prod", code=6)
        self.assertIn("ends with a slash", done.stderr)
        self.assertIn("wif doctor", done.stderr)

    def test_get_does_not_blame_the_token_for_the_network(self):
        self.testbed.mint(audience="https://api.openai.com/v1/")
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.exchange["url"] = f"http://127.0.0.1:{unused.getsockname()[1]}/oauth/token"
        self.write_profile()
        self.assertNotIn("slash", self.plain("get", "-p", "prod", "--timeout", "3s", code=6).stderr)


if __name__ == "__main__":
    harness.main()
