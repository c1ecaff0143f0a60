# SPDX-License-Identifier: Apache-2.0
"""wif as git's credential helper: git itself cloning and pushing over a loopback server that wants our token, and a battery of requests."""
import base64
import hashlib
import http.server
import os
import re
import subprocess
import threading

import harness

GIT_VERSION = tuple(map(int, re.findall(r"\d+", subprocess.check_output(["git", "version"], text=True))[:2]))
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "integrations", "git", "gitconfig")


class Forge(http.server.BaseHTTPRequestHandler):
    """git http-backend (git-http-backend(1)) behind a check of the token."""
    protocol_version = "HTTP/1.0"

    def do_GET(self):  # noqa: N802
        self.serve(b"")

    def do_POST(self):  # noqa: N802
        self.serve(self.read_body())

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def is_allowed(self):
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind != self.server.challenge.split()[0]:
            return False
        token = value if kind == "Bearer" else base64.b64decode(value).decode().partition(":")[2]
        return self.server.testbed.models(token) == 200

    def serve(self, body):
        self.server.asked.append(self.headers.get("Authorization", ""))
        if not self.is_allowed():
            self.send_response(401)
            self.send_header("WWW-Authenticate", self.server.challenge)
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        done = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, check=True, env={
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": self.server.root, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_USER": "somebody", "GIT_CONFIG_GLOBAL": "/dev/null"})
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class GitCase(harness.Case):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge)
        self.server.testbed, self.server.root, self.server.asked = self.testbed, os.path.join(self.folder, "root"), []
        self.server.challenge = 'Basic realm="forge"'
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.config(self.profile("forge", [self.host, "git.example.com"]))
        self.env.update(PATH=os.path.dirname(self.program) + ":" + os.environ["PATH"], GIT_TERMINAL_PROMPT="0", GIT_CONFIG_NOSYSTEM="1",
                        GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.com", GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@example.com")

    def profile(self, name, hosts, account="sa_testbed"):
        listed = ", ".join(f'"{host}"' for host in hosts)
        return (f'[profiles.{name}]\nhosts = [{listed}]\n'
                f'subject = {{ provider = "file", path = "{self.testbed.token_file}" }}\n'
                f'exchange = {{ url = "{self.url()}", identity_provider_id = "idp_testbed", service_account_id = "{account}" }}\n')

    def ask(self, verb, text, *options, code=0):
        done = subprocess.run([os.path.join(os.path.dirname(self.program), "git-credential-wif"), *options, verb], env=self.env,
                              input=text.encode() if isinstance(text, str) else text, capture_output=True, check=False, timeout=120)
        self.assert_no_token(done.stderr.decode())
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.decode()

    def answer(self, text, *options):
        lines = self.ask("get", text, *options).splitlines()
        return dict(line.split("=", 1) for line in lines)


class RealGit(GitCase):
    orphans_end_with = (*harness.Case.orphans_end_with, 128 << 8)  # git leaves its git-remote-http behind when it gives up

    def setUp(self):
        super().setUp()
        with open(EXAMPLE, encoding="utf-8") as file:
            example = file.read().replace("https://git.example.com", "http://" + self.host)
        with open(os.path.join(self.folder, ".gitconfig"), "w", encoding="utf-8") as file:
            file.write(example)
        repository = os.path.join(self.server.root, "project.git")
        self.git("init", "-q", "--bare", "-b", "main", repository)
        self.git("-C", repository, "config", "http.receivepack", "true")
        self.url_of = f"http://{self.host}/project.git"

    def git(self, *words, code=0):
        done = subprocess.run(["git", *words], env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, timeout=120)
        self.assert_no_token(done.stdout + done.stderr)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def push(self, name):
        work = os.path.join(self.folder, name)
        self.git("clone", "-q", self.url_of, work)
        self.git("-C", work, "checkout", "-q", "-B", "main")
        self.git("-C", work, "commit", "-q", "--allow-empty", "-m", name)
        self.git("-C", work, "push", "-q", "origin", "main")
        return work

    def test_clones_and_pushes_with_one_exchange(self):
        self.push("first")
        self.git("clone", "-q", self.url_of, os.path.join(self.folder, "second"))
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_a_server_that_wants_a_bearer_token(self):
        self.server.challenge = 'Bearer realm="forge"'
        if GIT_VERSION >= (2, 46):
            self.push("first")
            self.assertEqual(self.testbed.exchanges(), 1)
            self.testbed.control("revoke")
            self.git("ls-remote", self.url_of, code=128)
            self.git("ls-remote", self.url_of)
            self.assertEqual(self.testbed.exchanges(), 2)
        else:  # it knows passwords only
            self.assertIn("Authentication failed", self.git("ls-remote", self.url_of, code=128).stderr)

    def test_recovers_from_a_revoked_token_by_its_erase(self):
        self.push("first")
        self.testbed.control("revoke")
        self.git("ls-remote", self.url_of, code=128)  # git tells the helper, and gives up
        self.git("ls-remote", self.url_of)
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_crosses_an_expiry(self):
        self.push("first")
        for name in self.records():
            os.remove(os.path.join(self.cache, name))
        self.push("second")
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_helper_that_fails_is_told_and_git_asks_for_a_name(self):
        self.testbed.control("faults", path="/oauth/token", fault="status=403,body={}", count=-1)
        done = self.git("ls-remote", self.url_of, code=128)
        self.assertIn("refused the exchange", done.stderr)
        self.assertIn("could not read Username for", done.stderr)


