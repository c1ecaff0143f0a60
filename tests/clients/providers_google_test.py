# SPDX-License-Identifier: Apache-2.0
"""google: from the testbed's metadata server to an exchange that verifies, and all that may go wrong on the way."""
import base64
import http.client
import http.server
import json
import socket
import threading
from urllib.parse import urlsplit

from harness import main
from source import LostConnections, Silence, Source

ACCOUNTS = "/computeMetadata/v1/instance/service-accounts/"
PATH = ACCOUNTS + "default/identity"
SUBJECT = "113774264463038321964"
OTHER = "other@testbed.iam.gserviceaccount.com"
OTHER_SUBJECT = "220011223344556677889"
AUDIENCE = "https://api.openai.com/v1"


class Google(Source):
    provider = "google"
    path = PATH

    def setUp(self):
        super().setUp()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.server = urlsplit(self.testbed.about["http"]).netloc
        self.env["GCE_METADATA_HOST"] = self.server
        self.trust(SUBJECT)

    def trust(self, subject, audience=AUDIENCE):
        email = OTHER if subject == OTHER_SUBJECT else "app@testbed.iam.gserviceaccount.com"
        self.testbed.control("config", providers=[{"audience": audience}],
                             mappings=[{"rows": {"sub": subject, "email": email}}])

    def claims(self):
        """The claims of the token that the server hands out now."""
        connection = http.client.HTTPConnection(self.server)
        connection.request("GET", self.testbed.control("last", path=PATH)["target"], headers={"Metadata-Flavor": "Google"})
        payload = connection.getresponse().read().decode().split(".")[1]
        connection.close()
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))

    def answers(self, *answers, path=PATH):
        """Word for word, and with the server's own header unless an answer says otherwise."""
        full = [{"path": path, "headers": {"Metadata-Flavor": "Google"}, "content_type": "text/html", **answer}
                for answer in answers]
        self.testbed.control("config", answers=full)


