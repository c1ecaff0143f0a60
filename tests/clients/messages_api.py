# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the part of Anthropic's API that Claude Code needs: POST /v1/messages, with and without events."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = "Hello from the testbed."


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = self.headers.get("x-api-key") or ""
        good = self.server.api.allows(key)
        if self.path.startswith("/v1/messages"):
            self.server.api.messages.append((200 if good else 401, key, self.headers.get("Authorization")))
        if not good:
            self.answer(401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}})
        elif json.loads(body or b"{}").get("stream"):
            self.stream()
        else:
            self.answer(200, message([{"type": "text", "text": ANSWER}], "end_turn"))

    def do_GET(self):
        self.answer(404, {"type": "error", "error": {"type": "not_found_error", "message": "not found"}})

    do_HEAD = do_GET

    def stream(self):
        events = [
            {"type": "message_start", "message": message([], None)},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 5}},
            {"type": "message_stop"}]
        self.send(200, "text/event-stream", "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events))

    def answer(self, status, body):
        self.send(status, "application/json", json.dumps(body))

    def send(self, status, kind, text):
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def message(content, stop_reason):
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-testbed", "content": content, "stop_reason": stop_reason,
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}


class Api:
    """`allows(key)` says who is let in; `messages` are the requests for an answer: status, x-api-key, Authorization."""

    def __init__(self, allows):
        self.allows, self.messages = allows, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.api = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
