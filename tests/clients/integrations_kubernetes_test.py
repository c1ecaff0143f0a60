# SPDX-License-Identifier: Apache-2.0
"""`wif kubernetes` under kubectl: the newest, Debian's, and the machine's own; against an API server that asks the testbed about each token."""
import json
import os
import shutil
import subprocess
import unittest
import urllib.error
import urllib.request

import debian
import pypi
from harness import main
from integrating import IntegrationCase
from kubernetes_api import Api

PINNED = None
V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"


def setUpModule():
    global PINNED
    PINNED = pypi.program("kubectl", "kubectl")


class KubernetesCase(IntegrationCase):
    def setUp(self):
        super().setUp()
        self.api = Api(self.folder, lambda token: self.testbed.models(token) == 200)
        self.addCleanup(self.api.stop)
        self.cluster_profile()
        self.kubeconfig()

    def cluster_profile(self, exchange=None, more=""):
        exchange = exchange or f'{{ url = "{self.url()}" }}'
        self.config(f'[profiles.cluster]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\nexchange = {exchange}\n{more}')

    def kubeconfig(self, **changes):
        self.env["KUBECONFIG"] = self.example("kubernetes/kubeconfig.yaml", **{
            "https://kubernetes.example.com": "https://" + self.api.authority, "/etc/kubernetes/example-ca.pem": self.api.ca_file, **changes})

    def kubectl(self, *words, code=0, program=None):
        return self.client(program or PINNED, *(words or ("get", "pods", "-o", "name")), code=code)

    def exec_info(self, **members):
        return json.dumps({"kind": "ExecCredential", "apiVersion": V1, "spec": {"interactive": False}, **members}) + "\n"

    def ask(self, info=None, *words, code=0):
        if info is None:
            self.env.pop("KUBERNETES_EXEC_INFO", None)
        else:
            self.env["KUBERNETES_EXEC_INFO"] = info
        return self.plain("kubernetes", *words, code=code)


class Kubectl(KubernetesCase):
    def assert_one_exchange(self, program, version=V1):
        self.kubeconfig(**{V1: version})
        self.count_calls()
        for _ in range(3):
            self.assertEqual(self.kubectl(program=program).stdout, "pod/app\n")
        self.assertNotIn(401, self.api.statuses)
        self.assertGreaterEqual(self.calls(), 3)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_it_gets_in(self):
        self.assert_one_exchange(PINNED)

    def test_it_gets_in_by_v1beta1(self):
        self.assert_one_exchange(PINNED, V1BETA1)

    def test_debians(self):
        """Debian 12 has 1.20 in kubernetes-client, Debian 13 has 1.32 in a package of its name."""
        try:
            folder = debian.unpacked("kubectl")
        except unittest.SkipTest:
            folder = debian.unpacked("kubernetes-client")
        program = os.path.join(folder, "usr", "bin", "kubectl")
        self.assert_one_exchange(program, V1BETA1)

    if shutil.which("kubectl"):
        def test_the_machines_own(self):
            self.assert_one_exchange(shutil.which("kubectl"), V1BETA1)

    def test_an_expired_token_is_replaced(self):
        self.kubectl()
        self.age(3600)
        self.kubectl()
        self.assertEqual((self.testbed.exchanges(), self.api.statuses.count(401)), (2, 0))

    def test_a_revoked_token_is_replaced_though_kubectl_only_asks_again(self):
        self.kubectl()
        self.testbed.control("revoke")
        self.count_calls()
        done = self.kubectl(code=1)
        self.assertIn("error: You must be logged in to the server", done.stderr)
        self.assertGreaterEqual(self.calls(), 2)
        self.assertEqual(self.kubectl().stdout, "pod/app\n")
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_server_that_refuses_everyone_costs_one_exchange_more(self):
        self.api.allows = lambda token: False
        for _ in range(3):
            self.kubectl(code=1)
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.mint(ttl=-60, age=600)
        done = self.kubectl(code=1)
        self.assertIn("wif: the subject token from provider 'file' expired", done.stderr)
        self.assertRegex(done.stderr, "Unable to connect to the server: getting credentials: exec: executable wif failed with exit code 4")

    def test_the_subject_token_itself(self):
        with open(self.testbed.token_file, encoding="ascii") as file:
            subject = file.read()
        self.api.allows = lambda token: token == subject
        self.kubeconfig(**{"-p, cluster": "--token, subject"})
        self.assertEqual(self.kubectl().stdout, "pod/app\n")
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_a_cluster_that_is_named_has_to_be_the_profiles(self):
        self.kubeconfig(**{"provideClusterInfo: false": "provideClusterInfo: true"})
        done = self.kubectl(code=1)
        self.assertIn(f"no profile serves {self.api.authority}", done.stderr)
        self.cluster_profile(more=f'hosts = ["{self.api.authority}"]\n')
        self.assertEqual(self.kubectl().stdout, "pod/app\n")


