# SPDX-License-Identifier: Apache-2.0
"""An HTTP server on loopback that keeps what it was asked."""
import serving


class Handler(serving.Handler):
    def do_GET(self):
        self.body()
        authorization = self.headers.get("Authorization")
        self.owner.requests.append((self.path, authorization))
        status, headers = self.owner.respond(self.path, authorization)
        self.give(status, headers=headers.items())

    do_POST = do_GET


class Listener(serving.Server):
    """`respond(path, authorization)` gives the status and headers; `requests` has what came."""

    def __init__(self, respond):
        self.respond, self.requests = respond, []
        super().__init__(Handler)
