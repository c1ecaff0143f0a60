# SPDX-License-Identifier: Apache-2.0
"""`wif kubelet` under what the kubelet does with a plugin, by its published types and rules; tests/byhand/kubelet has the kubelet's own code."""
import fnmatch
import json
import os
import subprocess

import pypi
from harness import WIF, main
from integrating import IntegrationCase

V1 = "credentialprovider.kubelet.k8s.io/v1"
IMAGE = "registry.example.com/team/app:1.2"
PYTHON = None


def setUpModule():
    global PYTHON
    PYTHON = pypi.environment("moto")  # which has PyYAML


def matches(pattern, image):
    """The rule of matchImages and of the keys in `auth`: as many parts in the host, each matched for itself; the same port; and
    the pattern's path at the beginning of the image's."""
    def split(text):
        host, _, path = text.partition("/")
        name, _, port = host.partition(":")
        return name.split("."), port, "/" + path if path else ""
    (wanted, wanted_port, wanted_path), (name, port, path) = split(pattern), split(image)
    return (len(wanted) == len(name) and all(fnmatch.fnmatchcase(*pair) for pair in zip(name, wanted)) and wanted_port == port
            and path.startswith(wanted_path))


class KubeletCase(IntegrationCase):
    def setUp(self):
        super().setUp()
        self.registry_profile()
        self.configure("kubelet/credential-providers.yaml")

    def registry_profile(self, subject=None, hosts='"registry.example.com", "*.registry.example.com"'):
        subject = subject or f'{{ provider = "file", path = "{self.testbed.token_file}" }}'
        self.config(f'[profiles.registry]\nsubject = {subject}\nexchange = {{ url = "{self.url()}", identity_provider_id = "idp_testbed", '
                    f'service_account_id = "sa_testbed" }}\nhosts = [{hosts}]\n')

    def configure(self, example):
        path = self.example(example, **{"/etc/wif/config.toml": self.env["WIF_CONFIG"], "/var/cache/wif": self.cache})
        text = self.client(PYTHON, "-c", f"import json, yaml; print(json.dumps(yaml.safe_load(open({path!r}))))").stdout
        [self.provider] = json.loads(text)["providers"]

    def run_plugin(self, given, code=0):
        environment = {item["name"]: item["value"] for item in self.provider["env"]}
        environment.update((name, value) for name, value in self.env.items() if name.endswith("SAN_OPTIONS"))
        done = subprocess.run([os.path.join(os.path.dirname(WIF), self.provider["name"]), *self.provider["args"]], env=environment, input=given,
                              capture_output=True, timeout=120, check=False)
        self.last_error = done.stderr.decode()
        self.assert_no_token(self.last_error)
        self.assertEqual(done.returncode, code, self.last_error)
        return done.stdout.decode()

    def request(self, image=IMAGE, **members):
        return json.dumps({"kind": "CredentialProviderRequest", "apiVersion": V1, "image": image, **members}).encode()

    def ask(self, image=IMAGE, **members):
        """The response, of which nothing is strange to the published types."""
        response = json.loads(self.run_plugin(self.request(image, **members)))
        self.assertEqual(list(response), ["kind", "apiVersion", "cacheKeyType", "cacheDuration", "auth"])
        self.assertEqual((response["kind"], response["apiVersion"]), ("CredentialProviderResponse", members.get("apiVersion", V1)))
        self.assertEqual(response["cacheKeyType"], "Registry")
        self.assertRegex(response["cacheDuration"], r"^\d+s$")
        for entry in response["auth"].values():
            self.assertEqual(list(entry), ["username", "password"])
        return response

    def password(self, image=IMAGE, **members):
        """What the image is pulled with; nothing: as nobody."""
        auth = self.ask(image, **members)["auth"]
        return next((entry["password"] for key, entry in auth.items() if matches(key, image)), None)

    def refused(self, given, code=2):
        self.assertEqual(self.run_plugin(given, code), "")
        self.assertLessEqual(len(self.last_error.splitlines()), 2, self.last_error)
        self.assertLess(len(self.last_error), 700)
        return self.last_error


