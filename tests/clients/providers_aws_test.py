# SPDX-License-Identifier: Apache-2.0
"""Provider aws, from each place that credentials come from, through STS to an exchange that verifies; and what goes wrong
on the way. The keys are those of tests/testbed/standin_aws_keys.hpp."""
import json
import os
from urllib.parse import parse_qsl, urlsplit

from harness import Case, main

ACCOUNT = "arn:aws:iam::123456789012:"
AUTHORIZATION = "testbed-container-authorization"
USER = ("AKIATESTBEDUSER00000", "wif-canary-aws/user+K7MDENGbPxRfiCYEXAMP", "")
TASK = ("ASIATESTBEDTASK00000", "wif-canary-aws/task+K7MDENGbPxRfiCYEXAMP",
        "wif-canary-aws-session-task/+//////////wEaCXVzLWVhc3QtMSJGMEQCIA==")
XML_ERROR = ('<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{}</Code>'
             "<Message>{}</Message></Error><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ErrorResponse>")


class AwsCase(Case):
    def setUp(self):
        super().setUp()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.env["AWS_REGION"] = "eu-central-1"
        self.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = self.testbed.about["http"] + "/"
        self.use(ACCOUNT + "*")

    def use(self, subject):
        """The mapping that the exchange has."""
        self.testbed.control("config", mappings=[{"rows": {"sub": subject}}])

    def keys(self, key=USER):
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        self.env.update((name, value) for name, value in zip(names, key) if value)

    def container(self):
        self.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self.testbed.about["http"] + "/v1/credentials"
        self.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = AUTHORIZATION

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def arguments(self, words, fault=None):
        settings = ["--set", "subject.provider=aws", "--set", "subject.endpoint=" + self.testbed.about["http"]]
        return super().arguments([words[0], *settings, *words[1:]], fault)

    def assert_no_token(self, text):
        super().assert_no_token(text)
        self.assertNotIn("wif-canary", text)
        self.assertNotIn("K7MDENG", text)

    def form(self):
        """What STS was sent last."""
        return dict(parse_qsl(self.testbed.control("last", path="/")["body"], keep_blank_values=True))

    def fails(self, code, expected, *words):
        done = self.wif("get", "--timeout", "20s", *words, code=code)
        self.assertRegex(done.stderr, expected)
        self.assertNotIn("[redacted]", done.stderr)
        self.assertEqual(self.records(), [])
        return done

    def served(self, path):
        return self.testbed.control("counts")["paths"].get(path, 0)


class Sources(AwsCase):
    """Each place that credentials come from, by the identity that the exchange then sees."""

    def test_keys_in_the_environment(self):
        self.keys()
        self.use(ACCOUNT + "user/app")
        self.assertTrue(self.token())

    def test_temporary_keys_in_the_environment_are_signed_with_their_token(self):
        self.keys(TASK)
        self.use(ACCOUNT + "role/task")
        self.assertTrue(self.token())
        signed = self.testbed.control("last", path="/")["headers"]["authorization"]
        self.assertIn("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,", signed)

    def test_a_container(self):
        self.container()
        self.use(ACCOUNT + "role/task")
        self.assertTrue(self.token())

    def test_the_containers_token_file_is_read_for_each_call(self):
        self.container()
        path = self.file("eks-token", "stale")
        self.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = path
        self.fails(5, "HTTP 403.*\n.*AWS_CONTAINER_AUTHORIZATION_TOKEN")
        self.file("eks-token", AUTHORIZATION + "\n")
        self.plain("cache", "clear")
        self.assertTrue(self.token())

    def test_an_instance(self):
        self.use(ACCOUNT + "role/instance")
        self.assertTrue(self.token())
        self.assertEqual(self.served("/latest/api/token"), 1)

    def test_the_region_of_an_instance(self):
        del self.env["AWS_REGION"]
        self.assertTrue(self.token())
        self.assertIn("/eu-west-1/sts/aws4_request", self.testbed.control("last", path="/")["headers"]["authorization"])
        self.assertEqual(self.served("/latest/api/token"), 1)

    def test_web_identity(self):
        self.env.update(AWS_WEB_IDENTITY_TOKEN_FILE=self.testbed.token_file, AWS_ROLE_ARN=ACCOUNT + "role/web")
        self.testbed.mint(audience="sts.amazonaws.com")
        self.use(ACCOUNT + "role/web")
        self.assertTrue(self.token())

    def test_a_profile(self):
        self.file(".aws/credentials", "[default]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n"
                                      f"[team]\naws_access_key_id = {USER[0]}\naws_secret_access_key = {USER[1]}\n")
        self.file(".aws/config", "[default]\nregion = us-east-1\n[profile team]\nregion = ap-southeast-2\n")
        del self.env["AWS_REGION"]
        self.env["AWS_PROFILE"] = "team"
        self.use(ACCOUNT + "user/app")
        self.assertTrue(self.token())
        self.assertIn("/ap-southeast-2/sts/", self.testbed.control("last", path="/")["headers"]["authorization"])

    def test_a_profile_that_is_set_goes_before_the_environment(self):
        self.keys()
        self.file(".aws/config", f"[profile task]\naws_access_key_id={TASK[0]}\naws_secret_access_key={TASK[1]}\n"
                                 f"aws_session_token={TASK[2]}\n")
        self.use(ACCOUNT + "role/task")
        self.assertTrue(self.token("--set", "subject.aws_profile=task"))

    def test_a_profiles_web_identity(self):
        self.file(".aws/config", "[default]\nrole_arn = " + ACCOUNT + "role/web\nweb_identity_token_file = " +
                  self.testbed.token_file)
        self.use(ACCOUNT + "role/web")
        self.assertTrue(self.token())

    def test_each_place_before_the_next(self):
        web = {"AWS_WEB_IDENTITY_TOKEN_FILE": self.testbed.token_file, "AWS_ROLE_ARN": ACCOUNT + "role/web"}
        self.keys()
        self.container()
        self.env.update(web)
        self.use(ACCOUNT + "user/app")
        self.assertTrue(self.token())
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del self.env[name]
        self.use(ACCOUNT + "role/web")
        self.assertTrue(self.token())
        for name in web:
            del self.env[name]
        self.use(ACCOUNT + "role/task")
        self.assertTrue(self.token())
        self.assertEqual(self.served("/latest/api/token"), 0)


