# SPDX-License-Identifier: Apache-2.0
"""A private module registry as Terraform asks it: service discovery for everybody, the rest for whoever brings a bearer token that `allows`
says yes to; an empty one is none."""
import io
import tarfile

import serving

MODULE = b'output "word" {\n  value = "from the private registry"\n}\n'


def archive():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        info = tarfile.TarInfo("main.tf")
        info.size = len(MODULE)
        tar.addfile(info, io.BytesIO(MODULE))
    return data.getvalue()


class Handler(serving.Handler):
    def do_GET(self):
        registry = self.owner
        path = self.path.split("?")[0]
        if path == "/.well-known/terraform.json":
            return self.give_json(200, {"modules.v1": "/v1/modules/"})
        if path == "/archive.tar.gz":
            return self.give(200, archive(), "application/gzip")
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        registry.tokens.append(token)
        if scheme not in ("", "Bearer") or not registry.allows(token):
            return self.give_json(401, {"errors": ["Unauthorized"]})
        if path.endswith("/versions"):
            return self.give_json(200, {"modules": [{"versions": [{"version": "1.0.0"}]}]})
        return self.give(204, headers=[("X-Terraform-Get", f"https://{registry.authority}/archive.tar.gz")])


class Registry(serving.Server):
    def __init__(self, folder, allows):
        self.allows, self.tokens = allows, []
        super().__init__(Handler, folder, "registry")
