# SPDX-License-Identifier: Apache-2.0
"""A private module registry as Terraform asks it: service discovery for everybody, the rest for whoever brings a bearer token that `allows`
says yes to; an empty one is none."""
import io
import json
import os
import ssl
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODULE = b'output "word" {\n  value = "from the private registry"\n}\n'


def archive():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        info = tarfile.TarInfo("main.tf")
        info.size = len(MODULE)
        tar.addfile(info, io.BytesIO(MODULE))
    return data.getvalue()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        registry = self.server.registry
        path = self.path.split("?")[0]
        if path == "/.well-known/terraform.json":
            return self.give(200, json.dumps({"modules.v1": "/v1/modules/"}).encode())
        if path == "/archive.tar.gz":
            return self.give(200, archive(), "application/gzip")
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        registry.tokens.append(token)
        if scheme not in ("", "Bearer") or not registry.allows(token):
            return self.give(401, b'{"errors":["Unauthorized"]}')
        if path.endswith("/versions"):
            return self.give(200, json.dumps({"modules": [{"versions": [{"version": "1.0.0"}]}]}).encode())
        return self.give(204, b"", location=f"https://{registry.authority}/archive.tar.gz")

    def give(self, status, body, kind="application/json", location=None):
        self.send_response(status)
        if location:
            self.send_header("X-Terraform-Get", location)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Registry:
    def __init__(self, folder, allows):
        self.allows, self.tokens = allows, []
        key, self.ca_file = os.path.join(folder, "registry.key"), os.path.join(folder, "registry.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                        self.ca_file, "-days", "2", "-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1"],
                       capture_output=True, check=True)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.registry = self
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.authority = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