class Good(Google):
    def test_it_is_found_and_asked_as_the_reference_says(self):
        self.env.update(http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1", ALL_PROXY="http://127.0.0.1:1")
        self.assertIn("* google", self.plain("providers").stdout)
        self.assertTrue(self.token())
        asked = self.testbed.control("last", path=PATH)
        self.assertEqual(asked["headers"]["metadata-flavor"], "Google")
        self.assertNotIn("x-forwarded-for", asked["headers"])
        self.assertEqual(asked["target"], PATH + "?audience=https%3A%2F%2Fapi.openai.com%2Fv1&format=full")
        exchange = self.testbed.control("last")
        self.assertEqual(exchange["outcome"], "ok")
        self.assertEqual(exchange["body"]["subject_token_type"], "urn:ietf:params:oauth:token-type:id_token")

    def test_the_credential_lives_no_longer_than_the_token(self):
        self.answers({"body": self.testbed.control("mint", shape="google", ttl=600)})
        answer = json.loads(self.wif("get").stdout)
        self.assertLessEqual(answer["expires_in"], 600)

    def test_another_service_account_is_chosen(self):
        self.trust(OTHER_SUBJECT)
        self.assertTrue(self.token("--set", "subject.service_account=" + OTHER))
        self.assertEqual(self.served(ACCOUNTS + OTHER + "/identity"), 1)

    def test_two_accounts_never_share_a_credential(self):
        first = self.token()
        self.trust(OTHER_SUBJECT)
        self.assertNotEqual(self.token("--set", "subject.service_account=" + OTHER), first)
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_licences_are_asked_for(self):
        self.token()
        self.assertNotIn("license_id", self.claims()["google"]["compute_engine"])
        self.token("--set", "subject.licenses=true")
        self.assertIn("license_id", self.claims()["google"]["compute_engine"])

    def test_an_audience_of_ones_own(self):
        self.trust(SUBJECT, "https://mine.example/a b?c=d&e")
        self.env["OPENAI_WIF_AUDIENCE"] = "https://mine.example/a b?c=d&e"
        self.assertTrue(self.token())

    def test_the_setting_comes_before_the_variable(self):
        self.env["GCE_METADATA_HOST"] = "127.0.0.1:1"
        for endpoint in (self.server, "http://" + self.server, "http://" + self.server + "/"):
            self.assertTrue(self.token("--set", "subject.provider=google", "--set", "subject.endpoint=" + endpoint))

    def test_another_server_is_another_credential(self):
        first = self.token()
        self.env["GCE_METADATA_HOST"] = self.server.replace("127.0.0.1", "localhost")
        self.assertNotEqual(self.token(), first)

    def test_cloud_run_is_found(self):
        for names in (("K_SERVICE", "K_REVISION", "K_CONFIGURATION"), ("CLOUD_RUN_JOB", "CLOUD_RUN_EXECUTION"),
                      ("CLOUD_RUN_WORKER_POOL", "CLOUD_RUN_WORKER_POOL_REVISION")):
            self.env.update({name: "x" for name in names})
            self.assertRegex(self.plain("providers").stdout, r"[*+] google +\d+ +" + " is set and ".join(names) + " is set")
            for name in names:
                del self.env[name]


class Unchanged(Google):
    """The metadata server gives the same token until its last five minutes."""

    def token_with(self, life):
        self.answers({"body": self.testbed.control("mint", shape="google", ttl=life, age=3600 - life)})

    def test_a_token_that_comes_again_makes_no_loop(self):
        for life in (1000, 310, 200, 30):
            with self.subTest(life=life):
                self.plain("cache", "clear")
                self.token_with(life)
                served, exchanges = self.served(), self.testbed.exchanges()
                for _ in range(5):
                    self.assertTrue(self.token("--set", "cache.min_ttl=15m", "--set", "cache.refresh=inline"))
                self.assertEqual((self.served() - served, self.testbed.exchanges() - exchanges), (1, 1))

    def test_the_stand_in_keeps_its_token_as_the_real_one_does(self):
        self.token()
        first = self.claims()
        self.assertEqual(self.claims(), first)
        self.testbed.control("config", clock_skew=3200)
        self.assertEqual(self.claims(), first)
        self.testbed.control("config", clock_skew=3400)
        self.assertNotEqual(self.claims(), first)


class Starting(LostConnections, Google):
    """What is to be asked again."""

    def test_a_server_that_is_not_up_yet(self):
        # Bound but not listening: refuses, and nobody else gets the port.
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        self.env["GCE_METADATA_HOST"] = "127.0.0.1:%d" % listener.getsockname()[1]
        token = self.testbed.control("mint", shape="google")

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Metadata-Flavor", "Google")
                self.send_header("Content-Length", str(len(token)))
                self.end_headers()
                self.wfile.write(token.encode())

            def log_message(self, *_):
                pass

        process = self.start("get", "-vv")
        seen = []
        while sum("cannot connect" in line for line in seen) < 3:
            line = process.stderr.readline()
            self.assertTrue(line, seen)
            seen.append(line)
        server = http.server.HTTPServer(listener.getsockname(), Answer, bind_and_activate=False)
        server.socket.close()
        server.socket = listener
        listener.listen()
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        done = self.finish(process)
        thread.join()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.testbed.control("last")["outcome"], "ok")

    def test_statuses(self):
        for number, (status, times) in enumerate(((503, 4), (404, 3), (429, 2), (500, 2), (502, 1), (408, 1))):
            with self.subTest(status=status):
                before = self.served()
                self.fault(f"status={status},id={number}", times)
                self.assertTrue(self.token("--no-cache"))
                self.assertEqual(self.served() - before, times + 1)

    def test_what_stays_is_an_error(self):
        for status, tries in ((500, 6), (404, 4), (403, 1), (400, 1)):
            with self.subTest(status=status):
                self.answers({"status": status, "body": "no", "times": tries})
                before = self.served()
                self.wif("get", "--no-cache", code={500: 6, 404: 4}.get(status, 5))
                self.assertEqual(self.served() - before, tries)


