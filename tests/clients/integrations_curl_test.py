# SPDX-License-Identifier: Apache-2.0
"""`wif curl` and `wif netrc` under curl, by way of bash as users write it."""
import base64
import os
import shutil
import subprocess

import cached
from harness import main
from hosting import HostCase
from listener import Listener

CODE = "-sS -o /dev/null -w '%{http_code}'"


def setUpModule():
    cached.run("curl (Debian has it)", ["curl", "--version"])


class CurlCase(HostCase):
    def setUp(self):
        super().setUp()
        self.serve("127.0.0.1:*", "api.example.com", "*.corp.example", "127.0.0.1")
        self.models = self.testbed.about["http"] + "/v1/models"

    def bash(self, script, code=0):
        return self.client("bash", "-o", "pipefail", "-c", script, code=code).stdout

    def listener(self, respond):
        listener = Listener(respond)
        self.addCleanup(listener.stop)
        return listener


class Curl(CurlCase):
    def test_the_lines_that_the_readme_has(self):
        for line in f"curl {CODE} -K <(wif curl) {self.models}", f"wif curl | curl {CODE} -K - {self.models}", \
                f"curl {CODE} -H @<(wif curl --header) {self.models}", f"wif curl --header | curl {CODE} -H @- {self.models}":
            self.assertEqual(self.bash(line), "200", line)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_a_file_that_is_kept_fresh(self):
        self.plain("write", "--format", "curl", "--output", self.path("curlrc"))
        self.assertEqual(self.bash(f"curl {CODE} -K {self.path('curlrc')} {self.models}"), "200")
        self.assertEqual(os.stat(self.path("curlrc")).st_mode & 0o777, 0o600)

    def test_the_script(self):
        """examples/models, as it stands but for the address."""
        script = self.example("curl/models", **{"https://api.openai.com": self.testbed.about["http"]})
        self.assertIn('"data"', self.client("bash", script).stdout)

    def test_the_token_is_in_no_argument_list(self):
        self.testbed.control("hold", path="/v1/models")
        process = subprocess.Popen(["bash", "-c", f"curl {CODE} -K <(wif curl) {self.models}"], env=self.env, stdout=subprocess.PIPE, text=True)
        self.testbed.control("wait", path="/v1/models")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    self.assert_no_token(file.read().decode(errors="replace"))
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended
        self.testbed.control("release")
        self.assertEqual(process.communicate()[0], "200")

    def test_it_is_sent_on_to_no_other_host(self):
        second = self.listener(lambda path, sent: (200, {}))
        first = self.listener(lambda path, sent: (302, {"Location": f"http://localhost:{second.port}/"}))
        for line in f"curl {CODE} -L -K <(wif curl) {first.url}", f"curl {CODE} -L -H @<(wif curl --header) {first.url}":
            self.assertEqual(self.bash(line), "200")
        self.assertTrue(all(sent.startswith("Bearer ") for _, sent in first.requests))
        self.assertEqual(second.requests, [("/", None)] * 2)

    def test_it_crosses_an_expiry(self):
        line = f"curl {CODE} -K <(wif curl) {self.models}"
        self.bash(line)
        self.age(3600)
        self.assertEqual(self.bash(line), "200")
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_a_revoked_token(self):
        line = f"curl {CODE} -K <(wif curl) {self.models}"
        self.bash(line)
        self.testbed.control("revoke")
        self.assertEqual(self.bash(line), "401")
        self.bash("wif cache clear")
        self.assertEqual(self.bash(line), "200")

    def test_without_a_token_it_sends_nothing(self):
        self.testbed.mint(ttl=-60, age=3600)
        listener = self.listener(lambda path, sent: (200, {}))
        # bash leaves a process substitution alone; we wait for it.
        for line in f"curl -sS -K <(wif curl) {listener.url}; code=$?; wait $!; exit $code", f"wif curl | curl -sS {listener.url} -K -":
            done = self.client("bash", "-c", line, code=1)
            self.assertRegex(done.stderr, 'curl: \\(1\\) Protocol "http" (not supported or )?disabled')
            self.assertIn("wif: the subject token from provider 'file' expired", done.stderr)
        self.assertEqual(listener.requests, [])
        self.assertEqual(self.client("wif", "curl", "--header", code=4).stdout, "")

    def test_standard_input_is_left_alone(self):
        process = subprocess.Popen(["wif", "curl"], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertTrue(process.stdout.read().startswith('header = "Authorization: Bearer '))
        process.stdin.close()
        process.stdout.close()
        self.assertEqual(process.wait(), 0)


class Netrc(CurlCase):
    def setUp(self):
        super().setUp()
        self.site = self.listener(lambda path, sent: (200 if self.lets_in(sent) else 401, {"WWW-Authenticate": "Basic"}))

    def lets_in(self, sent):
        kind, _, value = (sent or "").partition(" ")
        self.user, _, password = base64.b64decode(value).decode().partition(":") if kind == "Basic" else ("", "", "")
        return self.accepts(password)

    def test_the_lines_that_the_readme_has(self):
        self.assertEqual(self.bash(f"curl {CODE} --netrc-file <(wif netrc) {self.site.url}"), "200")
        self.assertEqual(self.user, "oauth2")
        self.assertEqual(self.bash(f"curl {CODE} --netrc-file <(wif netrc --machine 127.0.0.1 --login me) {self.site.url}"), "200")
        self.assertEqual(self.user, "me")

    def test_a_file_that_is_kept_fresh(self):
        """Where curl, pip, git and others look for it."""
        self.plain("write", "--format", "netrc", "--output", self.path(".netrc"))
        self.assertEqual(self.bash(f"curl {CODE} --netrc {self.site.url}"), "200")
        if shutil.which("git"):
            self.client("git", "ls-remote", self.site.url)
            self.assertTrue(self.lets_in(self.site.requests[-1][1]))

    def test_a_line_for_each_host_that_is_named(self):
        lines = self.plain("netrc").stdout.splitlines()
        self.assertEqual([line.rsplit(" ", 1)[0] for line in lines],
                         ["machine 127.0.0.1 login oauth2 password", "machine api.example.com login oauth2 password"])

    def test_hosts_that_it_serves_not(self):
        self.assertIn("machine a.corp.example login", self.plain("netrc", "--machine", "a.corp.example").stdout)
        for host in "evil.example", "corp.example", "api.example.com:444", "http://api.example.com":
            self.assertIn("no profile serves", self.plain("netrc", "--machine", host, code=3).stderr)
        for host in "a b", "api.example.com\nmachine evil.example", "api.example.com@evil.example", "":
            self.assertEqual(self.plain("netrc", "--machine", host, code=2).stdout, "")
        for login in "a b", "a\nb", "", 'a"b', "a\\b", "#a":
            self.assertEqual(self.plain("netrc", "--login", login, code=2).stdout, "")
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_a_profile_that_names_none(self):
        self.serve("*.corp.example")
        self.assertIn("serves no host by name", self.plain("netrc", code=3).stderr)
        self.plain("write", "--format", "netrc", "--output", self.path("netrc"), code=3)
        self.assertFalse(os.path.exists(self.path("netrc")))


if __name__ == "__main__":
    main()
