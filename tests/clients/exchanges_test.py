# SPDX-License-Identifier: Apache-2.0
"""The exchanges other than OpenAI's, chains and presets, each to a server that checks what its specification says."""
import base64
import fcntl
import json
import os
import subprocess

from harness import CANARY, Case, main

ROLE = "arn:aws:iam::123456789012:role/web"


class Exchanges(Case):
    """Profiles in a file; the token is the testbed's."""

    def setUp(self):
        super().setUp()
        for name in ("OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID", "OPENAI_IDENTITY_TOKEN_FILE"):
            del self.env[name]
        self.http = self.testbed.about["http"]
        self.subject = f'{{ provider = "file", path = "{self.testbed.token_file}" }}'
        self.profiles = ""

    def profile(self, name, exchange, subject=None, more=""):
        self.profiles += f"[profiles.{name}]\nsubject = {subject or self.subject}\nexchange = {{ {exchange} }}\n{more}\n"
        self.config(self.profiles)

    def oauth(self, name="p", more="", **options):
        url = f'kind = "rfc8693", url = "{self.http}/oauth2/token"'
        self.profile(name, url + (", " + more if more else ""), **options)

    def get(self, name="p", *words):
        return json.loads(self.plain("get", "-p", name, *words).stdout)

    def count(self, path="/oauth2/token"):
        return self.testbed.control("counts")["paths"].get(path, 0)

    def last(self, path="/oauth2/token"):
        return self.testbed.control("last", path=path)

    def refused(self, code, *words):
        done = self.plain("get", "-p", "p", code=code)
        for word in words:
            self.assertRegex(done.stderr, word)
        return done


