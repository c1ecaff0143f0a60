# SPDX-License-Identifier: Apache-2.0
"""What packaging/static/README.md promises of the static build: it needs nothing, and says what it can't do.

All of it happens in a network namespace of its own, so that a name server may have port 53.
"""
import os
import re
import shutil
import subprocess

from harness import BUILD, MODULES, Case, main
from name_server import NameServer, become_alone

PROGRAMS = ("bin/wif", "libexec/wif/wif-engine")
BUSYBOX = "/bin/busybox"


class Programs(Case):
    def test_neither_has_an_interpreter_or_a_library(self):
        for program in PROGRAMS:
            path = os.path.join(BUILD, program)
            listed = subprocess.run(["readelf", "--wide", "--program-headers", "--dynamic", path], capture_output=True, text=True, check=True)
            self.assertNotIn("INTERP", listed.stdout)
            self.assertNotIn("NEEDED", listed.stdout)
            self.assertIn("GNU_RELRO", listed.stdout)

    def test_what_is_installed_is_two_programs_and_data(self):
        prefix = os.path.join(self.folder, "prefix")
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], stdout=subprocess.DEVNULL, check=True)
        files = [os.path.relpath(os.path.join(folder, name), prefix) for folder, _, names in os.walk(prefix) for name in names]
        elf = []
        for name in files:
            path = os.path.join(prefix, name)
            with open(path, "rb") as file:
                if not os.path.islink(path) and file.read(4) == b"\x7fELF":
                    elf.append(name)
        self.assertEqual(sorted(elf), sorted(PROGRAMS))