class Bad(Silence, Google):
    def test_no_such_account(self):
        done = self.refused(4, "no identity for service account 'x@y.iam.gserviceaccount.com': HTTP 404",
                            "--set", "subject.service_account=x@y.iam.gserviceaccount.com")
        self.assertIn("attach a service account", done.stderr)

    def test_a_pod_whose_account_is_not_bound(self):
        self.answers({"status": 404, "body": "Your Kubernetes service account (default/app) is not annotated with a target"})
        done = self.refused(4, "not annotated")
        self.assertIn("iam.gke.io/gcp-service-account", done.stderr)

    def test_a_proxy_on_the_way(self):
        self.answers({"status": 403, "body": "Request has X-Forwarded-For header"})
        self.refused(5, "HTTP 403: Request has X-Forwarded-For header")

    def test_a_request_it_does_not_take(self):
        self.answers({"status": 400, "body": "invalid audience"})
        self.refused(5, "HTTP 400: invalid audience")

    def test_another_server(self):
        self.answers({"body": "x", "headers": {}})
        self.refused(6, "is not Google's metadata server: HTTP 200 without Metadata-Flavor: Google")

    def test_a_redirect_is_not_followed(self):
        other = self.testbed.about["http"] + "/elsewhere"
        self.fault("redirect=" + other)
        self.refused(6, "is not Google's metadata server: HTTP 307")
        self.assertEqual(self.served("/elsewhere"), 0)

    def test_a_page(self):
        self.fault("html")
        self.refused(6, "answered 200, but what it sent is not a token: <html>")

    def test_an_empty_answer(self):
        self.answers({"body": " \n"})
        self.refused(6, "answered 200, but with an empty body")

    def test_half_a_token(self):
        token = self.testbed.control("mint", shape="google")
        self.answers({"body": token[:token.rindex(".")]})
        self.refused(6, "what it sent is not a token")

    def test_too_large_an_answer(self):
        self.fault("big")
        self.refused(6, "over 1 MiB", "--timeout", "1s")

    def test_an_expired_token(self):
        self.answers({"body": self.testbed.control("mint", shape="google", ttl=-180, age=3600)})
        self.refused(4, "expired 3 min ago")

    def test_a_token_for_somebody_else(self):
        self.answers({"body": self.testbed.control("mint", shape="google", audience="https://other.example")})
        self.refused(6, "not for the audience https://api.openai.com/v1")

    def test_nobody_listens(self):
        self.env["GCE_METADATA_HOST"] = "127.0.0.1:1"
        done = self.refused(6, "cannot connect to 127.0.0.1:1", "--timeout", "1s")
        self.assertIn("is this Google Cloud?", done.stderr)

    def tried(self, *words):
        """What stderr says of each try, where there is time for many."""
        done = self.finish(self.start("get", "-vv", *words))
        self.assertEqual(done.returncode, 6)
        self.assertIn("is this Google Cloud?", done.stderr)
        return [line for line in done.stderr.splitlines() if "GET " in line]

    def test_the_name_has_no_address(self):
        self.env["GCE_METADATA_HOST"] = "x" * 64 + ".internal"  # too long for DNS, so that nobody is asked
        tries = self.tried("--timeout", "100s")
        self.assertIn("was not found (DNS)", tries[0])
        self.assertLessEqual(len(tries), 5)

    def test_a_pod_may_be_ahead_of_its_dns(self):
        self.env.update(GCE_METADATA_HOST="x" * 64 + ".internal", KUBERNETES_SERVICE_HOST="10.0.0.1")
        self.assertGreater(len(self.tried("--timeout", "10s")), 5)

    def test_its_certificate_is_nobodys(self):
        tries = self.tried("--timeout", "100s", "--set", "subject.endpoint=" + self.testbed.about["https"])
        self.assertEqual(len(tries), 1)
        self.assertIn("can't be verified", tries[0])

    def test_wrong_settings(self):
        self.refused(3, "subject.endpoint is not", "--set", "subject.endpoint=http://" + self.server + "/computeMetadata")
        self.refused(3, "over plain http", "--set", "subject.endpoint=metadata.example.com")
        self.refused(3, "service_account", "--set", "subject.service_account=../../project")
        self.env["GCE_METADATA_HOST"] = "user@" + self.server
        self.refused(3, "GCE_METADATA_HOST is not")


class StandIn(Google):
    def ask(self, target, **headers):
        connection = http.client.HTTPConnection(self.server)
        connection.request("GET", target, headers={key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        self.assertEqual(answer.headers["Metadata-Flavor"], "Google")
        connection.close()
        return answer.status, text

    def test_it_is_as_strict_as_the_reference(self):
        good = PATH + "?audience=a"
        self.assertEqual(self.ask(good)[0], 403)
        self.assertEqual(self.ask(good, Metadata_Flavor="google")[0], 403)
        self.assertEqual(self.ask(good, Metadata_Flavor="Google", X_Forwarded_For="1.2.3.4")[0], 403)
        self.assertEqual(self.ask(PATH, Metadata_Flavor="Google")[0], 400)
        self.assertEqual(self.ask(ACCOUNTS + "none/identity?audience=a", Metadata_Flavor="Google")[0], 404)
        self.assertEqual(self.ask(good, Metadata_Flavor="Google")[0], 200)
        self.assertIn(OTHER, self.ask(ACCOUNTS, Metadata_Flavor="Google")[1])


if __name__ == "__main__":
    main()
