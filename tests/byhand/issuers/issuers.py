# SPDX-License-Identifier: Apache-2.0
"""The real issuers. Each has `url` (the tokens' iss), `audience`, `subject` (their sub), `source` (a profile's subject that fetches one)
and `more` (profiles that this needs); `begin` starts it and has it give one, `rotate` has it sign with another key and publish that
one only. They listen at 127.0.0.1 with the testbed's certificate."""
import json
import os
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

import golang
import programs
from dex import CLIENT, SECRET, Dex, unused_port

OPENAI = "https://api.openai.com/v1"


def until(what, process=None, log=""):
    """Servers of others, which don't tell when they are there or have taken something up."""
    for _ in range(600):
        found = what()
        if found:
            return found
        if process and process.poll() is not None:
            break
        threading.Event().wait(0.2)
    text = ""
    if log:
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read()[-3000:]
    raise RuntimeError("it doesn't come:\n" + text)


class Issuer:
    more = ""

    def __init__(self, folder, testbed):
        self.folder, self.ca_file = folder, testbed.about["ca_file"]
        self.cert, self.cert_key = (os.path.join(os.path.dirname(self.ca_file), name) for name in ("server.pem", "server.key"))
        self.processes = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        return self.path(name)

    def start(self, program, *words, ready):
        """Returns when `ready` is true."""
        log = self.path(program + ".log")
        with open(log, "ab") as file:
            process = subprocess.Popen([os.path.join(programs.FOLDER, "bin", program), *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=file, stderr=file)
        self.processes[program] = process
        until(ready, process, log)

    def end(self, program):
        process = self.processes.pop(program)
        process.terminate()
        process.wait()

    def stop(self):
        for program in reversed(list(self.processes)):
            self.end(program)

    def ask(self, path, body=None, token=None):
        """The JSON that it answers; {} if it isn't there yet, or doesn't want to."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": "Bearer " + token} if token else {})
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body else None, headers)
        try:
            with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.ca_file), timeout=60) as answer:
                text = answer.read()
        except (urllib.error.URLError, ConnectionError):
            return {}
        return {"said": "ok"} if text == b"ok" else json.loads(text)

    def keys(self):
        return self.ask(self.jwks)


class Kubernetes(Issuer):
    """An API server, and etcd behind it."""
    name, jwks, audience, subject = "kube-apiserver", "/openid/v1/jwks", OPENAI, "system:serviceaccount:default:app"
    ADMIN = "administrator"

    def __init__(self, folder, testbed):
        super().__init__(folder, testbed)
        self.source = f'provider = "kubernetes", path = "{self.path("token")}"'
        self.port, self.etcd = unused_port(), f"http://127.0.0.1:{unused_port()}"
        self.url = f"https://127.0.0.1:{self.port}"

    @staticmethod
    def build():
        programs.build("etcd")
        programs.build("kubernetes")

    def serve(self):
        """With a key of its own for service accounts."""
        subprocess.run(["openssl", "genrsa", "-out", self.path("sa.key"), "2048"], check=True, capture_output=True)
        self.start("kube-apiserver", "--etcd-servers", self.etcd, "--bind-address=127.0.0.1", f"--secure-port={self.port}",
                   "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
                   "--tls-cert-file", self.cert, "--tls-private-key-file", self.cert_key, "--authorization-mode=RBAC",
                   "--token-auth-file=admins.csv", "--service-account-issuer", self.url, "--service-account-jwks-uri",
                   self.url + self.jwks, "--service-account-signing-key-file=sa.key", "--service-account-key-file=sa.key",
                   ready=lambda: self.ask("/readyz", token=self.ADMIN))

    def create(self, path, **what):
        made = self.ask(path, what, self.ADMIN)
        if not made:
            raise RuntimeError("the API server refuses " + path)
        return made

    def begin(self, openai):
        self.start("server", "--data-dir=etcd", "--unsafe-no-fsync", "--listen-peer-urls=http://127.0.0.1:0", "--listen-client-urls",
                   self.etcd, "--advertise-client-urls", self.etcd, ready=lambda: True)  # the API server waits for it
        self.write("admins.csv", f"{self.ADMIN},admin,1,system:masters\n")
        self.serve()
        account = {"name": "app"}
        self.create("/api/v1/namespaces/default/serviceaccounts", metadata=account)
        self.pod = self.create("/api/v1/namespaces/default/pods", metadata=account,
                               spec={"serviceAccountName": "app", "containers": [{"name": "app", "image": "app"}]})
        self.project_token()
        keys = self.ask(self.jwks, token=self.ADMIN)
        openai.upload(self, {"keys": []})
        openai.case(self, "as a cluster is at first: nobody may read its keys", "discovery", ["HTTP 403", "upload the key set"])
        openai.upload(self, keys)
        openai.case(self, "so they are uploaded, and none the worse", steps=[("discovery", "HTTP 403"), *WELL_UPLOADED], copy=True)
        group = "rbac.authorization.k8s.io"
        self.create(f"/apis/{group}/v1/clusterrolebindings", metadata={"name": "discovery"},
                    roleRef={"apiGroup": group, "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"},
                    subjects=[{"apiGroup": group, "kind": "Group", "name": "system:unauthenticated"}])
        until(self.keys)

    def project_token(self):
        """As the kubelet does for a pod."""
        bound = {"apiVersion": "v1", "kind": "Pod", "name": "app", "uid": self.pod["metadata"]["uid"]}
        answer = self.create("/api/v1/namespaces/default/serviceaccounts/app/token",
                             spec={"audiences": [OPENAI], "expirationSeconds": 3600, "boundObjectRef": bound})
        self.write("token", answer["status"]["token"])

    def rotate(self):
        self.end("kube-apiserver")
        self.serve()
        self.project_token()


WELL_UPLOADED = [(step, "ok") for step in ("uploaded_jwks", "key", "signature", "exchange")]


class Spire(Issuer):
    """A server, an agent, and the discovery provider."""
    name, jwks, audience, subject = "SPIRE", "/keys", OPENAI, "spiffe://example.com/ns/inference/sa/worker"

    def __init__(self, folder, testbed):
        super().__init__(folder, testbed)
        self.source = f'provider = "spiffe", endpoint = "unix://{self.path("agent.sock")}"'
        self.port = unused_port()
        self.url = f"https://127.0.0.1:{self.port}"

    def begin(self, openai):
        self.openai, server = openai, unused_port()
        common = 'plugins {\n NodeAttestor "join_token" { plugin_data {} }\n KeyManager "memory" { plugin_data {} }\n'
        self.run("spire-server", f"""server {{
 bind_address = "127.0.0.1"
 bind_port = "{server}"
 socket_path = "{self.path('server.sock')}"
 trust_domain = "example.com"
 data_dir = "{self.path('server')}"
 jwt_issuer = "{self.url}"
}}
{common} DataStore "sql" {{ plugin_data {{ database_type = "sqlite3", connection_string = "{self.path('server.sqlite3')}" }} }}
}}
""", "server.sock")
        join = json.loads(self.server("token", "generate", "-spiffeID", "spiffe://example.com/agent", "-output", "json"))["value"]
        self.run("spire-agent", f"""agent {{
 data_dir = "{self.path('agent')}"
 server_address = "127.0.0.1"
 server_port = "{server}"
 socket_path = "{self.path('agent.sock')}"
 trust_domain = "example.com"
 trust_bundle_path = "{self.write('bundle.pem', self.server('bundle', 'show'))}"
 join_token = "{join}"
}}
{common} WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
""", "agent.sock")
        self.start("oidc-discovery-provider", "-config", self.write("discovery.conf", f"""
