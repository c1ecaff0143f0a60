# SPDX-License-Identifier: Apache-2.0
"""`docker-credential-wif` under skopeo, which pulls from a registry with token authentication; and by hand."""
import json
import os
import shutil
import subprocess

import cached
from harness import CANARY, main
from hosting import FOREIGN, MALFORMED, OURS, HostCase
from registry import Registry

NOT_FOUND = "credentials not found in native keychain\n"


def setUpModule():
    cached.run("skopeo (Debian has it)", ["skopeo", "--version"])


# skopeo 1.9 has the registry's word, 1.18 its own.
REFUSED = "unauthorized|authentication required"


class PullCase(HostCase):
    def setUp(self):
        super().setUp()
        self.registry = self.new_registry()
        self.serve(self.registry.name)
        self.docker = self.path(".docker")
        os.mkdir(self.docker)
        self.configure("docker/config.json", self.registry.name)
        self.env["REGISTRY_AUTH_FILE"] = os.path.join(self.docker, "config.json")  # what skopeo's logout looks at

    def new_registry(self):
        registry = Registry(lambda password: password == "right" or self.accepts(password))
        self.addCleanup(registry.stop)
        return registry

    def configure(self, example, name):
        shutil.copy(self.example(example, **{"registry.example.com": name}), os.path.join(self.docker, "config.json"))

    def logins(self):
        """Who came to the token endpoint since the last look."""
        logins, self.registry.logins = self.registry.logins, []
        return logins

    def pull(self, registry=None, code=0):
        source = f"docker://{(registry or self.registry).name}/app:latest"
        done = self.client("skopeo", "copy", "--insecure-policy", "--src-tls-verify=false", source, "dir:" + self.path("image"), code=code)
        if code == 0:
            self.assertIn("manifest.json", os.listdir(self.path("image")))
        return done


class Skopeo(PullCase):
    def test_it_pulls(self):
        self.pull()
        self.pull()
        self.assertEqual(self.logins(), [("oauth2", True)] * 2)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_an_identity_token(self):
        shutil.copy(self.example("docker/docker-credential-identity"), self.path("docker-credential-identity"))
        os.chmod(self.path("docker-credential-identity"), 0o755)
        self.env["PATH"] = self.folder + ":" + self.env["PATH"]
        self.configure("docker/config-identity.json", self.registry.name)
        self.pull()
        self.assertEqual(self.logins(), [("<token>", True)])

    def test_a_registry_that_no_profile_serves_sees_nobody(self):
        other = self.new_registry()
        self.configure("docker/config.json", other.name)
        self.assertRegex(self.pull(other, code=1).stderr, REFUSED)
        self.assertEqual(other.logins, [("", False)])
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_it_crosses_an_expiry(self):
        self.pull()
        self.age(3600)
        self.pull()
        self.assertEqual(self.logins(), [("oauth2", True)] * 2)
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_revoked_token_is_forgotten_by_logout(self):
        self.pull()
        self.testbed.control("revoke")
        self.assertRegex(self.pull(code=1).stderr, f"invalid username/password: ({REFUSED})")
        self.client("skopeo", "logout", self.registry.name)
        self.assertEqual(self.records(), [])
        self.pull()
        self.assertEqual(self.logins(), [("oauth2", True), ("oauth2", False), ("oauth2", True)])

    def test_login_has_nothing_to_do(self):
        done = self.client("skopeo", "login", "--tls-verify=false", self.registry.name)
        self.assertIn("Existing credentials are valid. Already logged in to " + self.registry.name, done.stdout)

    def test_a_password_is_refused(self):
        done = self.client("skopeo", "login", "--tls-verify=false", "-u", "me", "-p", "right", self.registry.name, code=1)
        self.assertIn("error storing credentials - err: exit status 1, out: `no password is stored here: a token is got whenever one is "
                      "wanted; ", done.stderr)

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.mint(ttl=-60, age=3600)
        self.assertRegex(self.pull(code=1).stderr, "error getting credentials - err: exit status 1, out: `the subject token from provider "
                                                   "'file' expired")
        self.assertEqual(self.logins(), [])


