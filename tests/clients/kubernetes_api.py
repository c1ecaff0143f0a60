# SPDX-License-Identifier: Apache-2.0
"""As much of a Kubernetes API server as kubectl asks for one pod, over https, for whoever brings a bearer token that `allows` says yes to."""
import serving

POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "app", "namespace": "default"}, "spec": {"containers": []}, "status": {}}
ANSWERS = {
    "/version": {"major": "1", "minor": "30", "gitVersion": "v1.30.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
        {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list"], "shortNames": ["po"]}]},
    "/api/v1/namespaces/default/pods": {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [POD]},
}
UNAUTHORIZED = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
                "reason": "Unauthorized", "code": 401}
MISSING = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404}


class Handler(serving.Handler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        allowed = scheme == "Bearer" and self.owner.allows(token)
        answer = ANSWERS.get(self.path.split("?")[0], MISSING) if allowed else UNAUTHORIZED
        status = answer.get("code", 200)
        self.owner.statuses.append(status)
        self.give_json(status, answer)


class Api(serving.Server):
    def __init__(self, folder, allows):
        self.allows, self.statuses = allows, []
        super().__init__(Handler, folder, "api")


def resources(group, *kinds):
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": [
        {"name": kind.lower() + "s", "singularName": "", "namespaced": True, "kind": kind, "verbs": ["create", "get"]} for kind in kinds]}


APPS = {"groupVersion": "apps/v1", "version": "v1"}
DISCOVERED = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "apps", "versions": [APPS], "preferredVersion": APPS}]},
    "/api/v1": resources("v1", "ServiceAccount", "Pod"),
    "/apis/apps/v1": resources("apps/v1", "Deployment"),
}


class DiscoveryHandler(serving.Handler):
    def do_GET(self):
        answer = DISCOVERED.get(self.path.split("?")[0], MISSING)
        self.give_json(answer.get("code", 200), answer)


class Discovery(serving.Server):
    """As much of a kube-apiserver as kubectl asks before it can say what a document is, for everybody, over http."""

    def __init__(self):
        super().__init__(DiscoveryHandler)
