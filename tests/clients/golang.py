# SPDX-License-Identifier: Apache-2.0
"""Go, and programs that are built from the Go module proxy, at pinned versions, in a cache folder outside the tree.

    DEX = None

    def setUpModule():
        global DEX
        DEX = golang.program("dex")

`golang/NAME/go.mod` pins a program's modules, and its `tool` line says which package the program is; `go.sum` has their hashes.
`golang/NAME/environment`, if it is there, sets variables for the build, a NAME=VALUE a line. The Go that builds them is one of
PyPI's (`pypi/go.txt`), since Debian 12's is too old for them. What was built once is used again; the first build of a program
takes minutes. Without a network it is as with `pypi.py`: skipped, or with CI set a failure.

A program from another version: change its line in go.mod, and run `go mod tidy` there."""
import fcntl
import hashlib
import os

import cached
import pypi

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golang")


def compiler():
    """The path of `go`."""
    return pypi.program("go", "go")


def environment(**more):
    """What go is run with: nothing of the user's own Go but where it gets modules from."""
    places = {name: value for name, value in os.environ.items() if not name.startswith(("GO", "CGO_")) or name in
              ("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOENV")}
    folder = os.path.join(cached.cache(), "golang")
    return {**places, "GOPATH": folder, "GOCACHE": os.path.join(folder, "build"), "GOFLAGS": "-mod=readonly -modcacherw",
            "GOTOOLCHAIN": "local", **more}


def program(name):
    """The program that golang/NAME/go.mod has as its tool."""
    source = os.path.join(PROGRAMS, name)
    digest = hashlib.sha256()
    for path in [os.path.join(source, file) for file in sorted(os.listdir(source))] + [os.path.join(pypi.REQUIREMENTS, "go.txt")]:
        with open(path, "rb") as file:
            digest.update(file.read() + b"\0")
    return os.path.join(cached.made("go-" + name, digest.hexdigest()[:16], lambda folder: build(name, source, folder)), name)


def build(name, source, folder):
    go = compiler()
    more = {}
    if os.path.exists(os.path.join(source, "environment")):
        with open(os.path.join(source, "environment"), encoding="ascii") as file:
            more = dict(line.split("=", 1) for line in file.read().splitlines() if not line.startswith("#"))
    os.mkdir(folder)
    with open(os.path.join(cached.cache(), "golang.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would take no less time, and twice the memory
        cached.run(name + " by way of the Go module proxy",
                   [go, "build", "-C", source, "-trimpath", "-ldflags=-s -w", "-o", folder + os.sep, "tool"], env=environment(**more))