class Pulls(KubeletCase):
    def test_an_image_of_the_profiles_registry(self):
        """In an environment that has only what the configuration says."""
        for _ in range(3):
            response = self.ask()
            self.assertEqual(list(response["auth"]), ["registry.example.com"])
            self.assertEqual(response["auth"]["registry.example.com"]["username"], "oauth2")
        self.assertEqual(self.last_error, "")
        self.assertEqual(self.testbed.models(self.password()), 200)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_the_key_is_the_images_registry(self):
        self.registry_profile(hosts='"registry.example.com", "*.registry.example.com", "other.example:5000", "localhost:*", "docker.io"')
        for image, key in (("eu.registry.example.com/app", "eu.registry.example.com"), ("a.b.registry.example.com/app@sha256:00", "a.b.registry.example.com"),
                           ("other.example:5000/x/y:1", "other.example:5000"), ("localhost:7/x", "localhost:7"),
                           ("docker.io/library/nginx", "docker.io"), ("REGISTRY.example.com/x", "REGISTRY.example.com")):
            with self.subTest(image=image):
                self.assertEqual(list(self.ask(image)["auth"]), [key])
                self.assertIsNotNone(self.password(image))
        self.assertEqual(list(self.ask("nginx:1")["auth"]), ["index.docker.io"])  # the keyring's name for no registry

    def test_what_the_kubelet_matches_and_the_profile_does_not(self):
        """matchImages may be wider than `hosts`."""
        for image in ("evil.example/app", "registry.example.com.evil.example/app", "registry.example.com:5000/app", "xregistry.example.com/app",
                      "example.com/registry.example.com/app", "registry.example.co/app", "nginx", "library/nginx", "127.0.0.1/x"):
            with self.subTest(image=image):
                response = self.ask(image)
                self.assertEqual((response["auth"], response["cacheDuration"]), ({}, "0s"))
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_the_configurations_patterns_and_hosts_agree(self):
        for image in IMAGE, "eu.registry.example.com/app":
            self.assertTrue(any(matches(pattern, image) for pattern in self.provider["matchImages"]))
            self.assertIsNotNone(self.password(image))

    def test_another_name_beside_the_token(self):
        self.provider["args"] += ["--username", "oauth2accesstoken"]
        self.assertEqual(self.ask()["auth"]["registry.example.com"]["username"], "oauth2accesstoken")

    def test_an_expired_token_is_replaced(self):
        first = self.password()
        self.age(3600)
        self.assertNotIn(self.password(), (first, None))

    def test_a_revoked_token_is_forgotten_by_command(self):
        first = self.password()
        self.testbed.control("revoke")
        self.plain("cache", "clear", "-p", "registry")
        self.assertEqual(self.testbed.models(self.password()), 200)
        self.assertNotEqual(self.password(), first)

    def test_what_the_kubelet_is_told_when_it_fails(self):
        self.testbed.mint(ttl=-60, age=600)
        self.assertIn("the subject token from provider 'file' expired", self.refused(self.request(), code=4))

    def test_without_a_home_or_a_cache(self):
        self.provider["env"] = [item for item in self.provider["env"] if item["name"] == "WIF_CONFIG"]
        self.assertIsNotNone(self.password())
        self.assertIn("nothing is cached: neither WIF_CACHE_DIR", self.last_error)


class Durations(KubeletCase):
    def assert_kept(self, lifetime, longest):
        self.testbed.control("config", expires_in=lifetime)
        self.plain("cache", "clear")
        kept = int(self.ask()["cacheDuration"][:-1])
        self.assertLessEqual(kept, longest)
        self.assertGreaterEqual(kept, max(longest - 30, 0))

    def test_end_well_before_the_token_does(self):
        self.testbed.mint(ttl=7200)
        for lifetime, longest in (3600, 600), (901, 600), (700, 400), (301, 1), (300, 0), (60, 0):
            with self.subTest(lifetime=lifetime):
                self.assert_kept(lifetime, longest)