class TokenExchange(Exchanges):
    def test_one_exchange_and_then_the_record(self):
        self.oauth(more='scope = ["a", "b"], audience = ["x", "y"], resource = "https://r"')
        first = self.get()
        self.assertEqual((first["token_type"], first["scope"]), ("Bearer", "a b"))
        self.assertTrue(first["access_token"].startswith(CANARY))
        self.assertEqual(self.get()["access_token"], first["access_token"])
        self.assertEqual(self.count(), 1)
        body = self.last()["body"]
        for part in ("audience=x&audience=y", "resource=https%3A%2F%2Fr", "scope=a%20b"):
            self.assertIn(part, body)

    def test_an_id_token_is_of_type_n_a(self):
        self.oauth(more='requested_token_type = "urn:ietf:params:oauth:token-type:id_token"')
        answer = self.get()
        self.assertEqual(answer["token_type"], "N_A")
        self.assertEqual(answer["access_token"].count("."), 2)

    def test_an_actor_is_another_profiles_credential(self):
        self.profile("me", 'kind = "none"')
        self.oauth(more='actor_profile = "me"')
        self.get()
        body = self.last()["body"]
        self.assertIn("actor_token=", body)
        self.assertIn("actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt", body)

    def test_a_refresh_token_is_used_and_a_dead_one_is_passed_over(self):
        self.testbed.control("config", oauth={"refresh_token": True})
        self.oauth()
        first = self.get()["access_token"]
        for name in self.records():
            self.assertEqual(os.stat(os.path.join(self.cache, name)).st_mode & 0o777, 0o600)
        self.assertNotIn("refresh", self.plain("get", "-p", "p").stdout)
        self.make_stale()
        second = self.get("p", "--set", "cache.refresh=inline")["access_token"]
        self.assertNotEqual(second, first)
        self.assertIn("grant_type=refresh_token", self.last()["body"])
        self.testbed.control("revoke")
        self.make_stale()
        third = self.get("p", "--set", "cache.refresh=inline")["access_token"]
        self.assertNotEqual(third, second)
        self.assertIn("token-exchange", self.last()["body"])
        self.assertEqual(self.testbed.models(third), 200)

    def test_a_refusal_names_the_servers_code_and_a_mend(self):
        self.oauth(more='audience = "nobody"')
        self.refused(5, "invalid_target: nobody", "exchange.audience or exchange.resource")
        self.assertEqual(self.records(), [])

    def test_an_assertion_for_one_use_is_sent_once_by_twenty(self):
        self.testbed.control("config", single_use=True)
        self.oauth()
        running = [subprocess.Popen([self.program, "get", "-p", "p"], env=self.env, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(20)]
        answers = {json.loads(self.finish(one).stdout)["access_token"] for one in running}
        self.assertEqual((len(answers), self.count()), (1, 1))
        # The source has not rotated: what is valid is served on, and without a word.
        token = answers.pop()
        self.assert_quietly(token)
        self.assertEqual(self.count(), 2)
        # That it was refused is remembered; when the next one comes it is sent.
        self.assert_quietly(token)
        self.assertEqual(self.count(), 2)
        self.testbed.mint(claims={"jti": "another"})
        self.assert_quietly(token)
        self.assertEqual(self.count(), 3)
        self.assertNotEqual(self.get()["access_token"], token)

    def assert_quietly(self, token):
        """What is stale is given without a word, and whatever was tried behind it has ended."""
        self.make_stale()
        for name in os.listdir(self.cache):
            if name.endswith(".failure"):
                self.end_pause(os.path.join(self.cache, name))
        done = self.plain("get", "-p", "p")
        self.assertEqual((json.loads(done.stdout)["access_token"], done.stderr), (token, ""))
        self.assertEqual(os.wait()[1], 0)

    @staticmethod
    def end_pause(path):
        """As if the time for another try had come."""
        with open(path, "r+", encoding="utf-8") as file:
            failure = json.load(file) | {"not_before": 0}
            file.seek(0)
            file.truncate()
            json.dump(failure, file)


class Clients(Exchanges):
    def client(self, auth, **options):
        self.testbed.control("config", oauth={"client_auth": auth, "client_id": "wif:me", **options})
        return f'client_id = "wif:me", client_auth = "{auth}", '

    def secret(self, text):
        path = os.path.join(self.folder, "secret")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        return path

    def test_by_secret(self):
        for auth in ("basic", "post"):
            self.profiles = ""
            words = self.client(auth, client_secret="s:e +%c")
            self.oauth(more=words + f'client_secret_file = "{self.secret("s:e +%c")}"')
            self.get("p", "--no-cache")
            self.secret("another")
            done = self.plain("get", "-p", "p", "--no-cache", code=5)
            self.assertIn("invalid_client", done.stderr)
            self.assertIn("exchange.client_auth", done.stderr)
            self.assertNotIn("another", done.stderr)

    def test_by_secret_from_a_variable(self):
        words = self.client("post", client_secret="in-the-environment")
        self.oauth(more=words + 'client_secret_variable = "CLIENT_SECRET"')
        self.refused(3, "client_secret_variable: CLIENT_SECRET is not set")
        self.env["CLIENT_SECRET"] = "in-the-environment"
        self.get()

    def test_by_private_key(self):
        key = os.path.join(self.folder, "key.pem")
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-out", key], check=False, capture_output=True)
        if not os.path.exists(key) or os.path.getsize(key) == 0:  # OpenSSL 3.0 has no -quiet
            subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", key], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", key, "-noout", "-modulus"], check=True, capture_output=True,
                                 text=True).stdout.strip().partition("=")[2]
        n = base64.urlsafe_b64encode(bytes.fromhex(modulus)).decode().rstrip("=")
        words = self.client("private_key_jwt", client_jwk=json.dumps({"kty": "RSA", "n": n, "e": "AQAB"}))
        self.oauth(more=words + f'client_key_file = "{key}", client_key_id = "k1"')
        self.get()
        done = self.plain("get", "-p", "p", "--no-cache", "--set", "exchange.client_assertion_audience=https://other", code=5)
        self.assertIn("invalid_client", done.stderr)


class JwtBearer(Exchanges):
    def test_anthropics_preset_sends_its_fields_as_json(self):
        self.profile("p", f'kind = "anthropic", url = "{self.http}/v1/oauth/token"')
        self.refused(3, "federation_rule_id", "ANTHROPIC_FEDERATION_RULE_ID")
        self.env.update(ANTHROPIC_FEDERATION_RULE_ID="fdrl_1", ANTHROPIC_ORGANIZATION_ID="org",
                        ANTHROPIC_SERVICE_ACCOUNT_ID="svac_1", ANTHROPIC_WORKSPACE_ID="default")
        self.assertTrue(self.get()["access_token"].startswith(CANARY))
        body = self.last("/v1/oauth/token")["body"]
        body = body if isinstance(body, dict) else json.loads(body)
        self.assertEqual(sorted(body), ["assertion", "federation_rule_id", "grant_type", "organization_id",
                                        "service_account_id", "workspace_id"])

    def test_an_api_error_object_is_read(self):
        self.profile("p", f'kind = "anthropic", url = "{self.http}/v1/oauth/token", federation_rule_id = "x", '
                          'organization_id = "o", service_account_id = "s"')
        self.refused(5, "HTTP 401: Federated authentication failed")

    def test_as_a_form_it_is_rfc_7523s(self):
        self.profile("p", f'kind = "jwt-bearer", url = "{self.http}/oauth2/token", scope = "s"')
        self.assertEqual(self.get()["scope"], "s")


