# SPDX-License-Identifier: Apache-2.0
"""Runs the testbed and wif for the client and fault tests. Standard library only.

WIF_BUILD names the build tree. Every output that wif gives, but for an answer's own stdout, is searched for the
testbed's canary tokens and for the subject token. A case ends when the last process that it started has ended, and
fails if one of them made a sanitizer report: an engine in the background has no stderr that would show it.
"""
import ctypes
import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from urllib.parse import urlsplit

BUILD = os.environ["WIF_BUILD"]
WIF = os.path.join(BUILD, "bin", "wif")
TESTBED = os.path.join(BUILD, "tests", "testbed", "wif-testbed")
MODULES = os.path.join(BUILD, "tests", "modules")
CANARY = "wif-canary-at-"
SANITIZERS = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
NOBODY = 65534
SKIPPED = 77  # ctest counts it
STATIC = os.environ.get("WIF_TEST_STATIC") == "ON"  # the build of packaging/static


# How much longer than as released a build with sanitizers is given for the same work.
PATIENCE = int(os.environ.get("WIF_TEST_PATIENCE", "1"))


def patient(words):
    """The same words, with what --timeout says multiplied by PATIENCE."""
    return [f"{int(word[:-1]) * PATIENCE}s" if before == "--timeout" and word[:-1].isdigit() and word[-1] == "s" else word
            for before, word in zip(("", *words), words)]


def install(folder):
    """The build tree's programs where everybody may run them; returns wif's path."""
    for name in ("bin", "libexec", "lib"):
        shutil.copytree(os.path.join(BUILD, name), os.path.join(folder, name))
    return os.path.join(folder, "bin", "wif")


def trusted(folder):
    """Whether only root or we can write there and above: what wif asks of a module's folder."""
    while True:
        info = os.stat(folder)
        if info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022:
            return False
        if folder == "/":
            return True
        folder = os.path.dirname(folder)


