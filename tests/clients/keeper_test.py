# SPDX-License-Identifier: Apache-2.0
"""Credentials kept fresh by one process that stays: `wif write --watch` and `wif exec --refresh-file`."""
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time

from harness import CANARY, Case, main


class Keeper(Case):
    def setUp(self):
        super().setUp()
        self.output = os.path.join(self.folder, "token-out")

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def await_that(self, wanted):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = wanted()
            if found:
                return found
            os.sched_yield()
        return self.fail("it did not come")

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        done = self.finish(process)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done


class Write(Keeper):
    def two_profiles(self, second="sa_scoped"):
        self.config("".join(f'[profiles.{name}]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                            f'exchange = {{ url = "{self.url()}", identity_provider_id = "idp_testbed", '
                            f'service_account_id = "{account}" }}\n'
                            for name, account in (("one", "sa_testbed"), ("two", second))))
        folder = os.path.join(self.folder, "tokens")
        os.mkdir(folder)
        return folder

    def keep_all(self, folder, *words):
        return subprocess.Popen([self.program, "write", "--all", "--output", folder, "--watch", *words], env=self.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_all_writes_a_file_for_each_profile(self):
        folder = self.two_profiles()
        self.plain("write", "--all", "--output", folder)
        self.assertEqual(sorted(os.listdir(folder)), ["one", "two"])
        for name in ("one", "two"):
            path = os.path.join(folder, name)
            self.assertEqual(self.testbed.models(self.read(path)), 200)
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertNotEqual(self.read(os.path.join(folder, "one")), self.read(os.path.join(folder, "two")))

    def test_all_writes_what_it_can_and_fails_for_the_rest(self):
        folder = self.two_profiles(second="sa_unknown")
        done = self.plain("write", "--all", "--output", folder, code=6)
        self.assertEqual(os.listdir(folder), ["one"])
        self.assertIn("HTTP 500", done.stderr)

    def test_one_process_keeps_all_and_says_how_it_goes(self):
        folder = self.two_profiles(second="sa_unknown")
        health = os.path.join(self.folder, "health.json")
        process = self.keep_all(folder, "--health", health)
        one = self.await_file(os.path.join(folder, "one"))
        said = json.loads(self.await_file(health, lambda text: "HTTP 500" in text))
        self.assertFalse(said["healthy"])
        self.assertEqual([row["profile"] for row in said["profiles"]], ["one", "two"])
        self.assertIsNone(said["profiles"][0]["error"])
        self.assertNotIn(CANARY, json.dumps(said))
        self.testbed.control("config", mappings=[{"service_account": account, "rows": {"sub": "system:serviceaccount:default:*"}}
                                                 for account in ("sa_testbed", "sa_unknown")])
        self.await_file(os.path.join(folder, "two"))
        self.assertTrue(json.loads(self.await_file(health, lambda text: '"healthy":true' in text)))
        process.send_signal(signal.SIGHUP)
        self.await_file(os.path.join(folder, "one"), lambda text: text != one)
        self.assertIn("profile 'two'", self.end(process).stderr)

    def test_a_token_file_that_changes_is_followed_at_once(self):
        process = self.start("write", "--output", self.output, "--watch")
        first = self.await_file(self.output)
        self.testbed.control("config", mappings=[{"rows": {"sub": "system:serviceaccount:default:*"}}])
        self.testbed.mint(claims={"sub": "system:serviceaccount:default:another"})
        second = self.await_file(self.output, lambda text: text != first)
        self.assertEqual(self.testbed.models(second), 200)
        self.end(process)

    def test_a_swap_of_links_as_the_kubelets_is_followed(self):
        volume = os.path.join(self.folder, "volume")
        for name, account in (("..1", "openai-wif"), ("..2", "another")):
            os.makedirs(os.path.join(volume, name))
            with open(os.path.join(volume, name, "token"), "w", encoding="ascii") as file:
                file.write(self.testbed.control("mint", claims={"sub": "system:serviceaccount:default:" + account}))
        os.symlink("..1", os.path.join(volume, "..data"))
        os.symlink("..data/token", os.path.join(volume, "token"))
        self.testbed.control("config", mappings=[{"rows": {"sub": "system:serviceaccount:default:*"}}])
        self.env["OPENAI_IDENTITY_TOKEN_FILE"] = os.path.join(volume, "token")
        process = self.start("write", "--output", self.output, "--watch")
        first = self.await_file(self.output)
        os.symlink("..2", os.path.join(volume, "..data_tmp"))
        os.rename(os.path.join(volume, "..data_tmp"), os.path.join(volume, "..data"))
        self.await_file(self.output, lambda text: text != first)
        self.end(process)

    def test_a_token_file_that_is_not_there_yet_is_waited_for(self):
        """Not by trying ever more slowly only: its folder is watched."""
        source = os.path.join(self.folder, "volume")
        os.mkdir(source)
        health = os.path.join(self.folder, "health.json")
        self.env["OPENAI_IDENTITY_TOKEN_FILE"] = os.path.join(source, "token")
        process = self.start("write", "--output", self.output, "--watch", "--health", health)
        self.await_file(health, lambda text: "No such file" in text)
        self.await_that(lambda: self.watched(process.pid) == {os.stat(source).st_ino})
        with open(source + "/new", "w", encoding="ascii") as file:
            file.write(self.read(self.testbed.token_file))
        os.rename(source + "/new", source + "/token")
        self.assertEqual(self.testbed.models(self.await_file(self.output)), 200)
        self.assertIn("No such file", self.end(process).stderr)

    def watched(self, pid):
        """The inodes that it has inotify look at."""
        found = set()
        for name in os.listdir(f"/proc/{pid}/fdinfo"):
            lines = self.read(f"/proc/{pid}/fdinfo/{name}").splitlines()
            found.update(int(line.split("ino:")[1].split()[0], 16) for line in lines if line.startswith("inotify "))
        return found

    def test_the_service_manager_is_told(self):
        for address in (os.path.join(self.folder, "notify"), "@wif-test-" + os.path.basename(self.folder)):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(address.replace("@", "\0", 1))
                manager.settimeout(60)
                self.env.update(NOTIFY_SOCKET=address, WATCHDOG_USEC="2000000")
                process = self.start("write", "--output", self.output, "--watch")
                said = []
                while not (any("READY=1" in one for one in said) and said.count("WATCHDOG=1") > 1):
                    said.append(manager.recv(4096).decode())
                self.end(process)
                while said[-1] != "STOPPING=1":
                    said.append(manager.recv(4096).decode())
                self.assertIn("STATUS=1 kept fresh", "\n".join(said))

    def test_mistakes_are_named(self):
        for words, code, expected in ((("write", "--output", "x", "--health", "y"), 2, "--watch"),
                                      (("write", "--all", "--output", "x", "-p", "y"), 2, "--all and --profile"),
                                      (("write", "--all", "--output", self.folder), 3, "no configuration file has a profile"),
                                      (("exec", "--format", "raw", "--", "true"), 2, "--refresh-file")):
            self.assertIn(expected, self.plain(*words, code=code).stderr)


class Exec(Keeper):
    def as_command(self, text):
        path = os.path.join(self.folder, "program.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write("import os, signal\n" + text)
        return [sys.executable, path]

    def supervise(self, *words, program):
        return self.start("exec", "--refresh-file", self.output, *words, "--", *self.as_command(program))

    def renewed(self):
        """Makes the kept token due by a new identity in its file."""
        self.testbed.control("config", mappings=[{"rows": {"sub": "system:serviceaccount:default:*"}}])
        self.testbed.mint(claims={"sub": "system:serviceaccount:default:another"})

    def test_a_command_is_signalled_when_its_token_changed(self):
        log = os.path.join(self.folder, "log")
        process = self.supervise("--on-refresh", "USR1", program=f"""
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGUSR1}})
if os.environ["OPENAI_API_KEY"] == open("{self.output}").read():
    print("ready", flush=True)
signal.sigwait({{signal.SIGUSR1}})
open("{log}", "w").write(open("{self.output}").read())
raise SystemExit(7)
""")
        self.assertEqual(process.stdout.readline(), "ready\n")
        first = self.read(self.output)
        self.renewed()
        done = self.finish(process)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertNotEqual(self.read(log), first)
        self.assertEqual(self.testbed.models(self.read(log)), 200)

    def test_or_a_shell_command_runs(self):
        told, pipe = os.path.join(self.folder, "told"), os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        process = self.supervise("--on-refresh", f"cp {self.output} {told}; echo done > {pipe}",
                                 program=f'print("ready", flush=True)\nopen("{pipe}").read()\n')
        self.assertEqual(process.stdout.readline(), "ready\n")
        self.renewed()
        self.assertEqual(self.finish(process).returncode, 0)
        self.assertEqual(self.testbed.models(self.read(told)), 200)

    def test_its_exit_code_and_death_are_ours(self):
        self.assertEqual(self.finish(self.supervise(program="raise SystemExit(42)")).returncode, 42)
        done = self.finish(self.supervise(program="os.kill(os.getpid(), signal.SIGKILL)"))
        self.assertEqual(done.returncode, 128 + signal.SIGKILL)
        process = self.start("exec", "--refresh-file", self.output, "--", "/no/such/program")
        self.assertEqual(self.finish(process).returncode, 127)

    WAITS = """
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
print("ready", flush=True)
while (taken := signal.sigwait({signal.SIGTERM, signal.SIGHUP})) == signal.SIGHUP:
    print("hup", flush=True)
print("ended", flush=True)
raise SystemExit(3)
"""

    def test_signals_are_its_own(self):
        process = self.supervise(program=self.WAITS)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.stdout.readline(), "hup\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).returncode, 3)

    def test_a_killed_supervisor_leaves_no_command_behind(self):
        process = self.supervise(program=self.WAITS)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.kill()
        self.assertEqual(process.communicate(timeout=60)[0], "ended\n")
        # An orphan that ends with 3, as it was written to.
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(-1, 0)[1]), 3)

    def test_without_a_token_it_is_not_started(self):
        started = os.path.join(self.folder, "started")
        process = self.start("exec", "--refresh-file", self.output, "--", "touch", started, fault="status=401")
        self.assertEqual(self.finish(process).returncode, 5)
        self.assertFalse(os.path.exists(started))


if __name__ == "__main__":
    main()
