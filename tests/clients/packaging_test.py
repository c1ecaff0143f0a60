# SPDX-License-Identifier: Apache-2.0
"""What packaging/ makes of a build: the tarball, its list of parts, an image's root directory; and the manifests for Kubernetes.

Packages of distributions take minutes: packaging/release makes and tries them."""
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile

import harness
import kubernetes_api
import pypi

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PACKAGING = os.path.join(ROOT, "packaging")
TOOLS = None


def setUpModule():
    global TOOLS
    TOOLS = pypi.environment("packaging")


class Tarball(harness.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = os.path.join(harness.BUILD, "packed")
        shutil.rmtree(cls.made, ignore_errors=True)
        subprocess.run(["cpack", "-B", cls.made], cwd=harness.BUILD, check=True, stdout=subprocess.DEVNULL)
        [cls.tarball] = glob.glob(os.path.join(cls.made, "*.tar.gz"))

    def setUp(self):
        super().setUp()
        # Where a user who isn't root may go.
        self.place = os.path.join(self.folder, "somewhere else")
        os.chmod(self.folder, 0o755)
        with tarfile.open(self.tarball) as archive:
            archive.extractall(self.place)
        [self.top] = os.listdir(self.place)
        self.program = os.path.join(self.place, self.top, "bin", "wif")

    def test_its_checksum(self):
        with open(self.tarball + ".sha256", encoding="ascii") as file:
            digest, name = file.read().split()
        with open(self.tarball, "rb") as file:
            self.assertEqual(digest, hashlib.sha256(file.read()).hexdigest())
        self.assertEqual(name, os.path.basename(self.tarball))

    def test_it_works_where_it_was_unpacked(self):
        self.wif("get")
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_it_works_for_another_user(self):
        self.be_ordinary()
        self.wif("get")

    def test_nothing_names_the_place_where_it_was_built(self):
        for path in glob.glob(os.path.join(self.place, "**", "*"), recursive=True):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    self.assertNotIn(harness.BUILD.encode(), file.read(), path)

    def test_it_is_a_whole_installation_but_for_units(self):
        names = {os.path.relpath(path, os.path.join(self.place, self.top)) for path in glob.glob(os.path.join(self.place, "**"), recursive=True)}
        self.assertLessEqual({"bin/wif", "bin/git-credential-wif", "libexec/wif/wif-engine", "share/man/man1/wif.1", "share/doc/wif/LICENSE",
                              "share/bash-completion/completions/wif"}, names)
        self.assertEqual({name for name in names if "systemd" in name and not name.endswith(".1")}, set())

    def test_the_list_of_its_parts(self):
        done = subprocess.run([os.path.join(PACKAGING, "sbom"), harness.BUILD, self.tarball], env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
                              capture_output=True, text=True, check=True)
        path = os.path.join(self.folder, "wif.spdx.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(done.stdout)
        check = ("import sys; from spdx_tools.spdx.parser.parse_anything import parse_file; from spdx_tools.spdx.validation.document_validator "
                 "import validate_full_spdx_document as validate; print([m.validation_message for m in validate(parse_file(sys.argv[1]))])")
        judged = subprocess.run([TOOLS, "-c", check, path], capture_output=True, text=True, check=True)
        self.assertEqual(judged.stdout.strip(), "[]")
        document = json.loads(done.stdout)
        names = {package["name"] for package in document["packages"]}
        self.assertLessEqual({"wif", "libc6-dev", "rapidjson-dev", "libtomlplusplus-dev", "libmd-dev"}, names)
        self.assertEqual(names & {"libgtest-dev", "libcjose-dev"}, set())  # the tests'
        linked = {row["relatedSpdxElement"] for row in document["relationships"] if row["relationshipType"] == "DYNAMIC_LINK"}
        self.assertEqual({bool(re.search("libcurl", name)) for name in linked} & {True}, set() if harness.STATIC else {True})
        with tarfile.open(self.tarball) as archive:
            files = {member.name.partition("/")[2]: hashlib.sha256(archive.extractfile(member).read()).hexdigest() for member in archive if member.isfile()}
        listed = {row["fileName"][2:]: row["checksums"][1]["checksumValue"] for row in document["files"]}
        self.assertEqual(listed, files)


class Image(harness.Case):
    """The root directory, run as its user. Only root can change to it."""

    def setUp(self):
        super().setUp()
        self.root = os.path.join(self.folder, "image")
        subprocess.run([os.path.join(PACKAGING, "container", "root"), harness.BUILD, self.root], check=True)
        os.chmod(self.folder, 0o755)
        os.mkdir(os.path.join(self.root, "var"))
        shutil.copy(self.testbed.token_file, os.path.join(self.root, "var", "token"))
        os.chmod(os.path.join(self.root, "var", "token"), 0o644)

    def test_there_is_no_shell(self):
        names = {os.path.basename(path) for path in glob.glob(os.path.join(self.root, "**"), recursive=True)}
        self.assertEqual(names & {"sh", "bash", "busybox", "apt", "dpkg"}, set())
        self.assertEqual({name for name in os.listdir(os.path.join(self.root, "bin")) if not name.endswith("wif")}, set())

    if os.geteuid() == 0:
        def test_it_exchanges_as_nobody(self):
            # As containers have it. A mount namespace of its own would do without the clean-up, but in a chroot none can be made private.
            proc = os.path.join(self.root, "proc")
            subprocess.run(["mount", "--bind", "/proc", proc], check=True)
            self.addCleanup(subprocess.run, ["umount", "--lazy", proc], check=True)

            def enter():
                os.chroot(self.root)
                os.chdir("/")
                os.setgroups([])
                os.setresgid(65532, 65532, 65532)
                os.setresuid(65532, 65532, 65532)

            self.program, self.user = "/bin/wif", {"preexec_fn": enter}
            self.env = {"WIF_CACHE_DIR": "/run/wif/cache", "OPENAI_IDENTITY_TOKEN_FILE": "/var/token",
                        "OPENAI_IDENTITY_PROVIDER_ID": "idp_testbed", "OPENAI_SERVICE_ACCOUNT_ID": "sa_testbed"}
            first, second = self.wif("get").stdout, self.wif("get").stdout
            self.assertEqual(first.split(",")[1], second.split(",")[1])
            self.assertEqual(self.testbed.exchanges(), 1)
            done = self.plain("write", "--set", "exchange.url=" + self.url(), "--output", "/run/wif/token", "--mode", "0640")
            self.assertEqual(done.stdout, "")


class Manifests(harness.Case):
    FILES = sorted(glob.glob(os.path.join(PACKAGING, "kubernetes", "*.yaml")))

    def test_they_are_valid_by_the_published_schema(self):
        self.assertGreaterEqual(len(self.FILES), 3)
        for path in self.FILES:
            with self.subTest(path=os.path.basename(path)):
                done = subprocess.run([os.path.join(os.path.dirname(TOOLS), "kubernetes-validate"), "--strict", path], capture_output=True, text=True,
                                      check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_kubectl_takes_them(self):
        api = kubernetes_api.Discovery()
        self.addCleanup(api.stop)
        for path in self.FILES:
            with self.subTest(path=os.path.basename(path)):
                done = subprocess.run([pypi.program("kubectl", "kubectl"), "--server", api.url, "create", "--dry-run=client", "--validate=false", "-o", "name", "-f",
                                       path], env=self.env, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("app", done.stdout)

    def test_their_commands_are_wifs(self):
        """Each list of arguments is one that wif takes: it fails for lack of an identity or a provider's file, not for its words."""
        found = 0
        for path in self.FILES:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for words in re.findall(r"args: \[(.*)\]", text):
                words = [word.strip().strip('"') for word in words.split(",")]
                words = [word.replace("/run/wif", self.folder) for word in words if word not in ("--watch", "--wait", "60s")]
                if "--health" in words:
                    del words[words.index("--health"):words.index("--health") + 2]
                done = subprocess.run([self.program, *words], env=self.env | {"OPENAI_IDENTITY_PROVIDER_ID": ""}, capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn("identity_provider_id", done.stderr)
                found += 1
        self.assertGreaterEqual(found, 4)


if __name__ == "__main__":
    harness.main()
