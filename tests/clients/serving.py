# SPDX-License-Identifier: Apache-2.0
"""What the tests' own HTTP servers have in common: they listen on loopback at a port that the kernel picks, until stop()."""
import json
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """`self.owner` is the Server that it answers for."""
    protocol_version = "HTTP/1.1"

    @property
    def owner(self):
        return self.server.owner

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def give(self, status, content=b"", kind=None, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def give_json(self, status, answer):
        self.give(status, json.dumps(answer).encode(), "application/json")

    def log_message(self, *_):
        pass


class Server:
    """Over https with a certificate of its own (`ca_file`) if it is given a folder for that."""

    def __init__(self, handler, folder=None, name="server"):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.owner = self
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.authority = f"127.0.0.1:{self.port}"
        self.url = ("https://" if folder else "http://") + self.authority
        if folder:
            key, self.ca_file = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                            "-out", self.ca_file, "-days", "2", "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
                           capture_output=True, check=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.ca_file, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