class Identity(AwsCase):
    def test_other_keys_are_another_record(self):
        self.keys()
        first = self.token()
        self.keys(TASK)
        self.assertNotEqual(self.token(), first)
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_hit_asks_nobody(self):
        self.container()
        self.assertEqual(self.token(), self.token())
        self.assertEqual((self.served("/"), self.served("/v1/credentials")), (1, 1))


class Detection(AwsCase):
    def arguments(self, words, fault=None):
        return Case.arguments(self, words, fault)

    def test_a_container_is_found(self):
        self.container()
        self.env["AWS_ENDPOINT_URL_STS"] = self.testbed.about["http"]
        self.assertTrue(self.token())

    def test_keys_alone_are_no_sign_of_it(self):
        self.keys()
        listing = self.plain("providers").stdout
        for line in listing.splitlines():
            if line.split()[:1] == ["aws"]:
                self.assertNotIn("is set", line)


class Requests(AwsCase):
    def test_the_settings_reach_sts(self):
        self.keys()
        self.token("--set", "subject.duration=15m", "--set", "subject.signing_algorithm=ES384",
                   "--set", "subject.tags=team=a&b,empty=,path=x=y")
        self.assertEqual(self.form(), {
            "Action": "GetWebIdentityToken", "Version": "2011-06-15", "Audience.member.1": "https://api.openai.com/v1",
            "SigningAlgorithm": "ES384", "DurationSeconds": "900", "Tags.member.1.Key": "team", "Tags.member.1.Value": "a&b",
            "Tags.member.2.Key": "empty", "Tags.member.2.Value": "", "Tags.member.3.Key": "path", "Tags.member.3.Value": "x=y"})

    def test_the_defaults(self):
        self.keys()
        answer = json.loads(self.wif("get").stdout)
        self.assertTrue(200 < answer["expires_in"] <= 300, answer["expires_in"])
        self.assertEqual((self.form()["SigningAlgorithm"], self.form()["DurationSeconds"]), ("RS256", "300"))

    def test_over_https(self):
        self.keys()
        self.assertTrue(self.token("--set", "subject.endpoint=" + self.testbed.about["https"],
                                   "--set", "subject.ca_file=" + self.testbed.about["ca_file"]))

    def test_no_proxy_for_the_machines_own(self):
        self.container()
        self.env.update(http_proxy="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1")
        self.assertTrue(self.token())