class AwsSts(Exchanges):
    def aws(self, role=ROLE, more=""):
        self.profile("p", f'kind = "aws-sts", url = "{self.http}/", role_arn = "{role}"{more}')

    def test_a_credential_is_three_parts(self):
        self.aws()
        answer = self.get()
        self.assertEqual(sorted(answer), ["access_key_id", "expires_at", "expires_in", "profile", "secret_access_key",
                                          "session_token", "version"])
        self.assertEqual(answer["access_key_id"], "ASIATESTBEDWEB000000")
        self.assertEqual(self.get()["session_token"], answer["session_token"])
        self.assertEqual(self.count("/"), 1)
        self.assertIn("pair of AWS keys", self.plain("token", "-p", "p", code=2).stderr)
        done = self.plain("exec", "-p", "p", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID $AWS_SESSION_TOKEN")
        self.assertEqual((done.stdout.split(), done.stderr), ([answer["access_key_id"], answer["session_token"]], ""))
        self.assertIn("--env KEY is left aside", self.plain("exec", "-p", "p", "--env", "KEY", "--", "true").stderr)

    def test_a_refusal_names_the_trust_policy(self):
        self.aws(role="arn:aws:iam::123456789012:role/other")
        self.refused(5, "AccessDenied", "trust policy", "request id")

    def test_what_aws_does_not_give_is_not_asked_for(self):
        self.aws(more=', duration = "5m"')
        self.refused(3, "exchange.duration is 5m", "15m and 12h")
        self.assertEqual(self.count("/"), 0)


class Chains(Exchanges):
    def chain(self):
        self.oauth("first", 'scope = "inner"')
        self.oauth("p", 'scope = "outer"', subject='{ profile = "first" }')

    def test_each_link_has_its_own_record(self):
        self.chain()
        self.assertEqual(self.get()["scope"], "outer")
        self.assertEqual((self.count(), len(self.records())), (2, 2))
        self.assertIn("subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token", self.last()["body"])
        self.assertEqual(self.get()["scope"], "outer")
        self.assertEqual(self.get("first")["scope"], "inner")
        self.assertEqual(self.count(), 2)

    def test_a_link_that_is_there_is_used(self):
        self.chain()
        self.get("first")
        self.get()
        self.assertEqual(self.count(), 2)

    def test_another_identity_at_its_beginning_is_another_chain(self):
        self.chain()
        first = self.get()["access_token"]
        self.testbed.mint(claims={"sub": "system:serviceaccount:default:other"})
        self.assertNotEqual(self.get()["access_token"], first)
        self.assertEqual(self.count(), 4)

    def test_a_refusal_says_which_link(self):
        self.oauth("first", 'audience = "nobody"')
        self.oauth("p", subject='{ profile = "first" }')
        self.refused(5, "profile 'first', the subject of 'p': .*invalid_target")
        self.assertEqual(self.records(), [])

    def test_a_loop_and_a_hole_are_configuration_errors(self):
        self.oauth("p", subject='{ profile = "q" }')
        self.refused(3, 'there is no profile "q"')
        self.oauth("q", subject='{ profile = "p" }')
        self.refused(3, "makes a loop: p -> q -> p")
        self.assertIn("makes a loop", self.plain("config", "check", code=3).stderr)

    def test_fifty_at_once_make_one_exchange_of_each(self):
        self.chain()
        running = [subprocess.Popen([self.program, "get", "-p", name], env=self.env, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                   for name in ("p", "first") * 25]
        for one in running:
            self.assertEqual(self.finish(one).returncode, 0)
        self.assertEqual(self.count(), 2)

    def test_a_links_lock_that_nobody_gives_back_is_passed_by(self):
        self.chain()
        self.get()
        for name in self.records():
            path = os.path.join(self.cache, name)
            with open(path, encoding="utf-8") as file:
                if json.load(file)["profile"] == "first":
                    held = path.removesuffix(".json") + ".lock"
            os.unlink(path)
        with open(held, "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.get("p", "--timeout", "3s")["scope"], "outer")
        self.assertEqual((self.count(), len(self.records())), (4, 1))  # what the link gave is kept by nobody

    def test_a_stale_chain_is_answered_and_refreshed_behind(self):
        self.chain()
        first = self.get()["access_token"]
        self.make_stale()
        self.assertEqual(self.get()["access_token"], first)
        self.testbed.control("wait", path="/oauth2/token", count=4)
        while self.get()["access_token"] == first:
            os.sched_yield()  # the engine behind the answer has its record still to write
        self.assertEqual(self.count(), 4)

    def test_inspect_shows_what_the_last_exchange_would_be_given(self):
        self.profile("first", 'kind = "none"')
        self.oauth("p", subject='{ profile = "first" }')
        report = json.loads(self.plain("inspect", "-p", "p", "--json").stdout)
        self.assertEqual(report["claims"]["sub"], "system:serviceaccount:default:openai-wif")

    def test_aws_keys_are_no_subject(self):
        self.profile("first", f'kind = "aws-sts", url = "{self.http}/", role_arn = "{ROLE}"')
        self.oauth("p", subject='{ profile = "first" }')
        self.refused(3, "pair of AWS keys")


class None_(Exchanges):
    def test_the_subject_token_is_the_credential(self):
        self.profile("p", 'kind = "none"')
        with open(self.testbed.token_file, encoding="ascii") as file:
            token = file.read().strip()
        answer = self.get()
        self.assertEqual(answer["access_token"], token)
        self.assertTrue(0 < answer["expires_in"] <= 3600)


class Presets(Exchanges):
    def test_one_that_is_dropped_in_needs_no_code(self):
        path = os.path.join(self.folder, "corp.exchange")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'name = "corp"\nsummary = "ours"\nkind = "rfc8693"\n[set]\nurl = "{self.http}/oauth2/token"\n'
                       '[settings.team]\nrequired = true\nhelp = "the team"\n')
        folder = self.drop_in(path)
        self.profile("p", 'kind = "corp", team = "blue"')
        self.get()
        self.assertIn("team=blue", self.last()["body"])
        self.assertIn("corp", self.plain("exchanges").stdout)
        self.assertRegex(self.plain("exchanges", "corp").stdout, r"team +string, required: the team")
        os.chmod(os.path.join(folder, "corp.exchange"), 0o666)
        self.assertIn("corp.exchange", self.plain("get", "-p", "p", code=3).stderr)

    def test_openrouters_sends_its_policy_and_one_type_only(self):
        self.profile("p", f'kind = "openrouter", url = "{self.http}/oauth2/token"')
        self.refused(3, "federation_policy_id", "OPENROUTER_FEDERATION_POLICY_ID")
        self.env["OPENROUTER_FEDERATION_POLICY_ID"] = "policy-1"
        self.testbed.control("faults", path="/oauth2/token", fault="expires_in=absent", count=1)
        self.assertTrue(890 < self.get()["expires_in"] <= 900)
        body = self.last()["body"]
        for part in ("federation_policy_id=policy-1", "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"):
            self.assertIn(part, body)

    def test_googles_sends_the_pools_provider(self):
        pool = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q"
        self.profile("p", f'kind = "google-sts", url = "{self.http}/oauth2/token", audience = "{pool}"')
        self.assertEqual(self.get()["scope"], "https://www.googleapis.com/auth/cloud-platform")
        self.assertIn("audience=%2F%2Fiam.googleapis.com%2Fprojects", self.last()["body"])

    def test_all_are_listed_with_what_they_take(self):
        listed = json.loads(self.plain("exchanges", "--json").stdout)
        names = [one["name"] for one in listed["exchanges"]]
        self.assertEqual(names[0], "openai")
        self.assertLessEqual({"none", "aws-sts", "rfc8693", "jwt-bearer", "anthropic", "openrouter"}, set(names))
        for name in names:
            self.assertIn(name, self.plain("exchanges", name).stdout)
        self.assertIn("the nearest is 'openrouter'", self.plain("exchanges", "openroutr", code=3).stderr)


if __name__ == "__main__":
    main()
