# SPDX-License-Identifier: Apache-2.0
"""Google's STS as external accounts use it, and an API that takes its access tokens. It looks at what a subject token says, not at its
signature; what Google would refuse is told to `refuse`."""
import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        self.give(*self.server.cloud.exchange(form))

    def do_GET(self):
        living = self.headers.get("Authorization", "").removeprefix("Bearer ") in self.server.cloud.living
        self.give(*((200, {"things": []}) if living else (401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})))

    def give(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Cloud:
    def __init__(self, audience):
        self.audience, self.subjects, self.refused, self.living = audience, [], set(), set()
        self.expires_in = 3600
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.cloud = self
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def exchange(self, form):
        subject = form["subject_token"]
        said = claims(subject)
        wanted = {"grant_type": GRANT, "audience": self.audience, "subject_token_type": JWT, "requested_token_type": ACCESS_TOKEN}
        wrong = [name for name, value in wanted.items() if form.get(name) != value]
        if said["aud"] not in ("https:" + self.audience, ["https:" + self.audience]):
            wrong.append("aud " + str(said["aud"]))
        if said["exp"] <= time.time():
            wrong.append("exp")
        if subject in self.refused:
            wrong.append("refused")
        if wrong:
            return 400, {"error": "invalid_grant", "error_description": ", ".join(wrong)}
        self.subjects.append(subject)
        token = f"wif-canary-at-cloud-{len(self.subjects)}"
        self.living.add(token)
        return 200, {"access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": self.expires_in}

    def refuse(self):
        """From here on none of the subject tokens that were taken are, and none of the access tokens."""
        self.refused.update(self.subjects)
        self.living.clear()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
