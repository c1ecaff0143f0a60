# SPDX-License-Identifier: Apache-2.0
"""integrations/github-actions/action.yml: its steps run as they stand, by the rules of a runner, against the testbed's GitHub."""
import hashlib
import http.server
import json
import os
import re
import ssl
import subprocess
import tarfile
import threading

import cached
from harness import BUILD, CANARY, SANITIZERS, main
from hosting import HostCase
from integrating import INTEGRATIONS

FOLDER = os.path.join(INTEGRATIONS, "github-actions")
# python3-yaml is the system's Python's, whatever python3 is in the PATH. `on` stays a word, as with GitHub.
READ_YAML = "import json, sys, yaml; json.dump(yaml.load(sys.stdin, yaml.BaseLoader), sys.stdout)"
PATH = "/222//idtoken/7f3c/1d2e"
JOB_TOKEN = "wif-canary-at-job-1"
EXPRESSION = re.compile(r"\$\{\{ *([a-z0-9.-]+) *\}\}")
HOSTILE = ["$(touch {mark})", "`touch {mark}`", "'; touch {mark}; '", '"; touch {mark}; "', "\nGITHUB_TOUCHED=1", "a\nBASH_ENV={mark}", "x<<EOF",
           "x\n::set-output name=token::1", "--output={mark}", "-p", "${{{{ github.token }}}}", "\x1b[2J", "a\rb", "../../{mark}", "*", "~"]


def setUpModule():
    cached.run("python3-yaml (Debian has it)", ["/usr/bin/python3", "-c", "import yaml"])