class ServiceAccounts(KubeletCase):
    """The pod's token in the request is the subject token, whatever the node is."""

    def setUp(self):
        super().setUp()
        self.registry_profile(subject='{ provider = "file", path = "/nowhere" }')
        self.configure("kubelet/service-accounts.yaml")
        self.testbed.control("config", mappings=[{"rows": {"sub": "system:serviceaccount:*"}}])

    def pod(self, name="app", **options):
        return self.testbed.control("mint", claims={"sub": "system:serviceaccount:default:" + name}, **options)

    def test_each_account_has_a_record_of_its_own(self):
        first, second = (self.password(serviceAccountToken=self.pod(name)) for name in ("one", "two"))
        self.assertEqual([self.testbed.models(token) for token in (first, second)], [200, 200])
        self.assertNotEqual(first, second)
        # A token that merely rotated.
        self.assertEqual(self.password(serviceAccountToken=self.pod("one")), first)
        self.assertEqual(self.password(serviceAccountToken=self.pod("one"), serviceAccountAnnotations={"a": "b"}), first)
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_no_provider_is_needed(self):
        self.registry_profile(subject='{ audience = "unused" }')
        self.assertIsNotNone(self.password(serviceAccountToken=self.pod()))

    def test_the_nodes_own_identity_is_another(self):
        self.registry_profile()
        node = self.password()
        self.assertNotIn(self.password(serviceAccountToken=self.pod("default")), (node, None))
        for nothing in "", None:
            self.assertEqual(self.password(serviceAccountToken=nothing), node)

    def test_the_record_holds_nothing_of_the_token(self):
        token = self.pod()
        self.password(serviceAccountToken=token)
        for name in os.listdir(self.cache):
            with open(os.path.join(self.cache, name), encoding="utf-8") as file:
                self.assertNotIn(token.split(".")[2], file.read())

    def test_an_expired_token_gets_nothing_out_of_the_cache(self):
        self.password(serviceAccountToken=self.pod())
        self.assertIn("has expired", self.refused(self.request(serviceAccountToken=self.pod(ttl=-60, age=600)), code=4))

    def test_a_token_that_the_relying_party_refuses(self):
        self.password(serviceAccountToken=self.pod())
        refusal = self.refused(self.request(serviceAccountToken=self.pod("other", bad_signature=True)), code=5)
        self.assertIn("system:serviceaccount:default:other", refusal)

    def test_what_is_no_token(self):
        for token in "x", "a.b.c", self.pod() + "\n", self.pod() + " x", "=" * 1000:
            self.refused(self.request(serviceAccountToken=token), code=4)
        for token in 7, [], {}, True:
            self.refused(self.request(serviceAccountToken=token))
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_a_chain_has_no_place_for_it(self):
        with open(self.env["WIF_CONFIG"], "a", encoding="ascii") as file:
            file.write('[profiles.chain]\nsubject = { profile = "registry" }\nhosts = ["registry.example.com"]\n')
        self.provider["args"] = ["kubelet", "-p", "chain"]
        self.assertIn("another profile's credential, and the request brings a subject token",
                      self.refused(self.request(serviceAccountToken=self.pod()), code=3))

    def test_a_stale_record_is_refreshed_with_it(self):
        first = self.password(serviceAccountToken=self.pod())
        self.make_stale()
        self.assertEqual(self.password(serviceAccountToken=self.pod()), first)
        os.wait()
        self.assertNotEqual(self.password(serviceAccountToken=self.pod()), first)
        self.assertEqual(self.testbed.exchanges(), 2)


class Requests(KubeletCase):
    def test_each_version_is_answered_in_kind(self):
        for version in V1, V1 + "beta1", V1 + "alpha1":
            self.assertEqual(len(self.ask(apiVersion=version)["auth"]), 1)

    def test_what_isnt_known_is_refused(self):
        for version in V1 + "beta2", "v1", "", None, 1, [V1], V1 + "\n", "x" * 100_000:
            self.assertIn("apiVersion", self.refused(self.request(apiVersion=version)))

    def test_garbage(self):
        for given in (b"", b"{", b"null", b"[]", b"\xff", b"\0", b"[" * 100_000, self.request() * 2, self.request(kind="CredentialProviderResponse"),
                      self.request(image=None), self.request(image=7), b'{"image":"' + IMAGE.encode() + b'"}', b"x" * (1 << 20) + b"x",
                      self.request(padding="x" * (1 << 20))):
            with self.subTest(given=given[:60]):
                self.refused(given)
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_images_that_are_none(self):
        for image in ("user@registry.example.com/app", "registry.example.com\n.evil.example/app", "registry.example.com\r/app", "https://registry.example.com/app",
                      "registry.example.com:x/app", "registry.example.com:0/app", "registry.example.com:99999/app", "*.example.com/app", ".example.com/app",
                      "registry..example.com/app", "registry.example.com\\.evil/app", "[::1/app", ":/app", "./app", "regis\u0442ry.example.com/app"):
            with self.subTest(image=image):
                self.refused(self.request(image))

    def test_a_huge_image(self):
        self.assertEqual(self.ask("evil.example/" + "x" * 100_000)["auth"], {})
        self.refused(self.request("x" * 100_000 + ".example/app"))


if __name__ == "__main__":
    main()
