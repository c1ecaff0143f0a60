# SPDX-License-Identifier: Apache-2.0
"""wif wrap between helpers and the real clients that call them."""
import json
import os
import subprocess
import sys
import time

import providers_aws_moto_test as moto
import pypi
from harness import CANARY, main
from wrapping import WrapCase, at

AWS = KUBECTL = None


def setUpModule():
    global AWS, KUBECTL
    moto.setUpModule()
    AWS = pypi.program("awscli", "aws")
    KUBECTL = pypi.program("kubectl", "kubectl")


class Callers(WrapCase):
    """The real clients, with wif between them and their helper."""

    def command(self, *words):
        return " ".join((self.program, "wrap", *words))

    def test_botocore(self):
        helper = self.prints(json.dumps({"Version": 1, "AccessKeyId": "AKIA%N", "SecretAccessKey": CANARY, "SessionToken": CANARY + "%N",
                                         "Expiration": at(3600)}))
        with open(self.path("aws"), "w", encoding="ascii") as file:
            file.write(f"[profile p]\ncredential_process = {self.command('--min-ttl', '16m', '--', helper)}\n")
        program = """import botocore.session
credentials = botocore.session.Session(profile="p").get_credentials()
for _ in range(3):  # each looks whether a refresh is due
    frozen = credentials.get_frozen_credentials()
print(frozen.access_key, frozen.secret_key, frozen.token)"""
        for _ in range(3):
            done = subprocess.run([sys.executable, "-c", program], env={**self.env, "AWS_CONFIG_FILE": self.path("aws")}, timeout=120,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.stdout, f"AKIA1 {CANARY} {CANARY}1\n", done.stderr)
        self.assertEqual(self.runs(), 1)

    def git(self, verb, given):
        done = subprocess.run(["git", "-c", "credential.helper=", "-c", f"credential.helper=!{self.command('--stdin', '--')} {self.git_helper}",
                               "credential", verb], input=given, env={**self.env, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"},
                              capture_output=True, text=True, timeout=120, check=False)
        self.assert_no_token(done.stderr)
        return done

    def test_git(self):
        """Its helper is asked once for each host; a password that git was refused is forgotten."""
        self.git_helper = self.helper(
            f"""cat >{self.path('request')}; test $1 = get || {{ echo $1 >>{self.path('others')}; exit; }}
            grep -q unknown {self.path('request')} && exit
            printf 'username=u\\npassword={CANARY}%s\\npassword_expiry_utc={int(time.time()) + 3600}\\n' $n""", "git-credential-test")
        request = "protocol=https\nhost=one.example\n\n"
        for _ in range(2):
            self.assertIn(f"password={CANARY}1\n", self.git("fill", request).stdout)
        self.assertIn(f"password={CANARY}2\n", self.git("fill", request.replace("one", "two")).stdout)
        self.assertEqual(self.runs(), 2)
        answer = self.git("fill", request).stdout
        self.assertEqual(self.git("approve", answer).returncode, 0)
        self.assertEqual(self.git("reject", answer).returncode, 0)
        with open(self.path("others"), encoding="ascii") as file:
            self.assertEqual(file.read(), "store\nerase\n")
        with open(self.path("request"), encoding="ascii") as file:
            self.assertIn(f"password={CANARY}1\n", file.read())
        self.assertIn(f"password={CANARY}5\n", self.git("fill", request).stdout)
        # A host that it doesn't know has no answer, and that is none that could be kept.
        for _ in range(2):
            self.assertNotIn("password", self.git("fill", request.replace("one", "unknown")).stdout)
        self.assertEqual(self.runs(), 7)

    def test_dockers_verbs(self):
        helper = self.helper(f"""input=$(cat)
            case $1 in get) printf '{{"ServerURL":"%s","Username":"u","Secret":"{CANARY}%s"}}' "$input" $n;;
            list) printf '{{"https://r":"u"}}';; esac""", "docker-credential-test")

        def call(verb, given):
            return self.wrap("--stdin", "--ttl", "1h", "--", helper, verb, given=given).decode()
        for _ in range(2):
            self.assertIn(CANARY + "1", call("get", b"https://r"))
        self.assertEqual(call("list", b"unused"), '{"https://r":"u"}')
        self.assertEqual(call("store", b'{"ServerURL":"https://r","Username":"u","Secret":"s"}'), "")
        self.assertIn(CANARY + "4", call("get", b"https://r"))
        self.assertEqual(call("erase", b"https://other"), "")
        self.assertIn(CANARY + "4", call("get", b"https://r"))
        self.assertEqual(call("erase", b"https://r"), "")
        self.assertIn(CANARY + "7", call("get", b"https://r"))


class AwsCli(moto.MotoCase, WrapCase):
    """aws asks moto, which checks each signature, who it is."""

    def setUp(self):
        super().setUp()
        self.aws_user()
        self.check()
        self.key = {name: self.env.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}

    def called(self, helper, code=0, expected=moto.ACCOUNT + "user/app"):
        with open(self.path("config"), "w", encoding="ascii") as file:
            file.write(f"[default]\nregion = eu-central-1\ncredential_process = {self.program} wrap --min-ttl 16m -- {helper} --role deploy\n")
        done = subprocess.run([AWS, "sts", "get-caller-identity", "--endpoint-url", "http://" + self.address, "--output", "text"],
                              env={**self.env, "AWS_CONFIG_FILE": self.path("config"), "AWS_EC2_METADATA_DISABLED": "true"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        self.assertNotIn(self.key["AWS_SECRET_ACCESS_KEY"], done.stdout + done.stderr)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(expected, done.stdout + done.stderr)

    def answer(self):
        return json.dumps({"Version": 1, "AccessKeyId": self.key["AWS_ACCESS_KEY_ID"],
                           "SecretAccessKey": self.key["AWS_SECRET_ACCESS_KEY"], "Expiration": at(3600)})

    def test_two_calls_make_one_run_until_it_expires(self):
        helper = self.prints(self.answer())
        self.called(helper)
        self.called(helper)
        self.assertEqual(self.runs(), 1)
        self.age(50 * 60)
        self.called(helper)
        self.assertEqual(self.runs(), 2)

    def test_a_failing_helper_is_told_in_its_words(self):
        self.called(self.helper("echo 'sign in first: corp login' >&2; exit 3"), code=255, expected="sign in first: corp login")


class Kubectl(WrapCase):
    """kubectl with the testbed's API for a cluster: it lists models for living tokens only."""

    def setUp(self):
        super().setUp()
        # As clouds' plugins are: each run makes a new token, which is what the wrap is for.
        self.plugin = self.helper(
            f"""token=$({self.program} token --no-cache --set exchange.url={self.url()}) || exit 1
            printf '{{"apiVersion":"%s","kind":"ExecCredential","status":{{"token":"%s","expirationTimestamp":"%s"}}}}' \\
              "$(printf %s "$KUBERNETES_EXEC_INFO" | jq -r .apiVersion)" "$token" {at(3600)}""", "kubelogin")

    def kubectl(self, version="v1", code=0):
        command = {"apiVersion": "client.authentication.k8s.io/" + version, "command": self.program,
                   "args": ["wrap", "--", self.plugin, "get-token", "--server-id", "x"], "interactiveMode": "Never",
                   "provideClusterInfo": False}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "c",
                  "clusters": [{"name": "c", "cluster": {"server": self.testbed.about["https"],
                                                         "certificate-authority": self.testbed.about["ca_file"]}}],
                  "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                  "users": [{"name": "u", "user": {"exec": command}}]}
        with open(self.path("kubeconfig"), "w", encoding="ascii") as file:
            json.dump(config, file)
        done = subprocess.run([KUBECTL, "get", "--raw", "/v1/models"], env={**self.env, "KUBECONFIG": self.path("kubeconfig")},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        self.assert_no_token(done.stderr)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_it_gets_in_with_one_run_for_each_version_of_the_protocol(self):
        for runs, version in ((1, "v1"), (1, "v1"), (2, "v1beta1"), (2, "v1")):
            self.assertIn("gpt-testbed", self.kubectl(version).stdout)
            self.assertEqual(self.runs(), runs)

    def test_an_expired_one_is_renewed(self):
        self.kubectl()
        self.age(3600)
        self.kubectl()
        self.assertEqual(self.runs(), 2)

    def test_a_revoked_one_is_renewed_though_kubectl_only_asks_again(self):
        self.kubectl()
        self.testbed.control("revoke")
        self.assertIn("You must be logged in", self.kubectl(code=1).stderr)
        self.assertEqual(self.runs(), 2)
        self.kubectl()
        self.assertEqual(self.runs(), 2)

    def test_a_failing_plugin_is_told_in_its_words(self):
        self.plugin = self.helper("echo 'no login: run kubelogin convert' >&2; exit 4", "kubelogin")
        done = self.kubectl(code=1)
        self.assertIn("no login: run kubelogin convert", done.stderr)
        self.assertIn("exit code 4", done.stderr)


class Scripts(WrapCase):
    """Programs of the kind of gcloud and vault, as scripts and other tools call them."""

    def test_gcloud_as_the_source_of_a_subject_token(self):
        """Provider command calls wif wrap calls `gcloud auth print-identity-token`, and OpenAI's endpoint verifies what it printed."""
        gcloud = self.helper(f"""test "$1 $2" = 'auth print-identity-token' || exit 2
            cat {self.testbed.token_file}; echo""", "gcloud")
        words = [self.program, "wrap", "--", gcloud, "auth", "print-identity-token", "--audiences=https://api.openai.com/v1"]
        for account in ("sa_testbed", "sa_scoped", "sa_testbed"):
            self.config(f'[profiles.p]\nsubject = {{ provider = "command", args = {json.dumps(words)} }}\n'
                        f'exchange = {{ url = "{self.url()}", identity_provider_id = "idp_testbed", service_account_id = "{account}" }}\n')
            self.assertEqual(self.testbed.models(self.plain("token").stdout.strip()), 200)
        self.assertEqual((self.runs(), self.testbed.exchanges()), (1, 2))

    def test_vault_in_a_shell_script(self):
        """One token for each server that the environment names, handed to curl beside its arguments."""
        vault = self.helper(f"""test "$*" = 'print token' && test -n "$VAULT_ADDR" || exit 2
            {self.program} token --no-cache --set exchange.url={self.url()}""", "vault")
        script = self.path("script")
        with open(script, "w", encoding="ascii") as file:
            file.write(f"""#!/bin/sh -e
token=$({self.program} wrap --ttl 10m --env VAULT_ADDR -- {vault} print token)
printf 'header = "Authorization: Bearer %s"\n' "$token" | curl -sS --fail --config - {self.testbed.about["http"]}/v1/models
""")
        os.chmod(script, 0o755)
        for server, runs in (("https://one", 1), ("https://one", 1), ("https://two", 2), ("https://one", 2)):
            done = subprocess.run([script], env={**self.env, "VAULT_ADDR": server}, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("gpt-testbed", done.stdout)
            self.assertEqual(self.runs(), runs)


if __name__ == "__main__":
    main()