class Botocore(AwsCase):
    """AWS's own signer: what it makes of wif's request, and what the stand-in makes of its."""

    def signature(self, key, headers, body, date, target):
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        request = AWSRequest("POST", target, headers=headers, data=body)
        request.context["timestamp"] = date
        signer = SigV4Auth(Credentials(*key), "sts", "eu-central-1")
        canonical = signer.canonical_request(request)
        return signer.signature(signer.string_to_sign(request, canonical), request)

    def test_it_makes_the_signature_that_wif_sent(self):
        for key in (USER, TASK):
            self.keys(key)
            self.token("--no-cache", "--set", "subject.tags=team=a&b c")
            last = self.testbed.control("last", path="/")
            sent = last["headers"]
            headers = {name: sent[name] for name in ("content-type", "host", "x-amz-date")}
            if key[2]:
                headers["x-amz-security-token"] = key[2]
            made = self.signature(key, headers, last["body"], sent["x-amz-date"], self.testbed.about["http"] + "/")
            self.assertTrue(sent["authorization"].endswith("Signature=" + made), sent["authorization"])

    def test_the_stand_in_takes_its_requests_and_no_forged_ones(self):
        import http.client
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        netloc = urlsplit(self.testbed.about["http"]).netloc
        body = ("Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=x&SigningAlgorithm=RS256")
        request = AWSRequest("POST", self.testbed.about["http"] + "/", data=body,
                             headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": netloc})
        SigV4Auth(Credentials(*TASK), "sts", "eu-central-1").add_auth(request)
        good = dict(request.headers.items())

        def ask(changes, text=body):
            connection = http.client.HTTPConnection(netloc)
            connection.request("POST", "/", text, {**good, **changes})
            answer = connection.getresponse()
            out = answer.status, answer.read().decode()
            connection.close()
            return out

        self.assertEqual(ask({})[0], 200)
        unsigned = good["Authorization"].replace("x-amz-security-token", "").replace(";,", ",")
        for changes, text, code in (({}, body + "&DurationSeconds=3600", "SignatureDoesNotMatch"),
                                    ({"Content-Type": "application/x-www-form-urlencoded"}, body, "SignatureDoesNotMatch"),
                                    ({"X-Amz-Security-Token": "other"}, body, "InvalidClientTokenId"),
                                    ({"X-Amz-Date": "20150830T123600Z"}, body, "SignatureDoesNotMatch"),
                                    ({"Authorization": unsigned}, body, "SignatureDoesNotMatch"),
                                    ({"Authorization": good["Authorization"].replace("host", "expect;host")}, body,
                                     "IncompleteSignature")):
            with self.subTest(code=code, changes=list(changes)):
                status, answer = ask(changes, text)
                self.assertIn(status, (400, 403))
                self.assertIn(f"<Code>{code}</Code>", answer)


class Refusals(AwsCase):
    """What STS says no with, and the mend."""

    def setUp(self):
        super().setUp()
        self.keys()

    def answers(self, path="/", **answer):
        self.testbed.control("config", answers=[{"path": path, **answer}])

    def test_errors_of_sts_are_mends(self):
        for code, status, exit_code, mend in (
                ("OutboundWebIdentityFederationDisabledException", 403, 5, "aws iam enable-outbound-web-identity-federation"),
                ("AccessDenied", 403, 5, "sts:GetWebIdentityToken"),
                ("SessionDurationEscalationException", 403, 5, "subject.duration"),
                ("JWTPayloadSizeExceededException", 400, 5, "subject.tags"),
                ("ExpiredToken", 403, 5, "credentials from the environment have expired"),
                ("ExpiredTokenException", 400, 5, "renew them"),
                ("InvalidClientTokenId", 403, 5, "does not know the key from the environment"),
                ("SignatureDoesNotMatch", 403, 5, "clock"),
                ("RegionDisabledException", 403, 5, "activate STS"),
                ("InvalidAction", 400, 5, "the global endpoint"),
                ("Throttling", 400, 6, "patience"),
                ("SomethingNew", 400, 5, "told")):
            with self.subTest(code=code):
                self.answers(status=status, body=XML_ERROR.format(code, "what AWS told"), content_type="text/xml", times=1)
                done = self.fails(exit_code, mend, "--no-cache")
                self.assertIn(code.replace("Exception", ""), done.stderr)
                self.assertIn("what AWS told", done.stderr)
                self.assertIn("c6104cbe", done.stderr)

    def test_a_clock_that_is_wrong(self):
        self.testbed.control("config", clock_skew=900)
        self.fails(5, "clock")

    def test_a_wrong_secret(self):
        self.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
        self.fails(5, "SignatureDoesNotMatch.*\n.*secret key from the environment")

    def test_a_forgotten_session_token(self):
        self.keys((TASK[0], TASK[1], ""))
        self.fails(5, "AWS_SESSION_TOKEN")

    def test_what_is_no_answer_of_sts(self):
        token = "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><WebIdentityToken>{}</WebIdentityToken>"
        end = "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
        for answer, exit_code, words in (
                ({"body": "<html><body>Sign in</body>", "content_type": "text/html"}, 6, "something other than a token"),
                ({"body": "{}", "content_type": "application/json"}, 6, "something other than a token"),
                ({"body": ""}, 6, "something other than a token"),
                ({"body": token.format("eyJhbGciOiJub25lIn0.e30.")}, 6, "something other than a token"),
                ({"body": token.format("") + end}, 6, "an empty token"),
                ({"body": token.format("opaque") + end}, 4, "not a JSON Web Token"),
                ({"status": 302, "headers": {"Location": "https://other.example/"}}, 6, "redirect"),
                ({"status": 403, "body": "<html>blocked</html>", "content_type": "text/html"}, 5, "blocked"),
                ({"status": 503, "body": "later", "headers": {"Retry-After": "900"}}, 6, "503")):
            with self.subTest(words=words, answer=answer):
                self.answers(times=1, **answer)
                self.fails(exit_code, words, "--no-cache")

    def test_tokens_that_no_exchange_would_take(self):
        body = ("<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><WebIdentityToken>{}</WebIdentityToken>"
                "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>")
        for options, words in (({"audience": "https://other"}, "another audience"), ({"ttl": -60, "age": 600}, "expired")):
            with self.subTest(words=words):
                self.answers(times=1, body=body.format(self.testbed.control("mint", shape="aws", **options)))
                self.fails(4, words)
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_faults_on_the_way(self):
        for fault, words in (("reset", "lost"), ("truncate", "lost|not whole|other than"), ("big=3000000", "1 MiB")):
            with self.subTest(fault=fault):
                self.testbed.control("faults", path="/", fault=fault, count=-1)
                self.fails(6, words, "--no-cache", "--timeout", "2s")
                self.testbed.control("reset")
                self.use(ACCOUNT + "*")

    def test_one_fault_is_forgiven(self):
        for fault in ("reset", "status=503", "status=500"):
            with self.subTest(fault=fault):
                self.testbed.control("faults", path="/", fault=fault, count=1)
                self.assertTrue(self.token("--no-cache"))

    def test_a_hanging_sts_ends_with_the_time_allowed(self):
        self.testbed.control("faults", path="/", fault="hang", count=-1)
        self.fails(6, "did not answer", "--timeout", "1s")

    def test_nobody_listens(self):
        self.fails(6, "cannot connect", "--timeout", "1s", "--set", "subject.endpoint=http://127.0.0.1:1")


class Settings(AwsCase):
    def test_wrong_settings(self):
        self.keys()
        for setting, words in (("signing_algorithm=HS256", "RS256"), ("duration=2h", "1m to 1h"), ("duration=5s", "1m to 1h"),
                               ("tags=team", "KEY=VALUE"), ("region=nowhere/", "no AWS region"),
                               ("region=aws-global", "no AWS region"), ("aws_profile=absent", "no AWS profile 'absent'"),
                               ("profil=x", "unknown"), ("endpoint=http://sts.example.com", "plain http")):
            with self.subTest(setting=setting):
                self.fails(3, words, "--set", "subject." + setting)
        self.assertEqual(self.served("/"), 0)

    def test_no_region(self):
        self.keys()
        del self.env["AWS_REGION"]
        self.fails(3, "no AWS region is set.*\n.*subject.region")

    def test_half_a_key(self):
        self.env["AWS_ACCESS_KEY_ID"] = USER[0]
        self.fails(3, "AWS_SECRET_ACCESS_KEY is not")

    def test_profiles_that_only_the_aws_command_understands(self):
        for line, words in (("credential_process = /bin/false", "credential_process"), ("sso_session = corp", "SSO"),
                            ("role_arn = x\nsource_profile = y", "role_arn"), ("login_session = z", "aws login")):
            with self.subTest(line=line):
                self.file(".aws/config", "[default]\nregion = eu-west-1\n" + line + "\n")
                self.fails(3, f"{words}.*\n.*aws configure export-credentials --profile default")
        self.assertEqual(self.served("/latest/api/token"), 0)


class Container(AwsCase):
    def setUp(self):
        super().setUp()
        self.container()

    def answer(self, **answer):
        self.testbed.control("config", answers=[{"path": "/v1/credentials", "times": 1, **answer}])

    def test_it_refuses(self):
        self.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "wrong"
        self.fails(5, "HTTP 403.*not authorized.*\n.*AWS_CONTAINER_AUTHORIZATION_TOKEN")

    def test_its_token_file_is_missing(self):
        self.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = "/nowhere/eks-pod-identity-token"
        self.fails(4, "/nowhere/eks-pod-identity-token.*\n.*EKS Pod Identity")

    def test_it_answers_something_else(self):
        cut = '{"AccessKeyId": "x", "SecretAccessKey": "' + TASK[1]
        for answer, code, words in (({"body": "<html></html>", "content_type": "text/html"}, 6, "other than AWS credentials"),
                                    ({"body": "{}"}, 6, "without AccessKeyId"),
                                    ({"body": cut}, 6, "isn't shown"),
                                    ({"body": cut, "status": 500, "times": 2}, 6, "isn't shown"),
                                    ({"status": 404, "body": "no role"}, 5, "taskRoleArn"),
                                    ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, 6, "redirects")):
            with self.subTest(words=words):
                self.answer(**answer)
                self.fails(code, words, "--no-cache")

    def test_it_leads_elsewhere(self):
        self.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.169.254/credentials"
        self.fails(3, "AWS_CONTAINER_CREDENTIALS_FULL_URI leads out of this machine")

    def test_it_hangs(self):
        self.testbed.control("faults", path="/v1/credentials", fault="hang", count=-1)
        self.fails(6, "container's endpoint.*did not answer", "--timeout", "1s")


