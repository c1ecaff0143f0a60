# SPDX-License-Identifier: Apache-2.0
"""With raised privileges (AT_SECURE) the environment is somebody else's: no variable of it names a file or a folder.

A wif that belongs to root and is set-uid is run by nobody. Each variable is shown to matter to an ordinary wif first.
"""
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

from harness import BUILD, MODULES, NOBODY, STATIC, WIF, Case, install, main

AT_SECURE = 23


def may_raise(folder):
    """Whether the kernel heeds the set-uid bit there, and for us."""
    with open("/proc/self/status", encoding="ascii") as file:
        barred = "NoNewPrivs:\t1" in file.read()
    return not barred and not os.statvfs(folder).f_flag & os.ST_NOSUID


def public_folder():
    """Where everybody may go, if possible one where set-uid works; in a sandbox without any, the second way below does."""
    places = [place for place in (tempfile.gettempdir(), "/var/tmp", "/var/lib") if os.access(place, os.W_OK)]
    folder = tempfile.mkdtemp(prefix="wif-setuid-", dir=next(filter(may_raise, places), places[0]))
    os.chmod(folder, 0o755)
    return folder


class Rules(unittest.TestCase):
    """What decides, on a system that only says that it is raised: this needs no root."""

    def test_each_place_that_asks_the_environment(self):
        done = subprocess.run([os.path.join(BUILD, "tests", "unit", "wif_unit_tests"), "--gtest_brief=1",
                               "--gtest_filter=*RaisedPrivileges*:CacheDirectory.*"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertGreaterEqual(int(re.search(r"PASSED  \] (\d+) tests", done.stdout).group(1)), 7)


class Raised(Case):
    def setUp(self):
        super().setUp()
        self.prefix = public_folder()
        self.addCleanup(shutil.rmtree, self.prefix)
        self.raised_wif = install(self.prefix)
        os.chmod(self.raised_wif, 0o4755)
        self.by_bit = may_raise(self.prefix)
        self.base = {name: value for name, value in self.env.items()
                     if name not in ("HOME", "WIF_CACHE_DIR", "OPENAI_IDENTITY_TOKEN_FILE")}
        self.words = ("--set", "subject.provider=file", "--set", "subject.path=" + self.testbed.token_file)

    def become(self):
        """In the child: nobody, about to run a set-uid program; or already what such a program is to the kernel."""
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY if self.by_bit else 0, NOBODY if self.by_bit else 0)

    def run_wif(self, words, variables, raised):
        done = subprocess.run([self.raised_wif if raised else WIF, *words], env={**self.base, **variables}, cwd="/",
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
                              preexec_fn=self.become if raised else None)
        self.assert_no_token(done.stderr)
        return done

    def get(self, url=None):
        return ("get", "--set", "exchange.url=" + (url or self.url()), *self.words)

    def assert_codes(self, words, variables, ordinary, raised):
        """The exit codes of an ordinary and of a raised wif; returns what the raised one did."""
        done = self.run_wif(words, variables, False)
        self.assertEqual(done.returncode, ordinary, done.stderr)
        done = self.run_wif(words, variables, True)
        self.assertEqual(done.returncode, raised, done.stderr)
        return done

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, text, *names, mode=0o644):
        os.makedirs(os.path.dirname(self.path(*names)), exist_ok=True)
        with open(self.path(*names), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(*names), mode)
        return self.path(*names)

    def test_it_is_raised(self):
        self.testbed.control("hold", path="/oauth/token")
        process = subprocess.Popen([self.raised_wif, *self.get()], env=self.base, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=self.become)
        self.testbed.control("wait", path="/oauth/token", count=1)
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            engine = int(file.read())
        for pid in (process.pid, engine):
            with open(f"/proc/{pid}/auxv", "rb") as file:
                values = dict(struct.iter_unpack("@LL", file.read()))
            self.assertEqual(values[AT_SECURE], 1)
        self.testbed.control("release")
        self.assertEqual(self.finish(process).returncode, 0)

    def test_the_cache_folder(self):
        for name in ("WIF_CACHE_DIR", "XDG_CACHE_HOME", "HOME"):
            folder = self.path("caches", name)
            self.assertEqual(self.run_wif(self.get(), {name: folder}, False).returncode, 0)
            shutil.rmtree(folder)
            done = self.run_wif(self.get(), {name: folder}, True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("nothing is cached", done.stderr)
            self.assertFalse(os.path.exists(folder))

    def test_configuration_files(self):
        broken = self.write("[", "home", ".config", "wif", "config.toml")
        folder = os.path.dirname(os.path.dirname(broken))
        for name, value in (("WIF_CONFIG", broken), ("XDG_CONFIG_HOME", folder), ("HOME", os.path.dirname(folder))):
            self.assert_codes(self.get(), {name: value}, 3, 0)

    def test_the_engine(self):
        mark = self.path("mark")
        engine = self.write(f"#!/bin/sh\ntouch {mark}\n", "engine", mode=0o755)
        self.run_wif(self.get(), {"WIF_ENGINE": engine}, False)
        os.unlink(mark)
        self.assertEqual(self.run_wif(self.get(), {"WIF_ENGINE": engine}, True).returncode, 0)
        self.assertFalse(os.path.exists(mark))

    def test_modules(self):
        words = ("get", "--set", "exchange.url=" + self.url(), "--set", "subject.provider=plain")
        modules = tempfile.mkdtemp(prefix="wif-modules-", dir="/var/lib")  # nobody else may write there or above
        self.addCleanup(shutil.rmtree, modules)
        os.chmod(modules, 0o755)
        for name in ("plain.module", "wif-provider-plain.so"):
            shutil.copy(os.path.join(MODULES, name), modules)
            os.chmod(os.path.join(modules, name), 0o644)
        words += ("--set", "subject.path=" + self.testbed.token_file)
        # A static build finds it all the same, and says that it loads none.
        done = self.assert_codes(words, {"WIF_MODULE_PATH": modules}, 3 if STATIC else 0, 3)
        self.assertIn("unknown provider", done.stderr)

    def test_token_files_that_are_detected(self):
        words = ("get", "--set", "exchange.url=" + self.url())
        self.assert_codes(words, {"OPENAI_IDENTITY_TOKEN_FILE": self.testbed.token_file}, 0, 4)

    def test_trust_anchors(self):
        words = self.get(self.url(scheme="https"))
        for name, about in (("SSL_CERT_FILE", "ca_file"), ("SSL_CERT_DIR", "ca_dir")):
            done = self.assert_codes(words, {name: self.testbed.about[about]}, 0, 6)
            self.assertIn("can't be verified", done.stderr)

    def test_the_files_that_tls_keys_are_written_to(self):
        words = ("--set", "exchange.ca_file=" + self.testbed.about["ca_file"])
        variables = {"SSLKEYLOGFILE": self.path("keys")}
        self.run_wif((*self.get(self.url(scheme="https")), *words), variables, False)
        if os.path.exists(self.path("keys")):
            os.unlink(self.path("keys"))
        done = self.run_wif((*self.get(self.url(scheme="https")), *words), variables, True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.path("keys")))

    def test_proxies(self):
        """Not a path, but a host that the token goes to all the same."""
        with socket.create_server(("127.0.0.1", 0)) as proxy:
            variables = {"https_proxy": "http://127.0.0.1:%d" % proxy.getsockname()[1]}
            words = (*self.get("https://exchange.localhost:1/oauth/token"), "--timeout", "1s")
            self.assertEqual(self.run_wif(words, variables, True).returncode, 6)
            proxy.setblocking(False)
            with self.assertRaises(BlockingIOError):
                proxy.accept()
            self.assertEqual(self.run_wif(words, variables, False).returncode, 6)
            proxy.accept()[0].close()


if os.geteuid() != 0:
    del Raised  # nobody else can run a program with another's privileges


if __name__ == "__main__":
    main()
