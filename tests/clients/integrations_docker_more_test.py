# SPDX-License-Identifier: Apache-2.0
"""`docker-credential-wif` under podman and docker's own command line, where the machine has them."""
import shutil
import subprocess
import unittest

from foreign import Authority
from harness import main
from integrations_docker_test import PullCase


def version(name):
    found = shutil.which(name)
    return bool(found) and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(version("podman"), "podman isn't on this machine")
class Podman(PullCase):
    def podman(self, *words, code=0):
        place = ("--root", self.path("storage"), "--runroot", self.path("run"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
                 "--events-backend", "none")
        return self.client("podman", *place, *words, code=code)

    def test_it_pulls(self):
        self.podman("pull", "--quiet", "--tls-verify=false", self.registry.name + "/app:latest")
        self.assertEqual(self.logins(), [("oauth2", True)])

    def test_it_logs_in_and_out(self):
        done = self.podman("login", "--tls-verify=false", self.registry.name)
        self.assertIn("Existing credentials are valid.", done.stdout)
        self.podman("logout", self.registry.name)
        self.assertEqual(self.records(), [])


@unittest.skipUnless(version("docker"), "docker isn't on this machine")
class Docker(PullCase):
    """What its command line does without its daemon. It wants TLS for that."""

    def new_registry(self):
        registry = super().new_registry()
        context = Authority(self.folder).context()
        registry.server.socket = context.wrap_socket(registry.server.socket, server_side=True)
        registry.url = "https://" + registry.name
        return registry

    def docker_client(self, *words, code=0):
        return self.client("docker", *words, code=code)

    def test_it_reads_a_manifest(self):
        done = self.docker_client("manifest", "inspect", "--insecure", self.registry.name + "/app:latest")
        self.assertIn("sha256:", done.stdout)
        self.assertEqual({*self.logins()}, {("oauth2", True)})

    def test_it_logs_out(self):
        self.docker_client("manifest", "inspect", "--insecure", self.registry.name + "/app:latest")
        self.docker_client("logout", self.registry.name)
        self.assertEqual(self.records(), [])


if __name__ == "__main__":
    main()
