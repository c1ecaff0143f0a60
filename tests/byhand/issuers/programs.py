# SPDX-License-Identifier: Apache-2.0
"""The servers that the issuers are, built from the Go module proxy, once; Go asks its checksum database for the modules' hashes."""
import os
import subprocess

import cached
import golang

FOLDER = os.path.join(cached.cache(), "byhand-issuers")
KUBERNETES = "1.37.2"
STAGED = """api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap code-generator
    component-base component-helpers controller-manager cri-api cri-client cri-streaming csi-translation-lib dynamic-resource-allocation
    endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics mount-utils
    pod-security-admission sample-apiserver sample-cli-plugin sample-controller streaming""".split()
MODULES = {
    "etcd": (["go.etcd.io/etcd/server/v3 v3.7.3"], ["go.etcd.io/etcd/server/v3"]),
    "kubernetes": ([f"k8s.io/kubernetes v{KUBERNETES}"], ["k8s.io/kubernetes/cmd/kube-apiserver"]),
    "spire": (["github.com/spiffe/spire v1.13.3"],
              ["github.com/spiffe/spire/" + name for name in ("cmd/spire-server", "cmd/spire-agent", "support/oidc-discovery-provider")]),
}


def build(name):
    modules, packages = MODULES[name]
    folder = os.path.join(FOLDER, name)
    os.makedirs(folder, exist_ok=True)
    # Kubernetes' own modules have no versions in its go.mod.
    replaced = [f"k8s.io/{part} => k8s.io/{part} v0{KUBERNETES[1:]}" for part in STAGED if name == "kubernetes"]
    with open(os.path.join(folder, "go.mod"), "w", encoding="ascii") as file:
        file.write(f"module {name}\n\ngo 1.26.0\n" + "".join(f"require {one}\n" for one in modules)
                   + "".join(f"replace {one}\n" for one in replaced))
    environment = golang.environment(GOFLAGS="-mod=mod -modcacherw " + os.environ.get("GOFLAGS", ""))
    subprocess.run([golang.compiler(), "build", "-C", folder, "-trimpath", "-ldflags=-s -w", "-o", os.path.join(FOLDER, "bin") + os.sep,
                    *packages], env=environment, check=True)
