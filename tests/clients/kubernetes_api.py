# SPDX-License-Identifier: Apache-2.0
"""As much of a Kubernetes API server as kubectl asks for one pod, over https, for whoever brings a bearer token that `allows` says yes to."""
import json
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        api = self.server.api
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        allowed = scheme == "Bearer" and api.allows(token)
        answer = ANSWERS.get(self.path.split("?")[0], MISSING) if allowed else UNAUTHORIZED
        status = answer.get("code", 200)
        api.statuses.append(status)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Api:
    def __init__(self, folder, allows):
        self.allows, self.statuses = allows, []
        key, self.ca_file = os.path.join(folder, "api.key"), os.path.join(folder, "api.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
                        self.ca_file, "-days", "2", "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
                       capture_output=True, check=True)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.api = self
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.authority = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class DiscoveryHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        def resources(group, *kinds):
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": [
                {"name": kind.lower() + "s", "singularName": "", "namespaced": True, "kind": kind, "verbs": ["create", "get"]} for kind in kinds]}
        apps = {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"}}
        answers = {"/api": {"kind": "APIVersions", "versions": ["v1"]}, "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [apps]},
                   "/api/v1": resources("v1", "ServiceAccount", "Pod"), "/apis/apps/v1": resources("apps/v1", "Deployment")}
        answer = answers.get(self.path.split("?")[0])
        body = json.dumps(answer or MISSING).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Discovery:
    """As much of a kube-apiserver as kubectl asks before it can say what a document is, for everybody, over http."""

    def __init__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), DiscoveryHandler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