class Testbed:
    """A running wif-testbed; ends when its standard input does."""

    def __init__(self, folder):
        self.token_file = os.path.join(folder, "token")
        self.process = subprocess.Popen(
            [TESTBED, "--until-eof", "--state", os.path.join(folder, "testbed"), "--write-token", self.token_file],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.about = json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait()
        self.process.stdout.close()
        assert code == 0, f"wif-testbed ended with {code}"

    def call(self, path, body=None):
        connection = http.client.HTTPConnection(urlsplit(self.about["http"]).netloc, timeout=60)
        connection.request("POST", path, json.dumps(body or {}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, f"{path}: {answer.status} {text}"
        return text

    def control(self, verb, **body):
        text = self.call("/control/" + verb, body)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def exchanges(self):
        """How many requests the token endpoint has had."""
        return self.control("counts")["paths"].get("/oauth/token", 0)

    def get(self, path, headers=None):
        """The answer, and its text."""
        connection = http.client.HTTPConnection(urlsplit(self.about["http"]).netloc, timeout=60)
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    def models(self, token):
        """The status of an API call with that token."""
        return self.get("/v1/models", {"Authorization": "Bearer " + token})[0].status

    def keys(self):
        """The issuer's."""
        return json.loads(self.get("/openid/v1/jwks")[1])["keys"]

    def mint(self, **options):
        """A new token in the token file, replaced atomically; returns it."""
        token = self.control("mint", **options)
        with open(self.token_file + ".new", "w", encoding="ascii") as file:
            file.write(token)
        os.rename(self.token_file + ".new", self.token_file)
        return token


class Changes:
    """Of the names in a folder and the files behind them, from now on (inotify(7))."""
    MASK = 0x2 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400  # modified, written, moved, created, deleted; or the folder itself is

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(folder), self.MASK) < 0:
            raise OSError(ctypes.get_errno(), "inotify", folder)

    def wait(self, seconds):
        """Whether there was one within that time."""
        return bool(select.select([self.fd], [], [], max(0, seconds))[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)


class Case(unittest.TestCase):
    """A testbed, a scratch home and a wif whose environment holds nothing of ours."""
    orphans_end_with = (0, signal.SIGKILL)  # wait statuses

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="wif-client-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.assert_no_reports)
        self.addCleanup(self.wait_for_orphans)
        self.testbed = Testbed(self.folder)
        self.addCleanup(self.testbed.stop)
        self.cache = os.path.join(self.folder, "cache")
        self.program, self.user = WIF, {}
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": self.folder,
            "WIF_CACHE_DIR": self.cache,
            "OPENAI_IDENTITY_PROVIDER_ID": "idp_testbed",
            "OPENAI_SERVICE_ACCOUNT_ID": "sa_testbed",
            "OPENAI_IDENTITY_TOKEN_FILE": self.testbed.token_file,
        }
        for name in SANITIZERS:
            self.sanitizer_option(name, "log_path=" + os.path.join(self.folder, "report"))

    def sanitizer_option(self, name, option):
        self.env[name] = self.env.get(name, os.environ.get(name, "")) + ":" + option

    def wait_for_orphans(self):
        """Engines that outlive their wif are ours to wait for; each ends by itself, and well unless a test killed it."""
        deadline = time.monotonic() + 60
        former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        self.addCleanup(signal.pthread_sigmask, signal.SIG_SETMASK, former)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid != 0:
                self.assertIn(status, self.orphans_end_with)
            else:
                self.assertLess(time.monotonic(), deadline, "a process that the test started does not end")
                signal.sigtimedwait({signal.SIGCHLD}, 1)  # not for ever: another thread may have taken it

    def assert_no_reports(self):
        for name in os.listdir(self.folder):
            if name.startswith("report."):
                with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
                    self.fail("a sanitizer's report:\n" + file.read())

    def url(self, fault=None, scheme="http"):
        return self.testbed.about[scheme] + "/oauth/token" + ("?fault=" + fault if fault else "")

    def arguments(self, words, fault=None):
        return [self.program, *words[:1], "--set", "exchange.url=" + self.url(fault), *patient(words[1:])]

    def start(self, *words, fault=None, **options):
        return subprocess.Popen(self.arguments(words, fault), env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **self.user, **options)

    def finish(self, process):
        out, err = process.communicate(timeout=120)
        self.assert_no_token(err)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def wif(self, *words, fault=None, code=0):
        """Runs wif to its end, and asserts its exit code."""
        done = self.finish(self.start(*words, fault=fault))
        self.assertEqual(done.returncode, code, f"{words}\nstdout: {len(done.stdout)} bytes\nstderr: {done.stderr}")
        if code != 0:
            self.assertEqual(done.stdout, "")
            self.assertLessEqual(len(done.stderr.splitlines()), 2, done.stderr)
        return done

    def plain(self, *words, code=0):
        """The same without --set: for commands and files that say it all."""
        done = subprocess.run([self.program, *patient(words)], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, check=False, **self.user)
        self.assert_no_token(done.stderr)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}\n{done.stderr}")
        return done

    def be_ordinary(self):
        """From here on wif has no privileges, and a home of its own: what root may do hides what others may not."""
        home = os.path.join(self.folder, "home")
        os.mkdir(home, 0o700)
        self.cache = os.path.join(home, "cache")
        self.env.update(HOME=home, WIF_CACHE_DIR=self.cache)
        # LeakSanitizer looks as a debugger does, and is kept out like one.
        self.sanitizer_option("ASAN_OPTIONS", "detect_leaks=0")
        if os.geteuid() == 0:
            self.program = install(os.path.join(self.folder, "prefix"))
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chmod(self.folder, 0o1777)  # a sanitizer's report goes there
            os.chmod(self.testbed.token_file, 0o644)
            os.chown(home, NOBODY, NOBODY)

    def token(self, *words, **options):
        return json.loads(self.wif("get", *words, **options).stdout)["access_token"]

    def assert_no_token(self, text):
        self.assertNotIn(CANARY, text)
        with open(self.testbed.token_file, encoding="ascii") as file:
            subject = file.read().strip()
        if subject:
            self.assertNotIn(subject, text)
            self.assertNotIn(subject.split(".")[-1] or "no signature", text)

    def records(self):
        return [name for name in os.listdir(self.cache) if name.endswith(".json")] if os.path.isdir(self.cache) else []

    def make_stale(self):
        """As if the time to refresh them had come for all records."""
        for name in self.records():
            with open(os.path.join(self.cache, name), "r+", encoding="utf-8") as file:
                record = json.load(file)
                record["refresh_at"] = 0
                file.seek(0)
                file.truncate()
                json.dump(record, file)

    def drop_in(self, *files):
        """A trusted folder with copies of them, which wif looks for modules in."""
        places = [os.path.expanduser("~"), os.getcwd(), "/run", "/var/lib"]
        place = next(place for place in places if os.access(place, os.W_OK) and trusted(os.path.realpath(place)))
        folder = os.path.realpath(tempfile.mkdtemp(prefix="wif-modules-", dir=place))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for file in files:
            os.chmod(shutil.copy(file, folder), 0o644)
        self.env["WIF_MODULE_PATH"] = folder
        return folder

    def cached_token(self):
        """The one in the cache's only record: what was given out last."""
        [name] = self.records()
        with open(os.path.join(self.cache, name), encoding="utf-8") as file:
            return json.load(file)["credential"]["access_token"]

    def await_expiry(self):
        """Of the cached token; the next one lives longer."""
        self.testbed.control("config", expires_in=None)
        self.testbed.control("wait_expiry", token=self.cached_token())

    def await_file(self, path, wanted=bool):
        """What is in it, once that is as wanted. The kernel tells when something changed in its folder (or where that is to come)."""
        deadline = time.monotonic() + 60 * PATIENCE
        while True:
            folder = os.path.dirname(path)
            while not os.path.isdir(folder):
                folder = os.path.dirname(folder)
            with Changes(folder) as changes:
                try:
                    with open(path, encoding="utf-8") as file:
                        text = file.read()
                    if wanted(text):
                        return text
                except FileNotFoundError:
                    pass
                if not changes.wait(deadline - time.monotonic()):
                    self.fail(f"{path} is not as it is wanted")

    def await_waiters(self, count):
        """Returns when so many are blocked in flock(2): /proc/locks marks them with an arrow. Nothing tells of that."""
        give_up = time.monotonic() + 200
        while self.waiters() < count:
            self.assertLess(time.monotonic(), give_up, "so many never came to wait")
            time.sleep(0.05)

    def waiters(self):
        if not os.path.isdir(self.cache):
            return 0  # the first of them hasn't come that far
        locks = [name for name in os.listdir(self.cache) if name.endswith(".lock")]
        inodes = {os.stat(os.path.join(self.cache, name)).st_ino for name in locks}
        with open("/proc/locks", encoding="ascii") as lines:
            rows = [line.split() for line in lines]
        return sum(row[1] == "->" and int(row[6].split(":")[2]) in inodes for row in rows)

    def config(self, text):
        path = os.path.join(self.folder, "config.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.env["WIF_CONFIG"] = path
        return path


def main():
    become_subreaper = 36  # PR_SET_CHILD_SUBREAPER
    if ctypes.CDLL(None, use_errno=True).prctl(become_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    result = unittest.main(verbosity=2, exit=False).result
    if result.wasSuccessful() and result.skipped:
        sys.exit(SKIPPED)
    sys.exit(not result.wasSuccessful())
