# SPDX-License-Identifier: Apache-2.0
"""Google's STS as external accounts use it, and an API that takes its access tokens. It looks at what a subject token says, not at its
signature; what Google would refuse is told to `refuse`."""
import base64
import json
import time
from urllib.parse import parse_qs

import serving

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class Handler(serving.Handler):
    def do_POST(self):
        form = {name: values[0] for name, values in parse_qs(self.body().decode()).items()}
        self.give_json(*self.owner.exchange(form))

    def do_GET(self):
        living = self.headers.get("Authorization", "").removeprefix("Bearer ") in self.owner.living
        self.give_json(*((200, {"things": []}) if living else (401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})))


class Cloud(serving.Server):
    def __init__(self, audience):
        self.audience, self.subjects, self.refused, self.living = audience, [], set(), set()
        self.expires_in = 3600
        super().__init__(Handler)

    def exchange(self, form):
        subject = form["subject_token"]
        said = claims(subject)
        wanted = {"grant_type": GRANT, "audience": self.audience, "subject_token_type": JWT, "requested_token_type": ACCESS_TOKEN}
        wrong = [name for name, value in wanted.items() if form.get(name) != value]
        if said["aud"] not in ("https:" + self.audience, ["https:" + self.audience]):
            wrong.append("aud " + str(said["aud"]))
        if said["exp"] <= time.time():
            wrong.append("exp")
        if subject in self.refused:
            wrong.append("refused")
        if wrong:
            return 400, {"error": "invalid_grant", "error_description": ", ".join(wrong)}
        self.subjects.append(subject)
        token = f"wif-canary-at-cloud-{len(self.subjects)}"
        self.living.add(token)
        return 200, {"access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": self.expires_in}

    def refuse(self):
        """From here on none of the subject tokens that were taken are, and none of the access tokens."""
        self.refused.update(self.subjects)
        self.living.clear()
