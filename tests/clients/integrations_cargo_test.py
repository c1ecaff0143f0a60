# SPDX-License-Identifier: Apache-2.0
"""`cargo-credential-wif` under cargo, which reads a private sparse registry; and by hand."""
import json
import os
import shutil
import subprocess

import crates
from harness import CANARY, main
from hosting import FOREIGN, MALFORMED, OURS, HostCase

CARGO = None
INDEX = f"sparse+https://{OURS}/index/"


def setUpModule():
    global CARGO
    CARGO = crates.cargo()


class CargoCase(HostCase):
    def setUp(self):
        super().setUp()
        self.scheme = ""
        self.crates = self.new_registry()
        self.serve("127.0.0.1:*")
        self.home = self.path("cargo")
        self.env.update(CARGO_HOME=self.home, RUSTUP_HOME=os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup")))
        self.project()
        self.configure("cargo/config.toml", self.crates)

    def new_registry(self):
        registry = crates.Crates(lambda sent: sent.startswith(self.scheme) and self.accepts(sent[len(self.scheme):]))
        self.addCleanup(registry.stop)
        return registry

    def project(self):
        os.makedirs(self.path("project/src"))
        self.write("project/src/lib.rs", "")
        self.write("project/Cargo.toml", '[package]\nname = "project"\nversion = "0.1.0"\nedition = "2021"\ndescription = "x"\nlicense = "MIT"\n'
                   '[dependencies]\ntreasure = { version = "0.1", registry = "corp" }\n')

    def configure(self, example, registry):
        shutil.rmtree(self.home, ignore_errors=True)
        os.mkdir(self.home)
        shutil.copy(self.example(example, **{"https://registry.example.com": registry.url}), os.path.join(self.home, "config.toml"))

    def cargo(self, *words, code=0):
        return self.client(CARGO, *words, "--quiet", "--manifest-path", self.path("project/Cargo.toml"), code=code)

    def fetch(self, code=0):
        """With nothing kept of what was read before."""
        shutil.rmtree(os.path.join(self.home, "registry"), ignore_errors=True)
        return self.cargo("vendor", self.path("vendor"), code=code)

    def requests(self, registry=None):
        registry = registry or self.crates
        found, registry.requests = registry.requests, []
        return found


class Client(CargoCase):
    def test_it_reads_the_registry(self):
        self.fetch()
        self.assertEqual(self.requests(), [("/index/config.json", True), ("/index/tr/ea/treasure", True), ("/dl/treasure/0.1.0/download", True)])
        self.fetch()
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_it_asks_once_for_many_requests(self):
        self.count_calls()
        self.fetch()
        self.assertEqual(len(self.requests()), 3)
        self.assertEqual(self.calls(), 1)

    def count_calls(self):
        super().count_calls()
        os.rename(self.path("counting/wif"), self.path("counting/cargo-credential-wif"))
        with open(self.path("counting/cargo-credential-wif"), encoding="utf-8") as file:
            text = file.read().replace('"$@"', 'cargo "$@"')
        self.write("counting/cargo-credential-wif", text)

    def test_arguments_in_its_configuration(self):
        """A profile that isn't the default, and a registry that wants a scheme."""
        self.serve("127.0.0.1:*", name="b", more='[profiles.a]\nhosts = ["127.0.0.1:*"]\nexchange = { kind = "none" }\n'
                   'subject = { provider = "env", variable = "NOWHERE" }\n')
        self.scheme = "Bearer "
        self.configure("cargo/config-arguments.toml", self.crates)
        self.fetch()
        self.assertEqual({good for _, good in self.requests()}, {True})

    def test_a_registry_that_no_profile_serves_sees_nobody(self):
        other = self.new_registry()
        self.serve(self.crates.url.split("//")[1])
        self.configure("cargo/config.toml", other)
        self.assertIn("no credential providers could handle the request", self.fetch(code=101).stderr)
        self.assertEqual(self.requests(other), [])
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_it_crosses_an_expiry(self):
        self.fetch()
        self.age(3600)
        self.fetch()
        self.assertEqual({good for _, good in self.requests()}, {True})
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_revoked_token_is_forgotten_by_logout(self):
        self.fetch()
        self.testbed.control("revoke")
        self.assertIn("token rejected for `corp`", self.fetch(code=101).stderr)
        self.client(CARGO, "logout", "--registry", "corp")
        self.assertEqual(self.records(), [])
        self.fetch()
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_it_yanks(self):
        self.client(CARGO, "yank", "--registry", "corp", "--version", "0.1.0", "treasure")
        self.assertIn(("/api/v1/crates/treasure/0.1.0/yank", True), self.requests())

    def test_a_login_is_refused(self):
        done = subprocess.run([CARGO, "login", "--registry", "corp"], env=self.env, input="secret\n", capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("requested operation not supported", done.stderr)

    def test_where_there_is_no_identity_it_asks_its_other_providers(self):
        self.testbed.mint(ttl=-60, age=3600)
        done = self.fetch(code=101)
        self.assertIn("no token found for `corp`", done.stderr)
        self.assertIn("wif: the subject token from provider 'file' expired", done.stderr)

    def test_for_all_registries_at_once(self):
        self.configure("cargo/config-global.toml", self.crates)
        self.fetch()
        token = self.plain("token").stdout.strip()
        self.plain("cache", "clear")
        self.testbed.mint(ttl=-60, age=3600)
        self.assertIn("no token found for `corp`", self.fetch(code=101).stderr)
        self.env["CARGO_REGISTRIES_CORP_TOKEN"] = token  # where `cargo login` would have stored one
        self.fetch()

    def test_what_it_says_when_the_helper_fails(self):
        self.testbed.control("faults", path="/oauth/token", fault="status=403", count=-1)
        done = self.fetch(code=101)
        self.assertRegex(done.stderr, "credential provider `cargo-credential-wif` failed action `get`\n\nCaused by:\n +127.0.0.1:[0-9]+ refused the exchange: HTTP 403")
        self.assertEqual(self.requests(), [])


class Requests(HostCase):
    def setUp(self):
        super().setUp()
        self.serve(OURS)

    def helper(self, *requests, words=("--cargo-plugin",)):
        """The lines after the first, which says what is spoken."""
        given = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in requests)
        done = self.client("cargo-credential-wif", *words, given=given)
        hello, *lines = done.stdout.splitlines()
        self.assertEqual(hello, '{"v":[1]}')
        return [json.loads(line) for line in lines]

    def request(self, url=INDEX, kind="get", **more):
        operation = {"operation": "read"} if kind == "get" else {}
        return {"v": 1, "registry": {"index-url": url, "name": "corp"}, "kind": kind, **operation, **more}

    def refused(self, request, kind):
        answers = self.helper(request)
        self.assertEqual([answer["Err"]["kind"] for answer in answers], [kind], request)
        self.assertNotIn(CANARY, json.dumps(answers))
        self.assertEqual(self.testbed.exchanges(), 0)
        return answers[0]["Err"]

    def test_each_line_is_answered_by_one(self):
        answers = self.helper(self.request(), self.request("sparse+https://nobody.example/"), "{", self.request(kind="login"), self.request(
            operation="publish", name="treasure", vers="0.1.0", cksum="00", headers=["WWW-Authenticate: Cargo"], unknown={"a": [1]}))
        self.assertEqual([list(answer) for answer in answers], [["Ok"], ["Err"], ["Err"], ["Err"], ["Ok"]])
        with open(os.path.join(self.cache, self.records()[0]), encoding="utf-8") as file:
            expires_at = json.load(file)["credential"]["expires_at"]
        for answer in answers[0]["Ok"], answers[4]["Ok"]:
            self.assertTrue(self.accepts(answer.pop("token")))
            self.assertEqual(answer, {"kind": "get", "cache": "expires", "expiration": expires_at, "operation_independent": True})
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_it_speaks_first(self):
        process = subprocess.Popen(["cargo-credential-wif", "--cargo-plugin"], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), '{"v":[1]}\n')
        process.stdin.write(json.dumps(self.request("https://nobody.example/")) + "\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), '{"Err":{"kind":"url-not-supported"}}\n')
        process.stdin.close()
        self.assertEqual(process.stdout.read(), "")
        process.stdout.close()
        self.assertEqual(process.wait(), 0)

    def test_a_registry_of_nobodys(self):
        for name in FOREIGN + MALFORMED:
            for url in name, "sparse+https://" + name, f"sparse+https://{name}/index/":
                self.refused(self.request(url), "url-not-supported")
        self.refused(self.request("ssh://git@registry.example.com/index"), "url-not-supported")
        self.refused(self.request("sparse+sparse+https://registry.example.com/"), "url-not-supported")

    def test_operations_that_it_has_not(self):
        for request in self.request(kind="login", token="of mine"), self.request(kind="other"), self.request(operation="conquer"), self.request(
                operation=7):
            self.refused(request, "operation-not-supported")

    def test_requests_that_are_none(self):
        for given in ("", " ", "\0", "get", "[]", "7", "null", "{}", '{"v":1}', '{"v":1,"kind":"get"}', "{" * 100_000, '{"v":"1"}',
                      json.dumps(self.request())[:-1], json.dumps(self.request()) * 2, '"\ud83d"'.encode("utf-8", "replace").decode(),
                      json.dumps({**self.request(), "v": 2}), json.dumps({**self.request(), "registry": INDEX}), "x" * 2_000_000,
                      json.dumps(self.request(args=["--config", "/tmp/evil"])), json.dumps(self.request(args=["--help"])),
                      json.dumps(self.request(args=["-p", "nobody"])), json.dumps(self.request(args=[7]))):
            self.assertNotIn("\n", self.refused(given, "other")["message"])

    def test_logout_forgets_that_registrys_token(self):
        first = self.helper(self.request())[0]["Ok"]["token"]
        self.assertEqual(self.helper(self.request("https://nobody.example/", "logout"), self.request()),
                         [{"Ok": {"kind": "logout"}}, self.helper(self.request())[0]])
        self.assertEqual(self.helper(self.request(kind="logout")), [{"Ok": {"kind": "logout"}}])
        self.assertNotEqual(self.helper(self.request())[0]["Ok"]["token"], first)

    def test_without_its_option_it_says_what_it_is(self):
        done = self.client("cargo-credential-wif", code=2)
        self.assertEqual(done.stdout, "")
        self.assertIn("cargo runs it with --cargo-plugin", done.stderr)


if __name__ == "__main__":
    main()