class Requests(GitCase):
    def test_a_password_with_its_expiry(self):
        answer = self.answer("protocol=https\nhost=git.example.com\n\n")
        self.assertEqual(set(answer), {"username", "password", "password_expiry_utc"})
        self.assertEqual(answer["username"], "oauth2")
        self.assertEqual(self.testbed.models(answer["password"]), 200)

    def test_a_name_is_the_requests_or_the_options(self):
        self.assertEqual(self.answer("protocol=https\nhost=git.example.com\nusername=me\n")["username"], "me")
        self.assertEqual(self.answer("protocol=https\nhost=git.example.com\n", "--username", "x-access-token")["username"], "x-access-token")

    def test_a_bearer_token_only_where_it_is_announced_and_wanted(self):
        base = "protocol=https\nhost=git.example.com\n"
        new = base + "capability[]=authtype\ncapability[]=state\n"
        answer = self.answer(new + "wwwauth[]=Bearer\n")
        self.assertEqual((answer["capability[]"], answer["authtype"], answer["ephemeral"]), ("authtype", "Bearer", "1"))
        self.assertEqual(self.testbed.models(answer["credential"]), 200)
        self.assertIn("authtype", self.answer(new))
        self.assertIn("password", self.answer(new + 'wwwauth[]=Basic realm="x"\n'))
        self.assertIn("password", self.answer(base + "wwwauth[]=Bearer\n"))
        self.assertIn("password", self.answer(new, "--scheme", "basic"))
        self.assertIn("credential", self.answer(new + "wwwauth[]=Basic\n", "--scheme", "bearer"))

    def test_another_host_gets_nothing(self):
        for host in ("git.example.org", "example.com", "evil-git.example.com", "git.example.com.evil.org", "git.example.com:8443"):
            with self.subTest(host=host):
                self.assertEqual(self.ask("get", f"protocol=https\nhost={host}\n\n"), "")
        self.assertEqual(self.ask("get", "protocol=http\nhost=git.example.com\n\n"), "")
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_hostile_requests_get_no_token(self):
        for text in ("protocol=https\nhost=git.example.com\r\n\n", "protocol=https\nhost=git.example.com\0x\n\n", "protocol=https\n\n",
                     "host=git.example.com\n\n", "protocol=https\nhost=\n\n", "nonsense\n\n", "=x\n\n",
                     "protocol=https\nhost=a@git.example.com\n\n", "protocol=https\nhost=git.example.com/\\x\n\n"):
            with self.subTest(text=text):
                self.assertEqual(self.ask("get", text, code=2), "")
        self.assertEqual(self.ask("get", b"protocol=https\nhost=" + b"a" * 2_000_000, code=2), "")
        self.assertEqual(self.testbed.exchanges(), 0)

    def test_only_the_first_block_counts(self):
        self.assertEqual(self.ask("get", "protocol=https\nhost=evil.example\n\nhost=git.example.com\n"), "")

    def test_unknown_keys_and_verbs_are_passed_over(self):
        self.assertIn("password", self.answer("protocol=https\nhost=git.example.com\nnewkey=1\nnewlist[]=2\n\n"))
        self.assertEqual(self.ask("frobnicate", ""), "")
        self.assertEqual(self.ask("store", "protocol=https\nhost=git.example.com\nusername=a\npassword=b\n"), "")
        self.assertEqual(self.ask("capability", ""), "version 0\ncapability authtype\n")

    def test_erase_forgets_the_token_that_it_names_and_no_other(self):
        asked = "protocol=https\nhost=git.example.com\n"
        token = self.answer(asked)["password"]
        self.ask("erase", asked + "username=oauth2\npassword=another\n")
        self.assertEqual(self.answer(asked)["password"], token)
        self.ask("erase", asked + f"username=oauth2\npassword={token}\n")
        newer = self.answer(asked)["password"]
        self.assertNotEqual(newer, token)
        self.ask("erase", asked + f"credential={token}\n")  # late
        self.assertEqual(hashlib.sha256(self.answer(asked)["password"].encode()).digest(), hashlib.sha256(newer.encode()).digest())

    def test_profiles_divide_the_hosts_among_them(self):
        self.config(self.profile("wide", ["*.example.com"], "sa_scoped") + self.profile("exact", ["git.example.com"]))
        exact = self.answer("protocol=https\nhost=git.example.com\n")["password"]
        wide = self.answer("protocol=https\nhost=other.example.com\n")["password"]
        self.assertNotEqual(exact, wide)
        self.assertEqual(self.answer("protocol=https\nhost=GIT.example.com:443\n")["password"], exact)
        self.assertEqual(self.ask("get", "protocol=https\nhost=other.example.com\n", "-p", "exact"), "")
        self.config(self.profile("a", ["git.example.com"]) + self.profile("b", ["git.example.com"]))
        self.assertEqual(self.ask("get", "protocol=https\nhost=git.example.com\n", code=3), "")


if __name__ == "__main__":
    harness.main()
