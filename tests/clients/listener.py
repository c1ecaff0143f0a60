# SPDX-License-Identifier: Apache-2.0
"""An HTTP server on loopback that keeps what it was asked."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        listener = self.server.listener
        authorization = self.headers.get("Authorization")
        listener.requests.append((self.path, authorization))
        status, headers = listener.respond(self.path, authorization)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Listener:
    """`respond(path, authorization)` gives the status and headers; `requests` has what came."""

    def __init__(self, respond):
        self.respond, self.requests = respond, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.listener = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
