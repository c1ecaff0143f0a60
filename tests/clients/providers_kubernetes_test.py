# SPDX-License-Identifier: Apache-2.0
"""Provider kubernetes, from a volume laid out as the kubelet's to an exchange that verifies."""
import base64
import json
import os
import threading
import time

from harness import Case, main

AUDIENCE = "https://api.openai.com/v1"
SNIPPET = ("volumes: [{name: openai-token, projected: {sources: [{serviceAccountToken: {path: token, audience: '%s', "
           "expirationSeconds: 3600}}]}}] and to the container volumeMounts: [{name: openai-token, mountPath: "
           "/var/run/secrets/tokens, readOnly: true}]")


class Kubernetes(Case):
    def setUp(self):
        super().setUp()
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.volume = os.path.join(self.folder, "volume")
        self.generation = 0
        os.mkdir(self.volume)
        os.symlink("..data/token", os.path.join(self.volume, "token"))
        self.path = os.path.join(self.volume, "token")
        self.project()

    def project(self, **options):
        """A new token, in the way of the kubelet's atomic writer: a new folder, then the link ..data swapped."""
        token = self.testbed.mint(**{"shape": "kubernetes", **options})
        self.write(token)
        return token

    def write(self, text):
        self.generation += 1
        name = f"..2026_01_02_03_04_05.{self.generation}"
        os.mkdir(os.path.join(self.volume, name))
        with open(os.path.join(self.volume, name, "token"), "w", encoding="ascii") as file:
            file.write(text)
        link = os.path.join(self.volume, "..data")
        os.symlink(name, link + "_tmp")
        os.rename(link + "_tmp", link)

    def get(self, *words, **options):
        return self.wif("get", "--set", "subject.provider=kubernetes", "--set", "subject.path=" + self.path, *words,
                        **options)

    def refused(self, *expected, code=4, words=()):
        done = self.get(*words, code=code)
        for text in expected:
            self.assertIn(text, done.stderr)
        self.assertEqual(self.testbed.exchanges(), 0)
        listed = json.loads(self.plain("cache", "ls", "--json").stdout)["records"]
        self.assertEqual([record for record in listed if "failure" not in record], [])
        return done

    def test_is_exchanged_and_follows_the_swap(self):
        first = json.loads(self.get().stdout)["access_token"]
        self.project(ttl=3000)
        self.assertEqual(json.loads(self.get().stdout)["access_token"], first)  # it merely rotated
        self.assertEqual(self.testbed.exchanges(), 1)
        before = self.testbed.control("last")["body"]["subject_token"]
        self.assertNotEqual(json.loads(self.get("--no-cache").stdout)["access_token"], first)
        self.assertNotEqual(self.testbed.control("last")["body"]["subject_token"], before)

    def test_swaps_while_it_reads(self):
        ended = threading.Event()

        def swap():
            tokens = [self.testbed.control("mint", shape="kubernetes") for _ in range(4)]
            while not ended.is_set():
                self.write(tokens[self.generation % 4])

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for _ in range(5):
                self.get("--no-cache")
        finally:
            ended.set()
            thread.join()

    def test_is_found_by_the_clouds_variables(self):
        for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE"):
            self.env[name] = self.path
            self.assertRegex(self.plain("providers").stdout, r"[*+] kubernetes +\d+ +" + name + " is set")
            self.assertTrue(self.token("--no-cache"))
            del self.env[name]

    def test_another_audience_is_a_setting(self):
        self.testbed.control("config", providers=[{"id": "idp_testbed", "audience": "other"}])
        self.project(audience="other")
        self.refused("is for audience other, not for " + AUDIENCE + "; it was not sent", "OPENAI_WIF_AUDIENCE",
                     SNIPPET % AUDIENCE)
        self.get("--set", "subject.audience=other")
        self.env["OPENAI_WIF_AUDIENCE"] = "other"
        self.get()

    def test_a_clouds_token_is_not_sent(self):
        self.project(audience="sts.amazonaws.com")
        self.refused("is for audience sts.amazonaws.com")
        self.project(audience="api://AzureADTokenExchange")
        self.refused("is for audience api://AzureADTokenExchange")

    def test_the_api_servers_own_token_is_not_sent(self):
        self.project(audience="https://kubernetes.default.svc.cluster.local")
        self.refused("the pod's own for the cluster's API server", SNIPPET % AUDIENCE)
        self.project(audience=self.testbed.about["issuer"])
        self.refused("the pod's own for the cluster's API server")
        self.path = os.path.join(self.folder, "kubernetes.io", "serviceaccount", "token")
        os.makedirs(os.path.dirname(self.path))
        os.symlink(os.path.join(self.volume, "token"), self.path)
        self.project(audience="https://container.googleapis.com/v1/projects/p/locations/l/clusters/c")
        self.refused("the pod's own for the cluster's API server")

    def test_a_legacy_token_is_not_sent(self):
        self.project(claims={"iss": "kubernetes/serviceaccount", "kubernetes.io/serviceaccount/namespace": "default"},
                     omit=["exp", "iat", "nbf", "aud", "kubernetes.io"])
        self.refused("legacy", SNIPPET % AUDIENCE)

    def test_an_expired_token_is_the_kubelets_fault(self):
        self.project(ttl=-180, age=600)
        done = self.refused("the kubelet has not rotated it", "node-1")
        self.assertRegex(done.stderr, "expired 3 min ago")

    def test_what_is_not_sent_is_shown_all_the_same(self):
        for options, words in (({"ttl": -180, "age": 600}, "expired 3 min ago; the kubelet has not rotated it"),
                               ({"audience": "https://kubernetes.default.svc"}, "for the cluster's API server")):
            self.project(**options)
            done = self.plain("inspect", "--json", "--set", "subject.provider=kubernetes", "--set", "subject.path=" + self.path,
                              code=4)
            shown = json.loads(done.stdout)
            self.assertIn(words, shown["refused"])
            self.assertIn(words, done.stderr)
            self.assertEqual(shown["claims"]["aud"], [options.get("audience", AUDIENCE)])

    def test_doctor_compares_what_is_not_sent(self):
        self.project(audience="https://kubernetes.default.svc")
        done = self.plain("doctor", "--json", "--set", "subject.provider=kubernetes", "--set", "subject.path=" + self.path,
                          "--set", "exchange.url=" + self.url(), code=5)
        steps = {step["id"]: step for step in json.loads(done.stdout)["steps"]}
        self.assertEqual((steps["subject"]["status"], steps["aud"]["status"]), ("ok", "fail"))
        self.assertIn("for the cluster's API server", steps["exchange"]["found"])
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_what_is_no_token(self):
        for text, words in (("", "is empty"), (" \n", "is empty"), ("<html>no</html>", "has characters|JWT|parts"),
                            ("opaque", "JWT|parts"), ("a.b", "JWT|parts"), ("e30.e30", "JWT|parts")):
            with self.subTest(text=text):
                self.write(text)
                self.assertRegex(self.refused().stderr, words)
        good = self.testbed.control("mint", shape="kubernetes")
        header, payload, _ = good.split(".")
        self.write(header + "." + payload[:len(payload) // 2])
        self.refused()

    def test_one_that_this_user_may_not_read(self):
        self.be_ordinary()
        os.chmod(self.path, 0)
        self.refused("Permission denied", "fsGroup")

    def test_absent_or_a_folder(self):
        self.path = os.path.join(self.folder, "none")
        self.refused("No such file or directory")
        self.path = self.volume
        self.refused("directory")

    def test_a_pipe_that_nobody_writes_ends_in_time(self):
        os.mkfifo(os.path.join(self.folder, "pipe"))
        self.path = os.path.join(self.folder, "pipe")
        began = time.monotonic()
        done = self.finish(self.start("get", "--set", "subject.provider=kubernetes", "--set",
                                      "subject.path=" + self.path, "--timeout", "1s"))
        self.assertIn(done.returncode, (4, 6), done.stderr)
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(self.records(), [])

    def test_named_without_a_path_it_looks_where_the_guides_mount_it(self):
        if os.path.exists("/var/run/secrets/tokens/token"):
            return
        done = self.wif("get", "--set", "subject.provider=kubernetes", code=4)
        self.assertIn("/var/run/secrets/", done.stderr)

    def test_another_service_account_is_another_record(self):
        self.get()
        self.project(claims={"sub": "system:serviceaccount:default:other"})
        self.get(code=6)  # the mapping is not for this one, and it doesn't get the former's
        self.assertEqual(len(self.records()), 1)

    def test_claims_are_shown_and_no_token(self):
        done = self.get("-vv")
        self.assertIn("sub=system:serviceaccount:default:openai-wif aud=" + AUDIENCE, done.stderr)
        self.assertNotIn(base64.urlsafe_b64encode(b'{"a').decode(), done.stderr)


if __name__ == "__main__":
    main()
