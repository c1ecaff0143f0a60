# SPDX-License-Identifier: Apache-2.0
"""spiffe: a JWT-SVID from a Workload API on gRPC's own server, to an exchange that verifies; and everything that an
agent, or what else is at its address, may answer."""
import ctypes
import json
import os
import socket
import subprocess
import threading

from harness import WIF, Case, main

ID = "spiffe://example.org/workload"
OTHER = "spiffe://example.org/other"
AUDIENCE = "https://api.openai.com/v1"
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "workload_api.py")


class Agent:
    """A running workload_api.py; ends when its standard input does."""

    def __init__(self, address, mint_url):
        self.process = subprocess.Popen(["/usr/bin/python3", SERVER, address, mint_url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self.process.stdout.readline())["port"]

    def set(self, **changes):
        self.process.stdin.write(json.dumps(changes) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Spiffe(Case):
    def setUp(self):
        super().setUp()
        self.agents = []
        self.socket = os.path.join(self.folder, "agent.sock")
        self.agent = self.start_agent("unix:" + self.socket)
        self.agent.set(registrations=[{"spiffe_id": ID}])
        self.testbed.control("config", mappings=[{"rows": {"sub": ID}}])
        del self.env["OPENAI_IDENTITY_TOKEN_FILE"]
        self.env["SPIFFE_ENDPOINT_SOCKET"] = "unix://" + self.socket

    def start_agent(self, address):
        agent = Agent(address, self.testbed.about["http"] + "/control/mint")
        self.addCleanup(agent.stop)
        self.agents.append(agent)
        return agent

    def assert_no_token(self, text):
        super().assert_no_token(text)
        for agent in self.agents:
            for token in agent.set()["issued"]:
                self.assertNotIn(token, text)
                self.assertNotIn(token.split(".")[-1], text)

    def refused(self, code, expected, *words):
        """The exit code, the words, and that nothing was exchanged or cached, at whatever was remembered before."""
        self.plain("cache", "clear")
        done = self.wif("get", "--timeout", "20s", *words, code=code)
        self.assertRegex(done.stderr, expected)
        self.assertEqual(self.records(), [])
        self.assertEqual(self.testbed.exchanges(), 0)
        return done

    def last_call(self, agent=None):
        return (agent or self.agent).set()["calls"][-1]


class Good(Spiffe):
    def test_it_is_found_by_its_variable_and_verified_by_the_exchange(self):
        self.assertIn("* spiffe", self.plain("providers").stdout)
        first = self.token()
        self.assertEqual(self.testbed.control("last")["outcome"], "ok")
        self.assertEqual(self.token(), first)
        self.assertEqual(len(self.agent.set()["calls"]), 1)

    def test_the_request_is_as_the_specification_has_it(self):
        self.token("-vv")
        call = self.last_call()
        self.assertEqual(call["audience"], [AUDIENCE])
        self.assertEqual(call["spiffe_id"], "")
        self.assertEqual([value for key, value in call["metadata"] if key == "workload.spiffe.io"], ["true"])

    def test_every_form_of_address(self):
        tcp = self.start_agent("127.0.0.1:0")
        tcp.set(registrations=[{"spiffe_id": ID}])
        for address, agent in (("unix://" + self.socket, self.agent), ("unix:" + self.socket, self.agent),
                               ("UNIX:" + self.socket.replace("agent", "%61gent"), self.agent),
                               (f"tcp://127.0.0.1:{tcp.port}", tcp)):
            with self.subTest(address=address):
                before = len(agent.set()["calls"])
                self.env["SPIFFE_ENDPOINT_SOCKET"] = address
                self.token()
                self.assertEqual(len(agent.set()["calls"]), before + 1)
        self.assertEqual(len(self.records()), 4)

    def test_the_setting_is_above_the_variable(self):
        self.env["SPIFFE_ENDPOINT_SOCKET"] = "unix:///nowhere"
        self.token("--set", "subject.endpoint=unix:" + self.socket)
        del self.env["SPIFFE_ENDPOINT_SOCKET"]
        self.token("--set", "subject.provider=spiffe", "--set", "subject.endpoint=unix:" + self.socket)

    def test_no_proxy_is_asked(self):
        tcp = self.start_agent("127.0.0.1:0")
        tcp.set(registrations=[{"spiffe_id": ID}])
        self.env.update(http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1", all_proxy="http://127.0.0.1:1")
        self.token()
        self.token("--set", f"subject.endpoint=tcp://127.0.0.1:{tcp.port}")

    def test_one_of_several_identities_is_chosen(self):
        self.agent.set(registrations=[{"spiffe_id": OTHER, "hint": "external"}, {"spiffe_id": ID, "hint": "internal"}])
        self.token("--set", "subject.spiffe_id=" + ID)
        self.assertEqual(self.last_call()["spiffe_id"], ID)
        self.token("--set", "subject.hint=internal")
        self.assertEqual(self.last_call()["spiffe_id"], "")
        self.assertEqual(self.testbed.exchanges(), 2)

    def test_an_arbitrary_choice_is_told(self):
        self.agent.set(registrations=[{"spiffe_id": ID, "hint": "internal"}, {"spiffe_id": OTHER}])
        done = self.wif("get")
        self.assertRegex(done.stderr, r"2 SPIFFE identities.*arbitrary.*\(hint internal\).*spiffe_id.*hint")
        self.agent.set(registrations=[{"spiffe_id": ID}])
        self.assertEqual(self.wif("get", "--no-cache").stderr, "")

    def test_several_audiences(self):
        several = [AUDIENCE, "https://other.example"]
        ids = 'exchange = { identity_provider_id = "idp_testbed", service_account_id = "sa_testbed" }\n'
        for text, asked in ((json.dumps(several), several), (json.dumps(AUDIENCE), [AUDIENCE])):
            self.config('[profiles.p]\nsubject = { provider = "spiffe", audience = ' + text + " }\n" + ids)
            self.token("-p", "p")
            self.assertEqual(self.last_call()["audience"], asked)
        del self.env["WIF_CONFIG"]
        self.token("--set", "subject.audience=" + ",".join(reversed(several)))
        self.assertEqual(self.last_call()["audience"], several[::-1])
        self.env["OPENAI_WIF_AUDIENCE"] = AUDIENCE + "/"
        self.testbed.control("config", providers=[{"audience": AUDIENCE + "/"}])
        self.token()
        self.assertEqual(self.last_call()["audience"], [AUDIENCE + "/"])

    def test_a_passing_unavailability_is_waited_out(self):
        self.agent.set(error={"code": 14, "message": "connection closed", "times": 2})
        self.token()
        self.assertEqual(len(self.agent.set()["calls"]), 3)


class Refusals(Spiffe):
    def test_no_registration_is_told_with_what_the_agent_saw(self):
        self.agent.set(registrations=[])
        done = self.refused(4, "no identity issued.*no registration entry matches this process")
        self.assertRegex(done.stderr, rf"uid {os.geteuid()}, pid \d+, /\S+/wif-engine\)")
        self.assertEqual(len(self.agent.set()["calls"]), 1)
        self.assertIn("caller", done.stderr)

    def test_an_identity_that_this_process_does_not_have(self):
        self.refused(4, f"no registration entry that matches .* has the ID {OTHER}", "--set", "subject.spiffe_id=" + OTHER)
        self.refused(4, f"none of this process's .* the hint external.* {ID}", "--set", "subject.hint=external")

    def test_a_malformed_identity(self):
        self.refused(3, "invalid requested SPIFFE ID.*\n?.*subject.spiffe_id", "--set", "subject.spiffe_id=workload")

    def test_no_audience_is_not_asked_for(self):
        for text in ("[]", '["a", ""]', '""'):
            self.config('[profiles.p]\nsubject = { provider = "spiffe", audience = ' + text + " }\n")
            self.refused(3, "subject.audience", "-p", "p")
        self.assertEqual(self.agent.set()["calls"], [])

    def test_statuses(self):
        for code, exit_code, message, expected in (
                (3, 5, "security header missing from request", "was sent"),
                (3, 3, "audience must be specified", "subject.audience"),
                (14, 6, "could not fetch JWT-SVID: server down", "not available.*server down"),
                (7, 4, "100 % verboten: \u00fcberhaupt\nnicht", "100 % verboten: \u00fcberhaupt nicht \\(gRPC status 7"),
                (13, 6, "panic", "failed: panic"), (2, 6, "", "gRPC status 2"), (4, 6, "slow", "slow"),
                (16, 5, "who are you", "refuses: who are you"), (5, 5, "nothing", "gRPC status 5"),
                (7, 4, "the token is eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2ln here", r"\[redacted\]")):
            with self.subTest(code=code, message=message):
                before = len(self.agent.set(error={"code": code, "message": message})["calls"])
                self.refused(exit_code, expected)
                self.assertEqual(len(self.agent.set()["calls"]) - before, 4 if code == 14 else 1)

    def test_another_service(self):
        self.agent.set(serve=False)
        self.refused(3, "no Workload API.*gRPC status 12")


class Tokens(Spiffe):
    def test_what_openai_would_refuse_is_said_before_the_exchange(self):
        for registration, code, expected in (
                ({"mint": {"kid": False}}, 4, "no kid in its header, so OpenAI would refuse it"),
                ({"mint": {"omit": ["iat"]}}, 4, "no iat claim"),
                ({"mint": {"claims": {"aud": ["https://elsewhere"]}}}, 4, f"https://elsewhere, not for {AUDIENCE}"),
                ({"mint": {"ttl": -60, "age": 600}}, 4, "expired 60 s ago|expired 6[0-9] s ago"),
                ({"svid": "no-token"}, 4, "not a JSON Web Token"),
                ({"svid": ""}, 6, "without a token"),
                ({"svid": "x" * 2000000}, 6, "over 1 MiB")):
            with self.subTest(expected=expected):
                self.agent.set(registrations=[{"spiffe_id": ID, **registration}])
                self.refused(code, expected)

    def test_what_openai_would_refuse_is_shown_all_the_same(self):
        self.agent.set(registrations=[{"spiffe_id": ID, "mint": {"kid": False}}])
        done = self.plain("inspect", "--json", code=4)
        self.assertIn("no kid in its header", done.stderr)
        self.assertEqual(json.loads(done.stdout)["claims"]["sub"], ID)

    def test_a_token_in_its_second_half_is_used_to_its_end(self):
        self.agent.set(registrations=[{"spiffe_id": ID, "mint": {"age": 200, "ttl": 100}}])
        self.assertLessEqual(json.loads(self.wif("get").stdout)["expires_in"], 100)


class Addresses(Spiffe):
    def serve(self, talk):
        """A listening socket whose connections are handed to `talk`."""
        listener = socket.socket(socket.AF_UNIX)
        path = os.path.join(self.folder, "other.sock")
        listener.bind(path)
        listener.listen()
        kept = []

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                kept.append(connection)
                talk(connection)

        thread = threading.Thread(target=accept)
        thread.start()

        def stop():
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in (listener, *kept):
                one.close()

        self.addCleanup(stop)
        self.env["SPIFFE_ENDPOINT_SOCKET"] = "unix://" + path

    def test_no_socket(self):
        self.env["SPIFFE_ENDPOINT_SOCKET"] = f"unix://{self.folder}/none.sock"
        self.refused(6, r"none\.sock does not exist\n.*start the agent")

    def test_a_socket_that_nobody_listens_at(self):
        path = os.path.join(self.folder, "dead.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
        self.env["SPIFFE_ENDPOINT_SOCKET"] = "unix://" + path
        self.refused(6, r"cannot connect to \S*dead\.sock: .*\n.*the agent runs")

    def test_no_socket_at_all(self):
        self.env["SPIFFE_ENDPOINT_SOCKET"] = "unix://" + self.testbed.token_file
        self.refused(3, "is not a socket")

    def test_a_socket_that_is_not_for_this_user(self):
        def without_override():  # root too is to be kept out: no CAP_DAC_OVERRIDE, no CAP_DAC_READ_SEARCH
            for capability in (1, 2):
                ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)

        os.chmod(self.socket, 0)
        done = self.finish(self.start("get", preexec_fn=without_override))
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertRegex(done.stderr, r"not allowed to connect to .*agent\.sock")

    def test_one_that_accepts_and_never_answers(self):
        self.serve(lambda connection: None)
        self.refused(6, "did not|no answer|time-?out", "--timeout", "1s")
        self.env["SPIFFE_ENDPOINT_SOCKET"] = "unix://" + self.socket
        self.agent.set(hang=True)
        self.refused(6, "did not|no answer|time-?out", "--timeout", "1s")
        # A second try in what is left of 3 s would only say that no time was left.
        self.refused(6, "did not (finish its )?answer", "--timeout", "3s")

    def test_one_that_hangs_up(self):
        self.serve(lambda connection: connection.close())
        self.refused(6, r"other\.sock.*\n.*Workload API")

    def test_one_that_speaks_something_else(self):
        page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<html>no</html>"
        self.serve(lambda connection: connection.sendall(page))
        self.refused(6, r"other\.sock.*\n.*Workload API")
        port = self.testbed.about["http"].rsplit(":", 1)[1]
        self.refused(6, "127.0.0.1", "--set", "subject.endpoint=tcp://127.0.0.1:" + port)

    def test_what_is_no_agents_address(self):
        for address, why in (("/run/agent.sock", "neither"), ("http://127.0.0.1:1", "neither"),
                             ("unix://run/agent.sock", "slash"), ("unix:agent.sock", "slash"),
                             ("unix:///a?b", "path"), ("unix:///" + "x" * 120, "longer"),
                             ("tcp://localhost:8081", "IP address"), ("tcp://127.0.0.1", "port"),
                             ("tcp://127.0.0.1:8000/foo", "nothing else")):
            with self.subTest(address=address):
                self.env["SPIFFE_ENDPOINT_SOCKET"] = address
                self.refused(3, f"SPIFFE_ENDPOINT_SOCKET is not an agent's address: .*{why}.*\n.*unix:///")
        self.refused(3, "subject.endpoint is not", "--set", "subject.endpoint=x")
        self.refused(3, "plain http.*\n.*loopback", "--set", "subject.endpoint=tcp://192.0.2.1:8081")

    def test_no_address(self):
        del self.env["SPIFFE_ENDPOINT_SOCKET"]
        self.refused(4, "SPIFFE_ENDPOINT_SOCKET", "--set", "subject.provider=spiffe")
        self.assertNotIn("* spiffe", subprocess.run([WIF, "providers"], env=self.env, capture_output=True, text=True,
                                                    check=False).stdout)


if __name__ == "__main__":
    main()