def read_yaml(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        return json.loads(subprocess.run(["/usr/bin/python3", "-c", READ_YAML], input=file.read(), capture_output=True, check=True).stdout)


class Runner:
    """What a job's runner does with a step of a composite action, and with a step of a workflow."""

    def __init__(self, folder, env):
        self.folder, self.env = folder, dict(env)
        self.masks, self.log, self.outputs, self.count = [], "", {}, 0
        self.env["RUNNER_TEMP"] = os.path.join(folder, "temp")
        os.mkdir(self.env["RUNNER_TEMP"])

    def step(self, script, env=None):
        """Its exit code and its outputs. GITHUB_ENV and GITHUB_PATH take effect for the next."""
        self.count += 1
        files = {name: os.path.join(self.folder, f"{name}-{self.count}") for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT")}
        for path in files.values():
            with open(path, "x", encoding="ascii"):
                pass
        path = os.path.join(self.folder, f"step-{self.count}.sh")
        with open(path, "w", encoding="utf-8") as file:
            file.write(script)
        done = subprocess.run(["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", path], env=self.env | files | (env or {}),
                              cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              text=True, timeout=120)
        for line in done.stdout.splitlines(keepends=True):
            if line.startswith("::add-mask::"):
                self.masks.append(line[len("::add-mask::"):].rstrip("\n"))
                continue
            for mask in self.masks:
                line = line.replace(mask, "***")
            self.log += line
        set_here = self.variables(files["GITHUB_ENV"])
        self.env.update(set_here)
        with open(files["GITHUB_PATH"], encoding="utf-8") as file:
            for line in file:
                self.env["PATH"] = line.rstrip("\n") + ":" + self.env["PATH"]
        return done.returncode, self.variables(files["GITHUB_OUTPUT"])

    @staticmethod
    def variables(path):
        """NAME=VALUE lines, or NAME<<END to a line END."""
        found = {}
        with open(path, encoding="utf-8") as file:
            lines = iter(file.read().split("\n"))
        for line in lines:
            name, equals, value = line.partition("=")
            if "<<" in line and "<<" not in value:
                name, _, end = line.partition("<<")
                value = "\n".join(iter(lambda: next(lines), end))
            elif not equals:
                assert not line, "no variable: " + repr(line)
                continue
            found[name] = value
        return found


class ActionCase(HostCase):
    def setUp(self):
        super().setUp()
        self.action = read_yaml("action.yml")
        self.serve_github("https://api.openai.com/v1")
        self.config('[profiles.ci]\nsubject = { provider = "github" }\n'
                    f'exchange = {{ kind = "openai", url = "{self.url()}" }}\n[profiles.other]\nexchange = {{ kind = "none" }}\n')
        config = self.env.pop("WIF_CONFIG")
        os.mkdir(self.path("job"))
        self.runner = Runner(self.path("job"), {name: self.env[name] for name in ("PATH", "HOME", *SANITIZERS) if name in self.env} | {
            "GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": JOB_TOKEN,
            "ACTIONS_ID_TOKEN_REQUEST_URL": self.testbed.about["http"] + PATH + "?api-version=2.0"})
        self.inputs = {"identity-provider-id": "idp_testbed", "service-account-id": "sa_testbed", "config": config, "profile": "ci"}

    def serve_github(self, audience):
        self.testbed.control("config", providers=[{"audience": audience}], mappings=[{"rows": {
            "repository": "octo-org/octo-repo", "ref": "refs/heads/main", "environment": "production"}}])

    def use(self, code=0, **inputs):
        """The whole action; its outputs. `code`: of the step that fails."""
        given = self.inputs | {name.replace("_", "-"): value for name, value in inputs.items()}
        self.assertLessEqual(set(given), set(self.action["inputs"]))
        values = {name: given.get(name, about.get("default", "")) for name, about in self.action["inputs"].items()}
        known = {"inputs." + name: value for name, value in values.items()}
        for step in self.action["runs"]["steps"]:
            env = {name: EXPRESSION.sub(lambda match: known[match.group(1)], text) for name, text in step["env"].items()}
            ended, outputs = self.runner.step(step["run"], env)
            known.update({f"steps.{step['id']}.outputs.{name}": value for name, value in outputs.items()})
            if ended != 0:
                break
        self.assertEqual(ended, code, self.runner.log)
        self.assert_no_token(self.runner.log)
        return {name: EXPRESSION.sub(lambda match: known.get(match.group(1), ""), about["value"])
                for name, about in self.action["outputs"].items()}

    def assert_nothing_given(self, outputs):
        self.assertEqual(outputs, {"token": "", "file": ""})
        self.assertFalse([name for name, value in self.runner.env.items() if CANARY in value and name != "ACTIONS_ID_TOKEN_REQUEST_TOKEN"])


class Form(ActionCase):
    def test_no_input_is_a_part_of_a_script(self):
        steps = self.action["runs"]["steps"]
        self.assertEqual(self.action["runs"]["using"], "composite")
        self.assertGreaterEqual(len(steps), 4)
        for step in steps:
            self.assertEqual(set(step), {"id", "shell", "env", "run"})
            self.assertEqual(step["shell"], "bash")
            self.assertNotIn("${{", step["run"])

    def test_every_input_is_used_and_no_other(self):
        used = {name for step in self.action["runs"]["steps"] for text in step["env"].values() for name in EXPRESSION.findall(text)}
        self.assertEqual(used, {"inputs." + name for name in self.action["inputs"]})

    def test_the_readme_names_every_input_and_output(self):
        with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as file:
            readme = file.read()
        for name in (*self.action["inputs"], *self.action["outputs"]):
            self.assertIn(f"`{name}`", readme)


class Use(ActionCase):
    def test_asked_for_nothing_it_gives_nothing_and_later_steps_can(self):
        self.assert_nothing_given(self.use())
        self.assertEqual(self.testbed.exchanges(), 0)
        code, _ = self.runner.step('wif exec -- sh -c \'printf %s "$OPENAI_API_KEY"\' >"$RUNNER_TEMP/seen"\n')
        self.assertEqual(code, 0, self.runner.log)
        self.assertTrue(self.accepts(self.seen()))
        self.assertEqual(self.runner.env["WIF_CACHE_DIR"], self.runner.env["RUNNER_TEMP"] + "/wif-cache")

    def seen(self):
        with open(self.runner.env["RUNNER_TEMP"] + "/seen", encoding="ascii") as file:
            return file.read()

    def test_the_ids_are_enough(self):
        """Without a file there is no address to change: that OpenAI's own is asked, by a proxy that isn't there, is all that can be seen."""
        self.inputs = {name: value for name, value in self.inputs.items() if name.endswith("-id")}
        self.runner.env["https_proxy"] = "http://127.0.0.1:1"
        self.use(code=1, output="true")
        self.assertIn("auth.openai.com", self.runner.log)

    def test_run_has_the_token_and_nothing_else_does(self):
        outputs = self.use(run='printf %s "$OPENAI_API_KEY" >"$RUNNER_TEMP/seen"\necho "the key is $OPENAI_API_KEY"\nenv | grep INPUT_ || true\n')
        self.assertTrue(self.accepts(self.seen()))
        self.assertIn("the key is ***\n", self.runner.log)
        self.assertNotIn("INPUT_", self.runner.log)
        self.assert_nothing_given(outputs)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_run_is_bash_and_fails_as_a_step_does(self):
        self.use(code=1, run="false | true\necho not reached\n")
        self.assertNotIn("not reached", self.runner.log)
        self.use(code=7, run="[[ -n $ANOTHER_NAME ]] && exit 7", variable="ANOTHER_NAME")

    def test_an_output_when_asked_for(self):
        outputs = self.use(output="true")
        self.assertTrue(self.accepts(outputs["token"]))
        self.assertEqual(self.runner.masks, [outputs["token"]])
        self.assertFalse([value for name, value in self.runner.env.items() if value == outputs["token"]])

    def test_a_variable_when_asked_for(self):
        self.assertEqual(self.use(export="OPENAI_API_KEY")["token"], "")
        token = self.runner.env["OPENAI_API_KEY"]
        self.assertTrue(self.accepts(token))
        self.assertEqual(self.runner.masks, [token])

    def test_a_file_when_asked_for(self):
        path = self.path("job/the token")
        outputs = self.use(file=path)
        self.assertEqual(outputs, {"token": "", "file": path})
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        with open(path, encoding="ascii") as file:
            token = file.read()
        self.assertTrue(self.accepts(token))
        self.assertEqual(self.runner.masks, [token])

    def test_an_audience(self):
        self.serve_github("a b&c")
        self.assertTrue(self.accepts(self.use(output="true", audience="a b&c")["token"]))

    def test_the_mask_comes_before_anything_else(self):
        """The runner hides a token from the line after its mask on."""
        step = next(step for step in self.action["runs"]["steps"] if step["id"] == "token")
        mask = step["run"].index("::add-mask::")
        for word in ("GITHUB_ENV", "GITHUB_OUTPUT", "wif write"):
            self.assertGreater(step["run"].index(word), mask)

    def test_across_an_expiry(self):
        """GitHub's token has five minutes, and so has what it is traded for: a later step gets another."""
        self.use()
        keep = 'wif exec -- sh -c \'printf %s "$OPENAI_API_KEY"\' >"$RUNNER_TEMP/seen"\n'
        self.cache = self.runner.env["WIF_CACHE_DIR"]
        self.runner.step(keep)
        first = self.seen()
        self.age(600)
        self.runner.step(keep)
        self.assertNotEqual(self.seen(), first)
        self.assertTrue(self.accepts(self.seen()))


class Failure(ActionCase):
    def test_a_job_without_the_permission(self):
        for name in ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
            del self.runner.env[name]
        self.assert_nothing_given(self.use(code=1, output="true", export="KEY", file=self.path("job/file")))
        self.assertIn("id-token: write", self.runner.log)
        self.assertIn("::error title=wif::no token", self.runner.log)
        self.assertFalse(os.path.exists(self.path("job/file")))

    def test_an_exchange_that_is_refused(self):
        self.serve_github("another")
        self.assert_nothing_given(self.use(code=1, export="KEY"))
        self.assertRegex(self.runner.log, r"wif: .*\n.*\n::error title=wif::no token")

    def test_a_profile_that_is_not_there(self):
        self.use(code=1, profile="none", output="true")
        self.assertIn('there is no profile "none"', self.runner.log)

    def test_no_wif(self):
        self.runner.env["PATH"] = "/usr/bin:/bin"
        self.use(code=1)
        self.assertIn("::error title=wif::wif is not on PATH", self.runner.log)

    def test_inputs_that_mean_nothing(self):
        for inputs, words in (({"output": "yes"}, "neither true nor false"), ({"export": "A B"}, "no name of a variable"),
                              ({"export": "GITHUB_TOKEN"}, "not for tokens"), ({"export": "PATH"}, "not for tokens"),
                              ({"export": "LD_PRELOAD"}, "not for tokens"), ({"export": "A\nB=C"}, "no name of a variable"),
                              ({"file": "a\nb", "output": "true"}, "control character")):
            with self.subTest(inputs):
                self.assert_nothing_given(self.use(code=1, **inputs))
                self.assertIn(words, self.runner.log)
        self.assertEqual(self.testbed.exchanges(), 0)


class Hostile(ActionCase):
    def test_values_that_would_be_commands(self):
        """In every input but `run`: nothing of them is executed, sets a variable or speaks to the runner."""
        mark = self.path("mark")
        for name in self.action["inputs"]:
            if name == "run":
                continue
            for value in HOSTILE:
                value = value.format(mark=mark)
                with self.subTest(name=name, value=value):
                    self.try_value(name, value, mark)

    def try_value(self, name, value, mark):
        runner = self.fresh()
        before = dict(runner.env)
        given = {**self.inputs, "sha256": "0" * 64, name: value}
        for step in self.action["runs"]["steps"][:3]:
            env = {key: EXPRESSION.sub(lambda match: given.get(match.group(1)[len("inputs."):], ""), text)
                   for key, text in step["env"].items()}
            code, outputs = runner.step(step["run"], env)
            self.assertLessEqual(set(outputs), {"file"} if name == "file" else set())
            if code != 0:
                break
        self.assertFalse(os.path.exists(mark))
        new = {key for key, text in runner.env.items() if before.get(key) != text}
        self.assertLessEqual(new, {"OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID", "OPENAI_WIF_AUDIENCE", "WIF_PROFILE",
                                   "WIF_CONFIG", "WIF_CACHE_DIR"})
        for line in runner.log.splitlines():
            self.assertTrue(not line.startswith("::") or line.startswith("::error title=wif::"), line)
        self.assert_no_token(runner.log)

    def fresh(self):
        self.number = getattr(self, "number", 0) + 1
        folder = self.path(f"job-{self.number}")
        os.mkdir(folder)
        env = {name: value for name, value in self.runner.env.items() if name != "RUNNER_TEMP"}
        return Runner(folder, env)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.tarball if self.path == "/wif.tar.gz" else b""
        self.send_response({"/wif.tar.gz": 200, "/plain": 302}.get(self.path, 404))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", self.server.elsewhere + "/wif.tar.gz")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class TarballCase(ActionCase):
    """With a release's tarball, made of what `cmake --install` does, and no other wif."""

    def setUp(self):
        super().setUp()
        self.runner.env["PATH"] = "/usr/bin:/bin"
        prefix = self.path("wif-0.1.0")
        subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        self.tarball = self.path("wif.tar.gz")
        with tarfile.open(self.tarball, "w:gz", compresslevel=1) as tar:
            tar.add(prefix, "wif-0.1.0")
        with open(self.tarball, "rb") as file:
            self.data = file.read()
        self.sha256 = hashlib.sha256(self.data).hexdigest()


class Install(TarballCase):
    def test_a_file(self):
        outputs = self.use(tarball=self.tarball, sha256=self.sha256.upper(), output="true")
        self.assertTrue(self.accepts(outputs["token"]))
        self.assertIn("wif 0.1.0\n", self.runner.log)
        code, _ = self.runner.step('command -v wif >"$RUNNER_TEMP/where"\n')
        self.assertEqual(code, 0)
        with open(self.runner.env["RUNNER_TEMP"] + "/where", encoding="ascii") as file:
            self.assertTrue(file.read().startswith(self.runner.env["RUNNER_TEMP"] + "/"))

    def test_another_checksum(self):
        for sha256, words in (("0" * 64, "not the one whose SHA-256"), ("", "not 64 hexadecimal digits"), (self.sha256 + "\n", "not 64"),
                              (self.sha256[:-1], "not 64 hexadecimal digits")):
            with self.subTest(sha256):
                self.use(code=1, tarball=self.tarball, sha256=sha256)
                self.assertIn(words, self.runner.log)
                self.assertNotIn("wif 0.1.0", self.runner.log)

    def test_what_is_no_tarball_or_has_no_wif(self):
        for data, words in ((b"no tarball", "cannot be unpacked"), (b"", "")):
            path = self.path("other")
            if data:
                with open(path, "wb") as file:
                    file.write(data)
            else:
                with tarfile.open(path, "w:gz") as tar:
                    tar.add(__file__, "file")
                words = "has no bin/wif"
            with open(path, "rb") as file:
                self.use(code=1, tarball=path, sha256=hashlib.sha256(file.read()).hexdigest())
            self.assertIn(words, self.runner.log)

    def test_no_file_and_no_https(self):
        for tarball, words in ((self.path("none"), "no file that can be read"), ("http://127.0.0.1:1/wif.tar.gz", "neither an https URL"),
                               ("file:///etc/passwd", "neither an https URL"), ("https://127.0.0.1:1/x", "cannot be downloaded")):
            with self.subTest(tarball):
                self.use(code=1, tarball=tarball, sha256=self.sha256)
                self.assertIn(words, self.runner.log)

    def serve_tarball(self, context=None, elsewhere=""):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.tarball, server.elsewhere = self.data, elsewhere
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def test_a_download(self):
        key, certificate = self.path("key.pem"), self.path("certificate.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                       stdin=subprocess.DEVNULL, capture_output=True, check=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        plain = self.serve_tarball()
        server = self.serve_tarball(context, f"http://127.0.0.1:{plain.server_port}")
        url = f"https://localhost:{server.server_port}"
        self.use(code=1, tarball=url + "/wif.tar.gz", sha256=self.sha256)
        self.assertIn("certificate", self.runner.log)
        self.runner.env["CURL_CA_BUNDLE"] = certificate
        self.use(code=1, tarball=url + "/none", sha256=self.sha256)
        self.use(code=1, tarball=url + "/plain", sha256=self.sha256)  # on to http
        self.assertTrue(self.accepts(self.use(tarball=url + "/wif.tar.gz", sha256=self.sha256, output="true")["token"]))


class Example(TarballCase):
    """workflow.yml, of which the steps after the action are run, too."""

    def test_the_workflow(self):
        workflow = read_yaml("workflow.yml")
        self.assertEqual(workflow["permissions"]["id-token"], "write")
        [job] = workflow["jobs"].values()
        [use] = [step for step in job["steps"] if "integrations/github-actions@" in step.get("uses", "")]
        changes = {"https://example.com/wif-0.1.0-linux-amd64.tar.gz": self.tarball, "0" * 64: self.sha256, "idp_...": "idp_testbed",
                   "sa_...": "sa_testbed"}
        self.inputs = {name: changes[value] for name, value in use["with"].items()}
        # The example trusts the environment alone; the testbed's address stands in a file.
        os.makedirs(self.path(".config/wif"))
        self.write(".config/wif/config.toml", f'[profiles.ci]\nexchange = {{ url = "{self.url()}" }}\n')
        self.assert_nothing_given(self.use())
        script = self.write("job/another", '#!/bin/sh\nprintf "%s\\n" "$OPENAI_API_KEY" >>seen\n')
        os.chmod(script, 0o755)
        self.write("job/app.py", "import os\nprint(os.environ['OPENAI_API_KEY'], file=open('seen', 'a'))\n")
        self.runner.env["PATH"] += ":" + self.python()
        runs = [step["run"] for step in job["steps"] if "run" in step]
        self.assertEqual(len(runs), 2)
        for run in runs:
            code, _ = self.runner.step(run)
            self.assertEqual(code, 0, self.runner.log)
        with open(self.path("job/seen"), encoding="ascii") as file:
            tokens = file.read().split()
        self.assertEqual(len(tokens), 2)
        self.assertTrue(all(self.accepts(token) for token in tokens))
        self.assert_no_token(self.runner.log)

    def python(self):
        os.mkdir(self.path("python"))
        os.symlink("/usr/bin/python3", self.path("python/python"))
        return self.path("python")

    def test_the_readme_has_it(self):
        with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as readme, \
                open(os.path.join(FOLDER, "workflow.yml"), encoding="utf-8") as workflow:
            self.assertIn(workflow.read(), readme.read())


if __name__ == "__main__":
    main()