class Requests(HostCase):
    def setUp(self):
        super().setUp()
        self.serve(OURS, "*.corp.example:*")

    def helper(self, *words, given="", code=0):
        return self.client("docker-credential-wif", *words, given=given, code=code)

    def refused(self, *words, given=""):
        done = self.helper(*words, given=given, code=1)
        self.assertNotIn(CANARY, done.stdout)
        self.assertNotEqual(done.stdout, "")
        self.assertEqual(self.testbed.exchanges(), 0)
        return done.stdout

    def test_the_server_comes_back_as_it_was_named(self):
        for name in (OURS, "https://registry.example.com", "https://registry.example.com/v2/", "a.corp.example:5000", "REGISTRY.example.com",
                     "registry.example.com:443"):
            for end in "", "\n", "\r\n":
                answer = self.helper("get", given=name + end).stdout
                self.assertEqual(answer.count("\n"), 1)
                found = json.loads(answer)
                self.assertEqual(list(found), ["ServerURL", "Username", "Secret"])
                self.assertEqual((found["ServerURL"], found["Username"]), (name, "oauth2"))
                self.assertTrue(self.accepts(found["Secret"]))
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_a_server_of_nobodys(self):
        for name in FOREIGN:
            self.assertEqual(self.refused("get", given=name), NOT_FOUND, name)

    def test_a_server_that_is_none(self):
        for name in MALFORMED:
            if name.strip():
                self.assertRegex(self.refused("get", given=name), "^[^\n]* names no host; [^\n]*\n$", name)

    def test_requests_that_are_none(self):
        for given in "", "\n", " \t\r\n":
            self.assertEqual(self.refused("get", given=given), "no credentials server URL\n")
            self.assertEqual(self.refused("erase", given=given), "no credentials server URL\n")
        self.refused("get", given="x" * 3_000_000)
        self.refused("get", given='{"ServerURL":"registry.example.com"}')
        self.refused("login", given=OURS)
        self.refused(given=OURS)
        self.refused("get", "erase", given=OURS)

    def test_nothing_is_stored(self):
        given = json.dumps({"ServerURL": OURS, "Username": "me", "Secret": "of mine"})
        for text in given, "", "x" * 3_000_000:
            self.assertNotIn("of mine", self.refused("store", given=text))
        self.assertEqual(self.helper("list").stdout, "{}\n")
        self.assertEqual(self.helper("list", given="unused").stdout, "{}\n")
        self.assertFalse(os.path.exists(self.cache))

    def test_erase_forgets_that_servers_token(self):
        first = json.loads(self.helper("get", given=OURS).stdout)["Secret"]
        for other in "", FOREIGN[0], "https://nobody.example":
            self.helper("erase", given=other or "other", code=0)
            self.assertEqual(json.loads(self.helper("get", given=OURS).stdout)["Secret"], first)
        self.assertEqual(self.helper("erase", given=OURS).stdout, "")
        self.assertEqual(self.records(), [])
        self.helper("erase", given=OURS)
        self.assertNotEqual(json.loads(self.helper("get", given=OURS).stdout)["Secret"], first)

    def test_two_profiles_divide_the_servers(self):
        self.serve("a.example", more='[profiles.b]\nhosts = ["b.example"]\nsubject = { provider = "env", variable = "NOWHERE" }\n'
                   'exchange = { kind = "none" }\n')
        self.assertTrue(self.accepts(json.loads(self.helper("get", given="a.example").stdout)["Secret"]))
        self.assertIn("NOWHERE", self.helper("get", given="b.example", code=1).stdout)
        self.assertEqual(self.helper("get", given="c.example", code=1).stdout, NOT_FOUND)

    def test_an_empty_answer_is_never_a_success(self):
        self.testbed.control("faults", path="/oauth/token", fault="empty_token", count=-1)
        done = self.helper("get", given=OURS, code=1)
        self.assertNotIn("{", done.stdout)
        self.helper("--username", "", "get", given=OURS, code=1)

    def test_a_verb_that_needs_no_request_reads_none(self):
        for verb in "list", "version":
            process = subprocess.Popen(["docker-credential-wif", verb], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.assertTrue(process.stdout.read())
            process.stdin.close()
            process.stdout.close()
            self.assertEqual(process.wait(), 0)


if __name__ == "__main__":
    main()
