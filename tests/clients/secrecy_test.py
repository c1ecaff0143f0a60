# SPDX-License-Identifier: Apache-2.0
"""No token shows: not in what ps sees, on stderr, in files, or in a core."""
import json
import os
import resource
import signal
import stat
import subprocess

from harness import CANARY, Case, main


def read(path):
    with open(path, "rb") as file:
        return file.read()


def name_of(pid):
    return read(f"/proc/{pid}/comm").strip().decode()


def all_named(name):
    """Every process of that name; those that end while we look are none."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            found += [int(entry)] if name_of(entry) == name else []
        except OSError:
            pass
    return found


def unlimited():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


class Secrecy(Case):
    def held(self, process):
        """wif's engine, which the testbed keeps waiting for its answer."""
        self.addCleanup(self.end, process)
        self.testbed.control("wait", path="/oauth/token", count=1)
        engines = [int(word) for word in read(f"/proc/{process.pid}/task/{process.pid}/children").split()]
        self.assertEqual([name_of(pid) for pid in (process.pid, *engines)], ["wif", "wif-engine"])
        return engines[0]

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def secrets(self):
        """Every access token begins with the canary; of the subject token, the whole and its signature."""
        subject = read(self.testbed.token_file).strip()
        return [CANARY.encode(), subject, subject.rsplit(b".", 1)[1]]

    def assert_clean(self, text, what):
        for secret in self.secrets():
            self.assertNotIn(secret, text, what)


class Processes(Secrecy):
    """What ps shows, and /proc to those who may look: arguments and environment."""

    def assert_process_is_clean(self, pid):
        self.assert_clean(read(f"/proc/{pid}/cmdline"), "arguments")
        if os.geteuid() == 0:
            self.assert_clean(read(f"/proc/{pid}/environ"), "environment")
        else:
            self.assertRaises(PermissionError, read, f"/proc/{pid}/environ")

    def await_command(self, process):
        """Until wif is the command, which has the token in its environment, as it was asked to, and nowhere else."""
        while not self.is_command(process.pid):
            self.assertIsNone(process.poll())
        self.assert_clean(read(f"/proc/{process.pid}/cmdline"), "arguments")

    @staticmethod
    def is_command(pid):
        try:
            return name_of(pid) == "sleep" and b"OPENAI_API_KEY=" + CANARY.encode() in read(f"/proc/{pid}/environ")
        except PermissionError:
            return False  # still wif's

    def test_while_an_exchange_goes_on(self):
        self.testbed.control("hold", path="/oauth/token")
        process = self.start("exec", "-vv", "--", "sleep", "600")
        engine = self.held(process)
        self.assert_process_is_clean(process.pid)
        self.assert_process_is_clean(engine)
        self.testbed.control("release")
        self.await_command(process)

    def test_while_a_refresh_goes_on_behind_a_command(self):
        """The engine outlives wif then, and must not have what wif put into its own environment for the command."""
        self.wif("get")
        self.make_stale()
        self.testbed.control("hold", path="/oauth/token")
        process = self.start("exec", "--", "sleep", "600")
        self.addCleanup(self.end, process)
        self.await_command(process)
        self.testbed.control("wait", path="/oauth/token", count=1)
        engines = all_named("wif-engine")
        if os.geteuid() == 0:  # then ours can be told from those of tests that run beside this one
            engines = [pid for pid in engines if self.cache.encode() in read(f"/proc/{pid}/environ")]
            self.assertEqual(len(engines), 1)
        for pid in engines:
            self.assert_process_is_clean(pid)
        self.testbed.control("release")