domains = ["127.0.0.1"]
serving_cert_file {{
 cert_file_path = "{self.cert}"
 key_file_path = "{self.cert_key}"
 addr = "127.0.0.1:{self.port}"
}}
server_api {{
 address = "unix://{self.path('server.sock')}"
 poll_interval = "1s"
}}
"""), ready=self.keys)
        self.server("entry", "create", "-parentID", "spiffe://example.com/agent", "-spiffeID", self.subject, "-selector",
                    f"unix:uid:{os.getuid()}")
        until(self.token)

    @staticmethod
    def build():
        programs.build("spire")

    def run(self, program, config, socket):
        healthy = [os.path.join(programs.FOLDER, "bin", program), "healthcheck", "-socketPath", self.path(socket)]
        self.start(program, "run", "-config", self.write(program + ".conf", config),
                   ready=lambda: subprocess.run(healthy, capture_output=True, check=False).returncode == 0)

    def server(self, *words):
        return subprocess.run([os.path.join(programs.FOLDER, "bin", "spire-server"), *words, "-socketPath", self.path("server.sock")],
                              capture_output=True, text=True, check=True).stdout

    def token(self):
        """What the agent gives; it hears of entries and keys within seconds."""
        return self.openai.call(self, "subject").stdout

    def rotate(self):
        header, old = self.token().split(".")[0], self.jwt("show")["active"]["authority_id"]
        new = self.jwt("prepare")["prepared_authority"]["authority_id"]
        until(lambda: len(self.keys()["keys"]) == 2)
        self.jwt("activate", "-authorityID", new)
        self.jwt("taint", "-authorityID", old)  # the agent throws away what that one signed
        until(lambda: self.token().split(".")[0] not in ("", header))
        self.jwt("revoke", "-authorityID", old)
        until(lambda: [key["kid"] for key in self.keys()["keys"]] == [new])

    def jwt(self, *words):
        return json.loads(self.server("localauthority", "jwt", *words, "-output", "json"))


class RealDex(Issuer):
    """Dex, which trusts the testbed's issuer; its keys are in its memory."""
    name, jwks, audience, source = "Dex", "/keys", CLIENT, 'profile = "dex"'

    def __init__(self, folder, testbed):
        super().__init__(folder, testbed)
        self.testbed, self.dex, self.port = testbed, None, unused_port()
        self.url = f"https://127.0.0.1:{self.port}/dex"
        self.more = f"""[profiles.dex]
subject = {{ provider = "file", path = "{testbed.token_file}" }}
[profiles.dex.exchange]
kind = "dex"
url = "{self.url}/token"
ca_file = "{self.ca_file}"
connector_id = "kubernetes"
client_id = "{CLIENT}"
client_secret_file = "{self.write('secret', SECRET)}"
requested_token_type = "urn:ietf:params:oauth:token-type:id_token"
"""

    @staticmethod
    def build():
        golang.program("dex")

    def begin(self, openai):
        self.serve()
        self.subject = json.loads(openai.call(self, "inspect", "--json").stdout)["claims"]["sub"]

    def serve(self):
        self.dex = Dex(golang.program("dex"), self.folder, self.testbed, self.port)

    def rotate(self):
        self.stop()
        self.serve()

    def stop(self):
        if self.dex:
            self.dex.stop()


KINDS = [Kubernetes, Spire, RealDex]