class Instance(AwsCase):
    def answer(self, path, **answer):
        self.testbed.control("config", answers=[{"path": path, **answer}])

    def test_a_lost_answer_names_the_hop_limit(self):
        self.testbed.control("faults", path="/latest/api/token", fault="hang", count=-1)
        self.fails(6, "did not answer.*\n.*--http-put-response-hop-limit 2")
        self.assertEqual(self.served("/latest/meta-data/iam/security-credentials/"), 0)

    def test_it_is_disabled(self):
        self.answer("/latest/api/token", status=403, body="")
        self.fails(5, "disabled here.*\n.*--http-endpoint enabled")

    def test_it_is_not_to_be_asked(self):
        self.env["AWS_EC2_METADATA_DISABLED"] = "true"
        self.fails(4, "there are no AWS credentials.*AWS_EC2_METADATA_DISABLED")
        self.assertEqual(self.served("/latest/api/token"), 0)

    def test_it_has_no_role(self):
        self.answer("/latest/meta-data/iam/security-credentials/", status=404)
        self.fails(4, "no role.*\n.*instance profile")

    def test_its_role_may_not_be_taken(self):
        self.answer("/latest/meta-data/iam/security-credentials/app-role",
                    body='{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role"}')
        self.fails(5, "AssumeRoleUnauthorizedAccess.*EC2 cannot assume the role.*\n.*trust policy")

    def test_something_else_answers(self):
        self.answer("/latest/api/token", body="<html>Sign in here</html>", content_type="text/html")
        self.fails(4, "gives no IMDSv2 session")

    def test_it_is_late(self):
        self.testbed.control("faults", path="/latest/api/token", fault="status=503", count=2)
        self.assertTrue(self.token())


class WebIdentity(AwsCase):
    def setUp(self):
        super().setUp()
        self.env.update(AWS_WEB_IDENTITY_TOKEN_FILE=self.testbed.token_file, AWS_ROLE_ARN=ACCOUNT + "role/web")

    def test_no_role(self):
        del self.env["AWS_ROLE_ARN"]
        self.fails(3, "AWS_ROLE_ARN is not")

    def test_another_role(self):
        self.env["AWS_ROLE_ARN"] = ACCOUNT + "role/other"
        self.fails(5, "AccessDenied.*\n.*trust policy")

    def test_an_expired_token(self):
        self.testbed.mint(ttl=-60, age=600)
        self.fails(5, "AssumeRoleWithWebIdentity.*ExpiredToken")

    def test_no_token(self):
        self.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = "/nowhere/token"
        self.fails(4, "/nowhere/token.*\n.*eks.amazonaws.com/role-arn")


if __name__ == "__main__":
    main()