class Proxy(KubernetesCase):
    """`kubectl proxy`: a client-go that stays."""

    def setUp(self):
        super().setUp()
        self.process = subprocess.Popen([PINNED, "proxy", "--port=0"], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.end)
        self.address = "http://" + self.process.stdout.readline().split()[-1]

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def get(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.address + "/api/v1/namespaces/default/pods", timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def test_it_crosses_an_expiry(self):
        self.testbed.control("config", expires_in=4)
        self.assertEqual(self.get(), 200)
        token = self.plain("kubernetes").stdout
        while self.testbed.models(json.loads(token)["status"]["token"]) == 200:
            pass
        self.testbed.control("config", expires_in=3600)
        self.assertEqual(self.get(), 200)
        self.assertEqual(self.api.statuses, [200, 200])

    def test_a_revoked_token(self):
        """The first refusal may look like the first question for a while; the next doesn't."""
        self.assertEqual(self.get(), 200)
        self.testbed.control("revoke")
        found = []
        while 200 not in found and len(found) < 4:
            found.append(self.get())
        self.assertIn(found, ([401, 200], [401, 401, 200]))
        self.assertEqual(self.testbed.exchanges(), 2)


class Requests(KubernetesCase):
    def test_the_version_is_the_requests(self):
        for version in V1, V1BETA1:
            answer = json.loads(self.ask(self.exec_info(apiVersion=version)).stdout)
            self.assertEqual(answer["apiVersion"], version)
            self.assertEqual(answer["kind"], "ExecCredential")
            self.assertEqual(sorted(answer["status"]), ["expirationTimestamp", "token"])
            self.assertRegex(answer["status"]["expirationTimestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_without_a_request_it_is_v1beta1(self):
        for info in None, "":
            self.assertEqual(json.loads(self.ask(info).stdout)["apiVersion"], V1BETA1)

    def test_what_isnt_known_is_refused(self):
        for version in "client.authentication.k8s.io/v1alpha1", "client.authentication.k8s.io/v2", "v1", V1 + "\n", "", 1, None, [V1], "x" * 100_000:
            with self.subTest(version=str(version)[:80]):
                self.assert_refused(self.exec_info(apiVersion=version), "apiVersion")

    def test_garbage(self):
        for info in ("{", "[]", "null", "1", '"x"', "\x01", "{}", "[" * 100_000, self.exec_info(kind="Config"), self.exec_info() + "{}",
                     '{"apiVersion":"' + V1 + '"}'):
            with self.subTest(info=info[:80]):
                self.assert_refused(info, "KUBERNETES_EXEC_INFO")

    def test_clusters_that_are_nobodys(self):
        self.cluster_profile(more='hosts = ["k8s.example"]\n')
        for server in ("https://evil.example", "http://k8s.example", "https://k8s.example:6443", "https://k8s.example@evil.example",
                       "https://k8s.example.evil.example", "https://k8s.example\r\nx", "", None, 7, {}):
            with self.subTest(server=server):
                self.ask(self.exec_info(spec={"cluster": {"server": server}}), code=3 if str(server).startswith("http") and "@" not in server
                         and "\r" not in server else 2)
        for spec in {"cluster": []}, {"cluster": "https://k8s.example"}, {"cluster": {}}:
            with self.subTest(spec=spec):
                self.ask(self.exec_info(spec=spec), code=2)
        self.assertEqual(self.testbed.exchanges(), 0)
        for spec in {"cluster": {"server": "https://k8s.example/base"}}, {"cluster": None}, {}, None:
            with self.subTest(spec=spec):
                self.ask(self.exec_info(spec=spec))

    def test_the_option(self):
        self.assertRegex(self.ask(None, "--token", "both", code=2).stderr, "--token both: not exchange or subject")

    def assert_refused(self, info, named):
        done = self.ask(info, code=2)
        self.assertEqual(done.stdout, "")
        self.assertIn(named, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr[:300])
        self.assertLess(len(done.stderr), 600)


if __name__ == "__main__":
    main()