class Root(Case):
    """A root directory of its own; a subclass puts in what it is about."""

    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.folder, "root")
        for program in PROGRAMS:
            os.makedirs(os.path.dirname(self.inside(program)), exist_ok=True)
            shutil.copy(os.path.join(BUILD, program), self.inside(program))
        self.put("token", self.read(self.testbed.token_file))
        self.env = {
            "WIF_CACHE_DIR": "/cache",
            "OPENAI_IDENTITY_PROVIDER_ID": "idp_testbed",
            "OPENAI_SERVICE_ACCOUNT_ID": "sa_testbed",
            "OPENAI_IDENTITY_TOKEN_FILE": "/token",
        }
        self.program, self.user = "/bin/wif", {"preexec_fn": lambda: (os.chroot(self.root), os.chdir("/"))}
        self.addCleanup(self.keep_records)

    def inside(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def put(self, name, text):
        os.makedirs(os.path.dirname(self.inside(name)), exist_ok=True)
        with open(self.inside(name), "w", encoding="utf-8") as file:
            file.write(text)

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def keep_records(self):
        shutil.rmtree(self.inside("cache"), ignore_errors=True)

    def https(self, host):
        return re.sub(r"//[^:]+:", f"//{host}:", self.url(scheme="https"))

    def trust(self):
        self.put("etc/ssl/certs/ca-certificates.crt", self.read(self.testbed.about["ca_file"]))


class EmptyRoot(Root):
    def test_there_is_nothing_but_ours(self):
        self.assertEqual(sorted(os.listdir(self.root)), ["bin", "libexec", "token"])

    def test_an_exchange_and_a_hit(self):
        first, second = self.wif("get").stdout, self.wif("get").stdout
        self.assertEqual(first.split(",")[1], second.split(",")[1])
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_tls_by_the_systems_trust_store(self):
        words = ("get", "--set", "exchange.url=" + self.url(scheme="https"))
        refused = self.plain(*words, code=6)
        self.assertIn("can't be verified", refused.stderr)
        self.trust()
        self.env["WIF_CACHE_DIR"] = "/another"  # the failure is remembered in the first for a moment
        self.plain(*words)

    def test_a_refresh_in_the_background(self):
        self.wif("get")
        self.cache = self.inside("cache")
        self.make_stale()
        self.wif("get")
        self.testbed.control("wait", path="/oauth/token", count=2)

    def test_the_diagnosis(self):
        done = self.plain("doctor", "--set", "exchange.url=" + self.url(), code=0)
        self.assertIn("exchange", done.stdout)

    def test_a_hostile_openssl_configuration_is_not_read(self):
        self.put("openssl.cnf", "openssl_conf = x\n[x]\nengines = y\n[y]\nz = z\n[z]\ndynamic_path = /nowhere.so\ninit = 1\n")
        self.env["OPENSSL_CONF"] = "/openssl.cnf"
        self.wif("get")


class Userland(Root):
    """BusyBox as Alpine has it, without a libc: `exec`, `command` and `wrap` start its programs."""

    def setUp(self):
        super().setUp()
        shutil.copy(BUSYBOX, self.inside("bin/busybox"))
        for name in ("sh", "cat", "env"):
            os.symlink("busybox", self.inside("bin/" + name))
        self.env["PATH"] = "/bin"

    def test_exec(self):
        done = self.wif("exec", "--", "sh", "-c", 'echo "${#OPENAI_API_KEY}"')
        self.assertGreater(int(done.stdout), 20)

    def test_the_provider_command(self):
        self.wif("get", "--set", "subject.provider=command", "--set", "subject.args=cat,/token")
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_wrap(self):
        self.put("answer", '{"token":"abc","expires_at":"2100-01-01T00:00:00Z"}\n')
        self.assertEqual(self.plain("wrap", "--", "cat", "/answer").stdout, self.read(self.inside("answer")))


class Names(Root):
    def setUp(self):
        super().setUp()
        self.trust()

    def name_server(self, addresses):
        server = NameServer(addresses)
        self.addCleanup(server.stop)
        return server

    def reaches(self, host):
        """The certificate is for another name: that it is minded shows that the host was found and answered."""
        done = self.plain("get", "--set", "exchange.url=" + self.https(host), code=6)
        self.assertRegex(done.stderr, f"certificate of {host}:[0-9]+")

    def test_from_the_hosts_file(self):
        self.put("etc/hosts", "127.0.0.1 exchange.example\n")
        self.reaches("exchange.example")

    def test_from_a_name_server_with_a_search_list(self):
        server = self.name_server({"exchange.corp.example": "127.0.0.1"})
        self.put("etc/resolv.conf", "nameserver 127.0.0.1\nsearch else.example corp.example\n")
        self.reaches("exchange")
        self.assertGreaterEqual(server.asked["exchange.corp.example"], 1)
        self.assertGreaterEqual(server.asked["exchange.else.example"], 1)

    def test_a_name_that_is_not_there(self):
        server = self.name_server({})
        self.put("etc/resolv.conf", "nameserver 127.0.0.1\n")
        done = self.plain("get", "--set", "exchange.url=https://exchange.example/oauth/token", "--timeout", "3s", code=6)
        self.assertIn("exchange.example", done.stderr)
        self.assertGreaterEqual(server.asked["exchange.example"], 1)

    def test_modules_of_the_name_service_switch_are_not_loaded(self):
        """glibc's resolver would load the first and die of it."""
        self.name_server({"exchange.example": "127.0.0.1"})
        self.put("etc/nsswitch.conf", "hosts: evil files dns\n")
        self.put("lib/x86_64-linux-gnu/libnss_evil.so.2", "no library")
        self.put("etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.reaches("exchange.example")


class Modules(Case):
    def refused(self, *words):
        done = self.wif("get", *words, code=3)
        self.assertIn("static", done.stderr)
        self.assertIn(self.modules, done.stderr)
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_those_of_others_are_refused_with_their_path(self):
        self.modules = self.drop_in(*(os.path.join(MODULES, name) for name in ("plain.module", "wif-provider-plain.so")))
        self.refused("--set", "subject.provider=plain", "--set", "subject.path=" + self.testbed.token_file)

    def test_a_replacement_of_a_built_in_one_is_refused_too(self):
        self.modules = self.drop_in(os.path.join(BUILD, "lib", "wif", "wif-provider-file.so"))
        self.refused("--set", "subject.provider=file", "--set", "subject.path=" + self.testbed.token_file)

    def test_built_in_ones_are_all_there(self):
        listed = {line.split()[1] if line[0] in "*+-" else line.split()[0]
                  for line in self.plain("providers").stdout.splitlines() if re.match(r"[*+-]? *[a-z]+ +\d+ ", line)}
        built = {name[len("wif-provider-"):-len(".so")] for name in os.listdir(os.path.join(BUILD, "lib", "wif"))
                 if name.startswith("wif-provider-")}
        self.assertLessEqual(built - {"command"}, listed | {"command"})
        self.assertGreater(len(built), 8)


if __name__ == "__main__":
    become_alone()
    main()
