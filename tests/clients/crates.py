# SPDX-License-Identifier: Apache-2.0
"""A private registry for cargo, by the sparse protocol (https://doc.rust-lang.org/cargo/reference/registry-index.html), and a cargo."""
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cached

CRATE = {"Cargo.toml": '[package]\nname = "treasure"\nversion = "0.1.0"\nedition = "2021"\n', "src/lib.rs": ""}
SINCE = (1, 74)  # credential providers


def cargo():
    """One that knows credential providers: the machine's, or Debian 12's other one, whose libraries come with its `cargo`."""
    for path in filter(None, (shutil.which("cargo"), "/usr/bin/cargo")):
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        found = re.match(r"cargo (\d+)\.(\d+)", done.stdout)
        if found and tuple(map(int, found.groups())) >= SINCE:
            return path
    return os.path.join(cached.made("cargo-web", "debian", unpack), "usr", "bin", "cargo")


def unpack(folder):
    os.mkdir(folder)
    cached.run("cargo 1.74 or later", ["sh", "-c", "apt-get --quiet=2 download cargo-web && dpkg-deb --extract cargo-web_*.deb . && "
                                       "rm cargo-web_*.deb && usr/bin/cargo --version"], cwd=folder)


def package():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in CRATE.items():
            entry = tarfile.TarInfo("treasure-0.1.0/" + name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue(), mtime=0)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        crates = self.server.crates
        sent = self.headers.get("Authorization")
        good = sent is not None and crates.knows(sent)
        if sent is not None:
            crates.requests.append((self.path, good))
        if not good:
            self.give(401, b"")
        elif self.path in crates.files:
            self.give(200, crates.files[self.path])
        else:
            self.give(404, b"")

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.crates.requests.append((self.path, self.server.crates.knows(self.headers.get("Authorization", ""))))
        self.give(200, b'{"ok":true,"msg":"yes"}')

    do_DELETE = do_PUT

    def give(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Cargo login_url="https://registry.example.com/me"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Crates:
    """`knows(authorization)` tells who may read; `requests` has (path, whether let in) of those that had one."""

    def __init__(self, knows):
        self.knows, self.requests = knows, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.crates = self
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        packed = package()
        row = {"name": "treasure", "vers": "0.1.0", "deps": [], "features": {}, "yanked": False, "cksum": hashlib.sha256(packed).hexdigest()}
        self.files = {
            "/index/config.json": json.dumps({"dl": self.url + "/dl", "api": self.url, "auth-required": True}).encode(),
            "/index/tr/ea/treasure": json.dumps(row).encode() + b"\n",
            "/dl/treasure/0.1.0/download": packed,
        }
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
