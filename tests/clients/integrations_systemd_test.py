# SPDX-License-Identifier: Apache-2.0
"""`wif systemd` under systemd-socket-activate, asked as PID 1 asks for LoadCredential=; and the units of packaging/systemd."""
import glob
import os
import re
import shlex
import socket
import subprocess
import tempfile
import threading
import unittest

import cached
from harness import BUILD, CANARY, NOBODY, PATIENCE, SANITIZERS, WIF, main
from hosting import HostCase
from integrating import INTEGRATIONS

CREDENTIAL_LIMIT = 1 << 20  # what systemd takes
# In tenths. 1.4 on Debian 12; other versions weigh a little otherwise.
MOST_EXPOSED = 20
UNITS = ("wif-credential.socket", "wif-credential@.service", "wif-write.service", "wif-write@.service")
PREFIX = None


def setUpModule():
    global PREFIX
    for program in ("systemd-socket-activate", "systemd-analyze"):
        cached.run("systemd (Debian has it)", ["sh", "-c", program + " --version"])
    folder = tempfile.TemporaryDirectory(prefix="wif-prefix-")  # pylint: disable=consider-using-with
    unittest.addModuleCleanup(folder.cleanup)
    subprocess.run(["cmake", "--install", BUILD, "--prefix", folder.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    PREFIX = folder.name


def unit(name):
    return os.path.join(PREFIX, "lib", "systemd", "system", name)


def settings(path, key):
    """The values of that key in a unit file."""
    with open(path, encoding="utf-8") as file:
        return [line.partition("=")[2].strip() for line in file if line.startswith(key + "=")]


def ask(address, name, read=True):
    """As systemd does: bound to a name in the abstract namespace, with nothing to say, to the end. `name`: None for no name."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60 * PATIENCE)
        if name is not None:
            connection.bind(name)
        connection.connect(address)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while read and (more := connection.recv(1 << 16)):
            answer += more
        return answer


def name_of(unit_name="app.service", credential="openai", random="8e1619ddc9da6b35"):
    return f"\0{random}/unit/{unit_name}/{credential}".encode()


class Activated:
    """systemd-socket-activate with a command for each connection; `log` has what it and they say."""

    def __init__(self, address, command, env, **options):
        self.address = address
        shown = [word for name in sorted(env) for word in ("-E", f"{name}={env[name]}")]
        self.process = subprocess.Popen(["systemd-socket-activate", "-l", address, "--accept", "--inetd", *shown, *command], env=env,
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)
        self.log, self.ended, self.news = [], 0, threading.Condition()
        for line in self.process.stderr:
            if line.startswith("Listening on"):
                break
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            with self.news:
                self.log.append(line)
                self.ended += bool(re.match(r"Child \d+ died with code", line))
                self.news.notify_all()

    def await_end(self):
        """The exit code of the next connection's process, and what was said since the last."""
        with self.news:
            assert self.news.wait_for(lambda: self.ended > 0, 60 * PATIENCE), self.log
            self.ended -= 1
            said, self.log = "".join(self.log), []
        return int(re.search(r"died with code (\d+)", said).group(1)), said

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()


class SystemdCase(HostCase):
    def setUp(self):
        super().setUp()
        self.serve(name="prod")
        self.table = os.path.join(INTEGRATIONS, "systemd", "units")
        self.start_socket("--units", self.table)

    def start_socket(self, *words):
        self.activate([WIF, "systemd", *words])

    def activate(self, command):
        if hasattr(self, "socket"):
            self.socket.stop()
            os.unlink(self.socket.address)
        else:
            self.addCleanup(lambda: self.socket.stop())
        names = ("PATH", "HOME", "WIF_CONFIG", "WIF_CACHE_DIR", *SANITIZERS)
        self.socket = Activated(self.path("credential.sock"), command, {name: self.env[name] for name in names if name in self.env})

    def asked(self, name, code=0):
        """What systemd reads, and what the journal says."""
        answer = ask(self.socket.address, name)
        ended, said = self.socket.await_end()
        self.assert_no_token(said)
        self.assertEqual(ended, code, said)
        return answer.decode(), said

    def refused(self, name, code, *reasons):
        answer, said = self.asked(name, code)
        self.assertEqual(answer, "")
        for reason in reasons:
            self.assertIn(reason, said)


class Credential(SystemdCase):
    def test_a_unit_gets_its_token(self):
        token, _ = self.asked(name_of())
        self.assertTrue(self.accepts(token), "the token, and no line end")
        self.assertEqual(self.asked(name_of(random="1"))[0], token)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_the_example(self):
        """app.service's own LoadCredential= is asked for, and its command run with what comes."""
        example = os.path.join(INTEGRATIONS, "systemd", "app.service")
        [(credential, _, address)] = [value.partition(":") for value in settings(example, "LoadCredential")]
        [listens] = settings(unit("wif-credential.socket"), "ListenStream")
        self.assertEqual(address, listens.replace("%t", "/run"))
        os.mkdir(self.path("credentials"))
        self.write("credentials/" + credential, self.asked(name_of("app.service", credential))[0])
        program = self.write("app", '#!/bin/sh\nprintf %s "$OPENAI_API_KEY"\n')
        os.chmod(program, 0o755)
        [command] = settings(example, "ExecStart")
        words = shlex.split(command.replace("$$", "$").replace("/usr/bin/app", program))
        done = self.client(*words, env={"CREDENTIALS_DIRECTORY": self.path("credentials")})
        self.assertTrue(self.accepts(done.stdout))

    def test_each_unit_its_profile(self):
        self.serve(name="prod", more=f'[profiles.batch]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                   'exchange = { kind = "none" }\n')
        prod, _ = self.asked(name_of())
        batch, _ = self.asked(name_of("worker@3.service"))
        self.assertTrue(self.accepts(prod))
        with open(self.testbed.token_file, encoding="ascii") as file:
            self.assertEqual(batch, file.read().strip())

    def test_a_token_past_its_half_is_exchanged_first(self):
        first, _ = self.asked(name_of())
        self.age(1900)
        second, _ = self.asked(name_of())
        self.assertNotEqual(second, first)
        self.assertTrue(self.accepts(second))
        self.age(7200)
        self.assertTrue(self.accepts(self.asked(name_of())[0]))
        self.assertEqual(self.testbed.exchanges(), 3)

    def test_a_revoked_token_is_forgotten_by_hand(self):
        first, _ = self.asked(name_of())
        self.testbed.control("revoke")
        self.plain("cache", "clear", "-p", "prod")
        second, _ = self.asked(name_of())
        self.assertTrue(self.accepts(second))
        self.assertNotEqual(second, first)

    def test_a_pair_of_aws_keys_is_none(self):
        self.serve(name="tokens", more=f'[profiles.prod]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\nexchange = {{ '
                   f'kind = "aws-sts", url = "{self.testbed.about["http"]}/", role_arn = "arn:aws:iam::123456789012:role/web" }}\n')
        self.refused(name_of(), 2, "pair of AWS keys")

    def test_many_at_once(self):
        answers = []

        def one(number):
            answers.append(ask(self.socket.address, name_of(random=f"{number:x}")))

        threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 21)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 20)
        self.assertEqual(len(set(answers)), 1)
        self.assertTrue(self.accepts(answers[0].decode()))
        self.assertEqual(self.testbed.exchanges(), 1)


class Failure(SystemdCase):
    def test_a_failing_exchange_is_an_empty_answer_and_its_cause_is_told(self):
        self.testbed.mint(ttl=-60, age=3600)
        self.refused(name_of(), 4, "expired")

    def test_the_shipped_unit_fails_the_start(self):
        """More than systemd takes, and not a byte of a token."""
        self.start_socket("--units", self.table, "--fail-start")
        self.testbed.mint(ttl=-60, age=3600)
        answer, said = self.asked(name_of(), 4)
        self.assertEqual(answer, "\0" * (CREDENTIAL_LIMIT + 1))
        self.assertIn("expired", said)
        self.assertNotIn("Broken pipe", said)
        self.testbed.mint()
        self.assertTrue(self.accepts(self.asked(name_of())[0]))

    def test_who_reads_no_further_makes_no_noise(self):
        """systemd closes as soon as there is too much. PID 1 starts its services with SIGPIPE ignored."""
        self.activate(["sh", "-c", 'trap "" PIPE; exec "$@"', "sh", WIF, "systemd", "--units", "/nonexistent", "--fail-start"])
        ask(self.socket.address, name_of(), read=False)
        code, said = self.socket.await_end()
        self.assertEqual(code, 3, said)
        self.assertIn("cannot read /nonexistent", said)
        self.assertNotIn("standard output", said)

    def test_an_exchange_that_fails_while_a_token_is_good_enough(self):
        first, _ = self.asked(name_of())
        self.age(2400)
        self.testbed.mint(ttl=-60, age=3600)
        again, said = self.asked(name_of())
        self.assertEqual(again, first)
        self.assertIn("good for", said)

    def test_a_profile_that_is_not_there(self):
        self.refused(name_of("worker@1.service"), 3, 'there is no profile "batch"')

    def test_a_table_that_is_not_there(self):
        self.start_socket("--units", self.path("none"))
        self.refused(name_of(), 3, f"cannot read {self.path('none')}: No such file")

    def test_a_mistake_in_the_table(self):
        self.table = self.write("table", "app.service openai prod\n\nworker.service openai\n")
        self.start_socket("--units", self.table)
        self.refused(name_of(), 3, f"{self.table}:3: not three words", "UNIT CREDENTIAL PROFILE")


class Hostile(SystemdCase):
    def tearDown(self):
        self.assertEqual(self.testbed.exchanges(), 0)
        super().tearDown()

    def test_a_unit_or_credential_that_is_not_named(self):
        for name in (name_of("other.service"), name_of(credential="other"), name_of("app.service.service"), name_of("app.socket"),
                     name_of("xapp.service"), name_of("APP.service"), name_of("worker@.service"), name_of("worker@1.timer"),
                     name_of("worker.service"), name_of("xworker@1.service")):
            with self.subTest(name):
                self.refused(name, 3, "has no line for the credential")

    def test_a_name_that_is_none_of_systemds(self):
        for name in (None, b"\0app.service/openai", b"\x001/unit/app.service", b"\x001/unit//openai", b"\x001/unit/app.service/",
                     b"\0/unit/app.service/openai", b"\0xyz/unit/app.service/openai", b"\x0012345678901234567/unit/app.service/openai",
                     b"\x001/user/app.service/openai", b"\x001/unit/app.service/openai/", b"\x001/unit/app.service/openai\n",
                     b"\x001/unit/app.service/openai\0", b"\x001/unit/app.service/../openai", b"\x001/unit/*.service/openai",
                     b"\x001/unit/worker@*.service/openai", b"\x001/unit/app.service\nx/openai", b"\x001/unit/\xff.service/openai",
                     b"\0" + b"a" * 107):
            with self.subTest(name):
                self.refused(name, 2, "the peer is no unit")

    def test_a_name_in_the_file_system(self):
        os.makedirs(self.path("1/unit/app.service"))
        self.refused(self.path("1/unit/app.service/openai").encode(), 2, "the peer is no unit")

    def test_another_user(self):
        """Only root can be two users; for others the rule itself is tried."""
        if os.geteuid() != 0:
            done = subprocess.run([os.path.join(BUILD, "tests", "unit", "wif_unit_tests"), "--gtest_brief=1", "--gtest_filter=SystemdPeer.*"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            self.assertRegex(done.stdout, r"PASSED  \] [1-9]")
            return
        os.chmod(self.folder, 0o755)
        os.chmod(self.socket.address, 0o666)
        pid = os.fork()
        if pid == 0:
            given = b"not even asked"
            try:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
                given = ask(self.socket.address, name_of())
            finally:
                os._exit(1 if given else 0)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        code, said = self.socket.await_end()
        self.assertEqual(code, 2, said)
        self.assertIn(f"a process of user {NOBODY} asked, which is not systemd", said)

    def test_what_is_no_connection(self):
        self.assertIn("no connection of a Unix socket", self.plain("systemd", "--units", self.table, code=2).stderr)
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            with socket.create_connection(listening.getsockname()) as tcp:
                self.by_hand(tcp, tcp, "another family")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.path("listening.sock"))
            listening.listen()
            self.by_hand(listening, listening, "not connected")

    def test_the_answer_goes_to_who_asked_only(self):
        """StandardOutput=journal beside StandardInput=socket, say."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for words in ((), ("--fail-start",)):
                self.by_hand(theirs, subprocess.PIPE, "standard output is not the connection", *words)

    def by_hand(self, stdin, stdout, reason, *words):
        done = subprocess.run([WIF, "systemd", "--units", self.table, *words], env=self.env, stdin=stdin, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, timeout=60 * PATIENCE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(reason, done.stderr)
        self.assertFalse(done.stdout)


class Units(HostCase):
    def command(self, name, **specifiers):
        """ExecStart of an installed unit as systemd would expand it."""
        [command] = settings(unit(name), "ExecStart")
        for letter, value in specifiers.items():
            command = command.replace("%" + letter, value)
        self.assertNotIn("%", command)
        return shlex.split(command)

    def test_all_are_installed_and_name_the_installed_program(self):
        self.assertEqual(sorted(os.path.basename(path) for path in glob.glob(unit("*"))), sorted(UNITS))
        for path in glob.glob(unit("*")):
            with open(path, encoding="utf-8") as file:
                self.assertNotIn("@hardening@", file.read())
        for name in UNITS[1:]:
            self.assertEqual(settings(unit(name), "ExecStart")[0].split()[0], os.path.join(PREFIX, "bin", "wif"))

    def test_systemd_has_nothing_against_them(self):
        for name in UNITS:
            instance = os.path.join(os.path.dirname(unit(name)), name.replace("@.", "@1."))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", instance], env=self.env | {
                "SYSTEMD_UNIT_PATH": os.path.dirname(unit(name)) + ":"}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            ours = [line for line in done.stderr.splitlines() if "wif" in line]
            self.assertEqual(ours, [])

    def test_a_mistake_would_be_seen(self):
        with open(unit("wif-write.service"), encoding="utf-8") as file:
            path = self.write("wif-write.service", file.read().replace("ProtectHome=yes", "ProtectHome=maybe"))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
        self.assertIn("wif-write.service", done.stderr)

    def test_how_exposed_they_are(self):
        for name in UNITS[1:]:
            done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSED}", unit(name)],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            overall = [line for line in done.stdout.splitlines() if "Overall exposure level" in line]
            print(f"{name}: {overall}", flush=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(len(overall), 1)

    def test_the_socket_is_roots(self):
        [mode] = settings(unit("wif-credential.socket"), "SocketMode")
        self.assertEqual(mode, "0600")

    def test_the_folders_of_tmpfiles(self):
        """On a root of its own, with root's name for whoever runs the test."""
        with open(os.path.join(PREFIX, "lib", "tmpfiles.d", "wif.conf"), encoding="utf-8") as file:
            config = self.write("wif.conf", file.read().replace(" root root ", " - - "))
        root = self.path("root")
        os.mkdir(root)
        self.client("systemd-tmpfiles", "--create", "--root=" + root, config)
        self.assertEqual(os.stat(root + "/run/wif").st_mode & 0o7777, 0o755)
        self.assertEqual(os.stat(root + "/var/cache/wif").st_mode & 0o7777, 0o700)

    def test_the_credential_service(self):
        """Its own command line, with a configuration folder of ours."""
        self.serve(name="prod")
        os.mkdir(self.path("wif"))
        self.write("wif/units", "app.service openai prod\n")
        names = ("PATH", "HOME", "WIF_CONFIG", "WIF_CACHE_DIR", *SANITIZERS)
        activated = Activated(self.path("credential.sock"), self.command("wif-credential@.service", E=self.folder),
                              {name: self.env[name] for name in names if name in self.env})
        self.addCleanup(activated.stop)
        self.assertTrue(self.accepts(ask(activated.address, name_of()).decode()))
        self.assertEqual(activated.await_end()[0], 0)
        self.assertGreater(len(ask(activated.address, name_of("other.service"))), CREDENTIAL_LIMIT)
        code, said = activated.await_end()
        self.assertEqual(code, 3)
        self.assert_no_token(said)

    def run_notifying(self, command):
        """Until it says that it is ready; what it said."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(self.path("notify"))
            manager.settimeout(60 * PATIENCE)
            process = subprocess.Popen(command, env=self.env | {"NOTIFY_SOCKET": self.path("notify"), "WATCHDOG_USEC": "120000000"},
                                       stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            said = ""
            while "READY=1" not in said:
                said += manager.recv(4096).decode() + "\n"
            process.terminate()
            _, err = process.communicate(timeout=60 * PATIENCE)
            self.assert_no_token(err)
            self.assertEqual(process.returncode, 0, err)
        os.unlink(self.path("notify"))
        return said

    def test_the_write_service_of_one_profile(self):
        self.serve(name="prod")
        self.assertEqual(settings(unit("wif-write@.service"), "Type"), ["notify"])
        [folder] = settings(unit("wif-write@.service"), "RuntimeDirectory")
        os.makedirs(self.path(folder.replace("%i", "prod")))
        said = self.run_notifying(self.command("wif-write@.service", i="prod", t=self.folder))
        self.assertIn("WATCHDOG=1", said)
        with open(self.path("wif/prod/token"), encoding="ascii") as file:
            self.assertTrue(self.accepts(file.read()))
        self.assertEqual(os.stat(self.path("wif/prod/token")).st_mode & 0o777, 0o640)

    def test_the_write_service_of_all(self):
        self.serve(name="prod")
        [folder] = settings(unit("wif-write.service"), "RuntimeDirectory")
        os.makedirs(self.path(folder))
        self.run_notifying(self.command("wif-write.service", t=self.folder))
        self.assertEqual(sorted(os.listdir(self.path(folder))), [".health.json", "prod"])
        with open(self.path(folder + "/.health.json"), encoding="ascii") as file:
            self.assertNotIn(CANARY, file.read())


if __name__ == "__main__":
    main()
