# SPDX-License-Identifier: Apache-2.0
"""A running Dex (golang/dex) over https with the testbed's certificate, whose connectors trust the testbed's issuer."""
import http.client
import json
import os
import re
import socket
import ssl
import subprocess

import listening

ISSUER = "https://dex.example/dex"  # what its tokens say; nobody looks it up
CLIENT, SECRET = "wif-client", "wif-canary-at-secret"


def unused_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Dex:
    def __init__(self, program, folder, testbed, port=0):
        """With a `port` its issuer is the address that it listens on, so that it can be looked up."""
        self.ca_file = testbed.about["ca_file"]
        self.asked_port = port
        self.issuer = f"https://127.0.0.1:{port}/dex" if port else ISSUER
        self.log = os.path.join(folder, "dex.log")
        config = os.path.join(folder, "dex.json")
        with open(config, "w", encoding="utf-8") as file:
            json.dump(self.config(testbed), file)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([program, "serve", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.telemetry, self.port = listening.ports_of(self.process, 2, self.log)
        self.url = f"https://127.0.0.1:{self.port}/dex"

    def config(self, testbed):
        server = os.path.dirname(self.ca_file)
        # A user's name and mail are what tokens of Kubernetes and SPIRE lack.
        trusting = {"issuer": testbed.about["issuer"], "clientID": "unused", "redirectURI": ISSUER + "/callback",
                    "scopes": ["openid"], "userNameKey": "sub"}
        return {"issuer": self.issuer, "storage": {"type": "memory"}, "telemetry": {"http": "127.0.0.1:0"},
                "web": {"https": f"127.0.0.1:{self.asked_port}", "tlsCert": server + "/server.pem", "tlsKey": server + "/server.key"},
                "oauth2": {"grantTypes": ["urn:ietf:params:oauth:grant-type:token-exchange"]},
                "staticClients": [{"id": CLIENT, "secret": SECRET, "name": "wif"}],
                "connectors": [{"type": "oidc", "id": name, "name": name, "config": trusting} for name in ("kubernetes", "spire")]}

    def exchanges(self):
        """How many requests its token endpoint has answered with a token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.telemetry, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = re.search(r'^http_requests_total\{code="200",handler="/token",method="POST"\} (\d+)$', text, re.MULTILINE)
        return int(found.group(1)) if found else 0

    def keys(self):
        """Its JWKS."""
        context = ssl.create_default_context(cafile=self.ca_file)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)
        connection.request("GET", "/dex/keys")
        keys = json.load(connection.getresponse())
        connection.close()
        return keys

    def stop(self):
        self.process.terminate()
        self.process.wait()
