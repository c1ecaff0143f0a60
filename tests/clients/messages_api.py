# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the part of Anthropic's API that Claude Code needs: POST /v1/messages, with and without events."""
import json

import serving

ANSWER = "Hello from the testbed."


class Handler(serving.Handler):
    def do_POST(self):
        body = self.body()
        key = self.headers.get("x-api-key") or ""
        good = self.owner.allows(key)
        if self.path.startswith("/v1/messages"):
            self.owner.messages.append((200 if good else 401, key, self.headers.get("Authorization")))
        if not good:
            self.give_json(401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}})
        elif json.loads(body or b"{}").get("stream"):
            self.stream()
        else:
            self.give_json(200, message([{"type": "text", "text": ANSWER}], "end_turn"))

    def do_GET(self):
        self.give_json(404, {"type": "error", "error": {"type": "not_found_error", "message": "not found"}})

    do_HEAD = do_GET

    def stream(self):
        events = [
            {"type": "message_start", "message": message([], None)},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 5}},
            {"type": "message_stop"}]
        self.give(200, "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode(), "text/event-stream")


def message(content, stop_reason):
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-testbed", "content": content, "stop_reason": stop_reason,
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}


class Api(serving.Server):
    """`allows(key)` says who is let in; `messages` are the requests for an answer: status, x-api-key, Authorization."""

    def __init__(self, allows):
        self.allows, self.messages = allows, []
        super().__init__(Handler)
