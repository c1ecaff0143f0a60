# SPDX-License-Identifier: Apache-2.0
"""A container registry with token authentication (https://distribution.github.io/distribution/spec/auth/), as large as a pull needs.

It serves one image, `app`, to who shows its token endpoint a living token of the testbed: as a password (GET), or as an identity
token (POST)."""
import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


def image():
    """The blobs by digest, and the manifest."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("empty"))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": [digest(layer.getvalue())]}}).encode()
    kinds = [("config", "application/vnd.oci.image.config.v1+json", config),
             ("layer", "application/vnd.oci.image.layer.v1.tar+gzip", packed)]
    about = {name: {"mediaType": kind, "digest": digest(blob), "size": len(blob)} for name, kind, blob in kinds}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": about["config"], "layers": [about["layer"]]}
    return {digest(blob): blob for _, _, blob in kinds}, json.dumps(manifest).encode()


MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        registry, url = self.server.registry, urlsplit(self.path)
        if url.path == "/token":
            kind, _, value = self.headers.get("Authorization", "").partition(" ")
            user, _, password = base64.b64decode(value).decode().partition(":") if kind == "Basic" else ("", "", "")
            self.give_token(user, password)
        elif self.headers.get("Authorization") != "Bearer " + registry.pass_token:
            self.give(401, b"{}", WWW_Authenticate=f'Bearer realm="{registry.url}/token",service="registry"')
        elif url.path.startswith("/v2/app/manifests/"):
            self.give(200, registry.manifest, MANIFEST, Docker_Content_Digest=digest(registry.manifest))
        elif url.path.startswith("/v2/app/blobs/"):
            self.give(200, registry.blobs[url.path.rsplit("/", 1)[1]], "application/octet-stream")
        else:
            self.give(200 if url.path == "/v2/" else 404, b"{}")

    do_HEAD = do_GET

    def do_POST(self):
        fields = parse_qs(b"".join(self.chunks()).decode())
        self.give_token("<token>", fields.get("refresh_token", [""])[0])

    def chunks(self):
        """The body; skopeo's has no length (RFC 9112 section 7.1)."""
        if "Content-Length" in self.headers:
            yield self.rfile.read(int(self.headers["Content-Length"]))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def give_token(self, user, password):
        registry = self.server.registry
        good = registry.knows(password)
        registry.logins.append((user, good))
        token = registry.pass_token if good else "anonymous"
        status = 401 if password and not good else 200
        self.give(status, json.dumps({"token": token, "access_token": token, "expires_in": 300} if status == 200 else {}).encode())

    def give(self, status, body, kind="application/json", **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Registry:
    """`knows(token)` tells who may pull; `logins` has each (user, whether let in) at the token endpoint."""

    def __init__(self, knows):
        self.knows, self.logins, self.pass_token = knows, [], "wif-canary-at-of-the-registry"
        self.blobs, self.manifest = image()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.registry = self
        self.name = "127.0.0.1:%d" % self.server.server_address[1]
        self.url = "http://" + self.name
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