class Output(Secrecy):
    """stderr at its most talkative; what a server says back is no exception."""

    def runs(self):
        """(fault, answer) of every kind of ending."""
        subject = read(self.testbed.token_file).decode().strip()
        leak = {"path": "/oauth/token", "times": -1, "content_type": "application/json",
                "headers": {"x-request-id": subject, "Location": "https://x.example/" + subject, "Retry-After": subject}}
        quoting = {"error": "bad " + subject, "error_description": f"{subject} and {CANARY}{'x' * 40}"}
        for fault in ("", "status=401", "status=500", "status=503,retry_after=99", "reset", "truncate", "invalid_json", "html",
                      "empty_token", "unsafe_token", "token_type=N_A", "expires_in=-1"):
            yield fault, None
        for status in (200, 307, 400, 429, 500):
            yield "", {**leak, "status": status, "body": json.dumps(quoting)}
        yield "", {**leak, "status": 200, "body": json.dumps({"access_token": f"{CANARY}{'y' * 40}", "token_type": subject})}
        yield "", {**leak, "status": 200, "body": subject}

    def test_of_successes_and_failures(self):
        codes = set()
        for number, (fault, answer) in enumerate(self.runs()):
            for form in ("text", "json"):
                with self.subTest(fault=fault, answer=answer and answer["status"], form=form):
                    self.testbed.control("reset")
                    if answer:
                        self.testbed.control("config", answers=[answer])
                    done = subprocess.run([*self.arguments(("get", "-vv", "--log-format", form, "--timeout", "2s"), fault),
                                           "--set", f"exchange.client_id=c{number}{form}"], env=self.env, check=False,
                                          stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
                    codes.add(done.returncode)
                    self.assertGreater(len(done.stderr), 100)
                    self.assert_clean(done.stderr, "stderr")
                    if done.returncode:
                        self.assertEqual(done.stdout, b"")
                    if form == "json":
                        for line in done.stderr.splitlines():
                            json.loads(line)
        self.assertEqual(codes, {0, 5, 6})
        self.assert_cache_is_clean()

    def assert_cache_is_clean(self):
        """A record has its access token and nothing of the subject token; no other file has anything."""
        kinds = set()
        for name in os.listdir(self.cache):
            path = os.path.join(self.cache, name)
            kinds.add(os.path.splitext(name)[1])
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, name)
            text = read(path)
            if name.endswith(".json"):
                self.assertEqual(text.count(CANARY.encode()), 1)
                text = text.replace(CANARY.encode(), b"")
            self.assert_clean(text, name)
        self.assertEqual(kinds, {".json", ".failure", ".lock"})

    def test_files_while_an_exchange_goes_on(self):
        before = set(os.listdir(self.folder))
        self.testbed.control("hold", path="/oauth/token")
        process = self.start("get")
        self.held(process)
        self.assertEqual(set(os.listdir(self.folder)) - before, {"cache"})
        self.assertEqual({os.path.splitext(name)[1]: read(os.path.join(self.cache, name)) for name in os.listdir(self.cache)},
                         {".lock": b""})
        self.testbed.control("release")
        self.assertEqual(self.finish(process).returncode, 0)
        self.assertEqual(set(os.listdir(self.folder)) - before, {"cache"})


class Cores(Secrecy):
    """As somebody who isn't root, since nothing is hidden from root; with no limit on cores but what wif sets itself."""

    def setUp(self):
        super().setUp()
        self.be_ordinary()

    def start_wif(self):
        self.testbed.control("hold", path="/oauth/token")
        process = self.start("get", cwd=self.env["HOME"], preexec_fn=unlimited)
        return process, self.held(process)

    def may_look(self, pid):
        """Whether another process of the same user gets at its memory, as a debugger would."""
        done = subprocess.run(["head", "-c", "1", f"/proc/{pid}/environ"], stdin=subprocess.DEVNULL, capture_output=True,
                              check=False, **self.user)
        owner = os.stat(f"/proc/{pid}/mem").st_uid
        self.assertEqual(owner == 0, done.returncode != 0)  # proc(5): root's, unless it may be dumped
        return done.returncode == 0

    def test_no_debugger_gets_at_them(self):
        other = subprocess.Popen(["sleep", "600"], **self.user)
        self.addCleanup(self.end, other)
        while name_of(other.pid) != "sleep":
            os.sched_yield()
        self.assertTrue(self.may_look(other.pid))
        process, engine = self.start_wif()
        for pid in (process.pid, engine):
            self.assertFalse(self.may_look(pid))
            done = subprocess.run(["gcore", "-o", self.env["HOME"] + "/taken", str(pid)], cwd=self.env["HOME"],
                                  stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60, **self.user)
            self.assertNotEqual(done.returncode, 0)
        self.assertEqual(os.listdir(self.env["HOME"]), ["cache"])

    def test_no_limit_lets_them_dump(self):
        process, engine = self.start_wif()
        self.assertEqual(self.core_limits(process.pid)[0], "0")  # the other one is for the command that wif may become
        self.assertEqual(self.core_limits(engine), ["0", "0"])

    @staticmethod
    def core_limits(pid):
        lines = read(f"/proc/{pid}/limits").decode().splitlines()
        return next(line for line in lines if line.startswith("Max core file size")).split()[4:6]

    def test_none_is_left_when_they_abort(self):
        process, engine = self.start_wif()
        os.kill(engine, signal.SIGABRT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (70, ""), err)
        self.assert_no_token(err)
        process, _ = self.start_wif()
        os.kill(process.pid, signal.SIGABRT)
        status = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self.assertEqual((status.si_code, status.si_status), (os.CLD_KILLED, signal.SIGABRT))  # not CLD_DUMPED
        self.assertEqual(os.listdir(self.env["HOME"]), ["cache"])

    def test_a_command_has_its_own_limit_again(self):
        out = self.finish(self.start("exec", "--", "sh", "-c", "ulimit -c", preexec_fn=unlimited)).stdout
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        self.assertEqual(out.strip(), "unlimited" if hard == resource.RLIM_INFINITY else str(hard // 512))


if __name__ == "__main__":
    main()
