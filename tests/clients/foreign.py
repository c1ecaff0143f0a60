# SPDX-License-Identifier: Apache-2.0
"""An exchange that shares no line with wif or its testbed: http.server, the openssl command, and the specification
(1-token-exchange.md) read afresh. Its answers are as far from the testbed's as HTTP and JSON allow.
"""
import base64
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ISSUER = "https://issuer.example/cluster"
AUDIENCE = "https://api.openai.com/v1"
PROVIDER, ACCOUNT = "idp_foreign", "sa_foreign"


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signer:
    """An RSA key, and RS256 tokens by it."""

    def __init__(self, folder):
        self.key, self.public, self.signature = (os.path.join(folder, name) for name in ("key.pem", "pub.pem", "sig"))
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key)
        openssl("pkey", "-in", self.key, "-pubout", "-out", self.public)

    def token(self, **claims):
        now = int(time.time())
        payload = {"iss": ISSUER, "aud": [AUDIENCE], "sub": "somebody", "iat": now, "exp": now + 3000, **claims}
        text = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "one"}, payload))
        return text + "." + encode(openssl("dgst", "-sha256", "-sign", self.key, data=text.encode()))

    def verifies(self, token):
        text, signature = token.rsplit(".", 1)
        with open(self.signature, "wb") as file:
            file.write(decode(signature))
        words = ["openssl", "dgst", "-sha256", "-verify", self.public, "-signature", self.signature]
        return subprocess.run(words, input=text.encode(), capture_output=True, check=False).returncode == 0


class Authority:
    """A root, an authority below it, and a server's certificate for 127.0.0.1 and exchange.localhost."""

    def __init__(self, folder):
        self.folder = folder
        self.root = self.path("root.pem")
        openssl("req", "-x509", *self.new_key("root"), "-out", self.root, "-days", "1", "-subj", "/CN=Foreign root", "-addext",
                "keyUsage=keyCertSign")
        self.issue("middle", "root", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign")
        self.issue("server", "middle", "subjectAltName=IP:127.0.0.1,DNS:exchange.localhost")
        with open(self.path("chain.pem"), "w", encoding="ascii") as chain:
            for name in ("server", "middle"):
                with open(self.path(name + ".pem"), encoding="ascii") as file:
                    chain.write(file.read())

    def path(self, name):
        return os.path.join(self.folder, name)

    def new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(name + ".key")]

    def issue(self, name, issuer, extensions):
        request = openssl("req", "-new", *self.new_key(name), "-subj", "/CN=Foreign " + name)
        with open(self.path("extensions"), "w", encoding="ascii") as file:
            file.write(extensions)
        openssl("x509", "-req", "-CA", self.path(issuer + ".pem"), "-CAkey", self.path(issuer + ".key"), "-days", "1",
                "-CAcreateserial", "-extfile", self.path("extensions"), "-out", self.path(name + ".pem"), data=request)

    def context(self, certificate="chain.pem"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(certificate), self.path("server.key"))
        return context


def mistakes(signer, method, path, headers, body):
    """What is wrong with a request, in words."""
    checks = [(method == "POST", "method"), (path == "/oauth/token", "path"),
              (headers.get("content-type", "").split(";")[0].strip() == "application/json", "content type"),
              (not {"authorization", "transfer-encoding", "expect", "cookie"} & set(headers), "a header too many"),
              (headers.get("content-length") == str(len(body)), "length")]
    fields = json.loads(body)
    token = fields.pop("subject_token", "")
    wanted = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "identity_provider_id": PROVIDER,
              "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "service_account_id": ACCOUNT}
    checks.append((fields == wanted, f"fields: {fields}"))
    header, claims = (json.loads(decode(part)) for part in token.split(".")[:2])
    checks += [(token.count(".") == 2, "parts"), (header["alg"] == "RS256" and bool(header["kid"]), "header"),
               (claims["iss"] == ISSUER and AUDIENCE in claims["aud"] and claims["sub"] == "somebody", "claims"),
               (claims["iat"] <= time.time() < claims["exp"], "times"), (signer.verifies(token), "signature")]
    return [name for good, name in checks if not good]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        exchange = self.server.exchange
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            found = mistakes(exchange.signer, self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        except (ValueError, KeyError, TypeError) as error:
            found = [repr(error)]
        exchange.requests.append(found)
        if found:
            self.wfile.write(b"HTTP/1.0 400 What\r\n\r\n")
            return
        # The body ends with the connection.
        self.wfile.write(b"HTTP/1.0 200 Very Well\r\nsERVER: something else\r\ncONTENT-tYPE:application/json;charset=UTF-8\r\n"
                         b"X-Empty:\r\npragma: no-cache\r\n\r\n" + exchange.answer().encode()[:exchange.cut])

    do_GET = do_PUT = do_POST

    def finish(self):
        super().finish()
        if self.server.exchange.cut is None and isinstance(self.connection, ssl.SSLSocket):
            try:
                self.connection.unwrap()
            except OSError:
                pass  # the client was quicker

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    def __init__(self, exchange, context):
        super().__init__(("127.0.0.1", 0), Handler)
        self.exchange = exchange
        self.context = context

    def finish_request(self, request, client_address):
        if not self.context:
            super().finish_request(request, client_address)
            return
        # Here, where a client that doesn't like the certificate only ends its own thread.
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        pass


class Exchange:
    """Runs the server; `requests` has the mistakes of each request."""

    def __init__(self, signer, token, context=None):
        self.signer, self.issued = signer, token
        self.requests = []
        self.cut = None  # an answer ends after so many bytes, and its connection without TLS's own end
        self.server = Server(self, context)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.port = self.server.server_address[1]
        self.scheme = "https" if context else "http"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def url(self, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}/oauth/token"

    def answer(self):
        """Pretty, with what nobody asked for, and every value as odd as the specification lets it be."""
        text = json.dumps({
            "$schema": "https://exchange.example/s", "meta": {"access_token": None, "took": [0.25, -1e-9]},
            "token_type": "bearer", "access_token": self.issued, "expires_in": "1800", "scope": None,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "greeting": "caf\u00e9 \u2615",
            "refresh_token": "", "id_token": None}, indent=4, ensure_ascii=False)
        return text.replace("\n", "\r\n") + "\r\n\r\n"


class Proxy:
    """Tunnels CONNECT; keeps who was asked for, and every byte that the client sent."""

    def __init__(self):
        self.asked, self.seen = [], b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, client.makefile("rb", buffering=0) as lines:
                words = lines.readline().split()
                while lines.readline().strip():
                    pass
                self.asked.append(words[1].decode())
                with socket.create_connection(("127.0.0.1", int(words[1].rsplit(b":", 1)[1]))) as server:
                    client.sendall(b"HTTP/1.1 200 Tunnel\r\n\r\n")
                    back = threading.Thread(target=self.relay, args=(server, client))
                    back.start()
                    self.relay(client, server, keep=True)
                    back.join()

    def relay(self, source, target, keep=False):
        try:
            while data := source.recv(65536):
                if keep:
                    self.seen += data  # before it is passed on: who is answered may look at it
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
