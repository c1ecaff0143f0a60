# SPDX-License-Identifier: Apache-2.0
"""moto's server with GetWebIdentityToken, which moto lacks: signature, session token, IAM's policies, reading the request and
writing the answer are moto's, by AWS's own model of STS; the token is what the testbed at argv[1] mints for the caller.

Prints its port, and ends when standard input does."""
import json
import sys
import threading
import urllib.request

from moto.core.responses import ActionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sts.responses import TokenResponse
from werkzeug.serving import make_server


def mint(**options):
    request = urllib.request.Request(sys.argv[1] + "/control/mint", json.dumps(options).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return answer.read().decode()


ASKED = []


def get_web_identity_token(self):
    _, arn, _ = self.backend.get_caller_identity(self.get_access_key(), self.region)
    ASKED.append({"caller": arn, "region": self.region, **self.params})
    [audience] = self.params["Audience"]
    token = mint(shape="aws", audience=audience, claims={"sub": arn}, ttl=self.params["DurationSeconds"])
    return ActionResult({"WebIdentityToken": token, "Expiration": "2030-01-02T03:04:05Z"})


def application(environ, start_response):
    """moto, and what was asked of GetWebIdentityToken."""
    if environ["PATH_INFO"] != "/asked":
        return MOTO(environ, start_response)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(ASKED).encode()]


TokenResponse.get_web_identity_token = get_web_identity_token
MOTO = DomainDispatcherApplication(create_backend_app)
SERVER = make_server("127.0.0.1", 0, application, threaded=True)
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
print(SERVER.server_port, flush=True)
sys.stdin.read()
